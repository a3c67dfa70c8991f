"""``vs-tecogan fluid``: smoke in files: enlarge fields and volumes."""

import argparse
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import UsageError, UserError
from ..files import write_file
from ..fluids.filter import MODEL, open_fluid
from ..fluids.upscale import upscale
from ..jobs.preview import write_png
from ..networks.tempogan import FluidSR
from .common import say

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_ABOUT = """\
FIELDS is a NumPy archive (.npz) with density, (y, x) or (z, y, x), and, where the model sees it, velocity: (2, y, x) or
(3, z, y, x), x first, in cells per step, y downwards. OUT gets the fine density under the same name.
"""


def add_parser(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to ``vs-tecogan``."""
    parser = subparsers.add_parser("fluid", allow_abbrev=False)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    enlarge = actions.add_parser("upscale", help="enlarge simulated smoke", description=_ABOUT, allow_abbrev=False)
    enlarge.add_argument("fields", metavar="FIELDS", type=Path, help="file to read, .npz")
    enlarge.add_argument("output", metavar="OUT", type=Path, help="file to write, .npz")
    enlarge.add_argument("--model", default=MODEL, help=f"a model for smoke, by name or file (default {MODEL})")
    enlarge.add_argument("--tile", type=int, default=64, help="most cells of a tile's side; 0 is no tiles (default 64)")
    enlarge.add_argument("--slices", metavar="FOLDER", type=Path, help="also write slices along z as PNG, to look at")
    enlarge.add_argument("-y", "--overwrite", action="store_true", help="replace OUT if it exists")
    enlarge.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Enlarge, and report on stderr.

    :raises UserError: a file or the model cannot be used.
    """
    if args.output.suffix != ".npz":
        raise UsageError(f"{args.output.name}: expected a file name that ends in .npz")
    if args.output.exists() and not args.overwrite:
        raise UsageError(f"{args.output} exists; give another name, or -y to replace it")
    if args.tile < 0:
        raise UsageError(f"--tile {args.tile}; give a number of cells, or 0")
    network, card = open_fluid(args.model)
    density, velocity = read_fields(args.fields, network)
    fine = upscale(network, density, velocity, tile=args.tile)[0, 0].numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, density=fine)
    try:
        write_file(args.output, buffer.getbuffer())
        if args.slices is not None:
            write_slices(fine, args.slices)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or args.output}: {error.strerror or error}") from error
    say(f"{args.output}: density of {' x '.join(map(str, fine.shape))} cells, by {card.name}")
    return 0


def read_fields(path: Path, network: FluidSR) -> tuple[Tensor, Tensor | None]:
    """Density (1, 1, ...) and velocity (1, d, ...) as the network takes them.

    :raises UsageError: the file cannot be read, or holds fields of another kind.
    """
    spec = network.spec
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: _field(archive[name], path, name) for name in ("density", "velocity") if name in archive}
    except UserError:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise UsageError(f"{path}: not a readable .npz archive of plain arrays ({error})") from error
    density, velocity = found.get("density"), found.get("velocity")
    axes = "(y, x)" if spec.dimensions == 2 else "(z, y, x)"
    if density is None or density.dim() != spec.dimensions:
        came = "none" if density is None else f"one of shape {tuple(density.shape)}"
        hint = f"; give --model one in {density.dim()}-D" if density is not None and density.dim() in (2, 3) else ""
        raise UsageError(f"{path}: expected a density {axes} for a model in {spec.dimensions}-D; found {came}{hint}")
    wanted = (spec.dimensions, *density.shape)
    if spec.inputs == "density":
        return density[None, None], None
    if velocity is None or velocity.shape != wanted:
        came = "none" if velocity is None else f"one of shape {tuple(velocity.shape)}"
        raise UsageError(f"{path}: the model sees velocity; expected one of shape {wanted}, found {came}")
    return density[None, None], velocity[None]


def _field(array: "np.ndarray[Any, Any]", path: Path, name: str) -> Tensor:
    if array.dtype.kind not in "fiu" or not array.size:
        raise UsageError(f"{path}: {name} is {array.dtype} of shape {array.shape}; expected numbers")
    values = torch.from_numpy(np.ascontiguousarray(array, np.float32))
    if not bool(values.isfinite().all()):
        raise UsageError(f"{path}: {name} holds NaN or infinity")
    return values


def write_slices(density: "np.ndarray[Any, Any]", folder: Path) -> None:
    """Grey pictures of a volume (z, y, x), or one of a field (y, x).

    :raises OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    volume = density if density.ndim == 3 else density[None]
    for number, plane in enumerate(volume):
        levels = (plane.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        write_png(folder / f"{number:04d}.png", np.repeat(levels[..., None], 3, axis=2))
