#!/usr/bin/env python3
"""Convert an official TensorFlow TecoGAN or FRVSR checkpoint to a safetensors model.

    python scripts/convert_tf.py model/TecoGAN tecogan-official.safetensors

CHECKPOINT is the prefix of the files (``TecoGAN.index``, ``TecoGAN.data-...``), or an ``.npz`` file that holds
the variables by name. Needs TensorFlow for a checkpoint (``pip install tensorflow``), nothing for an ``.npz``.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from vs_tecogan.errors import WeightsError
from vs_tecogan.weights import ModelCard, generator_from_tensorflow, save_model


def read_variables(checkpoint: Path) -> dict[str, np.ndarray]:
    """Variables of the generator and of FNet by name; training slots are left out.

    :raises FileNotFoundError: no such checkpoint.
    :raises WeightsError: TensorFlow is needed and not installed, or cannot read the files.
    """
    if checkpoint.suffix == ".npz":
        with np.load(checkpoint, allow_pickle=False) as arrays:
            return dict(arrays)
    prefix = checkpoint.with_suffix("") if checkpoint.suffix in (".index", ".meta") else checkpoint
    if not Path(f"{prefix}.index").is_file():
        raise FileNotFoundError(f"{prefix}.index does not exist; give the checkpoint's prefix, as in model/TecoGAN")
    try:
        from tensorflow.python.training import py_checkpoint_reader
    except ImportError as error:
        raise WeightsError("TensorFlow is needed to read this checkpoint; pip install tensorflow") from error
    reader = py_checkpoint_reader.NewCheckpointReader(str(prefix))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(("generator/", "fnet/"))]
    return {name: reader.get_tensor(name) for name in names if name.endswith(("/weights", "/biases"))}


def main() -> int:
    """Run the script; 0 if the model was written, 2 with one line on stderr if not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="prefix of the checkpoint's files, or .npz")
    parser.add_argument("model", type=Path, metavar="MODEL", help=".safetensors file to write")
    parser.add_argument("--licence", default="", help="licence of the weights, kept in the file")
    args = parser.parse_args()
    try:
        if args.model.suffix != ".safetensors":
            raise WeightsError(f"MODEL {args.model} has suffix {args.model.suffix!r}; expected .safetensors")
        generator = generator_from_tensorflow(read_variables(args.checkpoint))
        card = ModelCard(
            name=args.model.stem,
            spec=generator.spec,
            description=f"official TensorFlow weights, {generator.spec.blocks} blocks",
            degradation="BD, sigma 1.5",
            licence=args.licence,
        )
        save_model(args.model, generator, card)
    except (WeightsError, OSError, ValueError) as error:
        print(f"convert_tf: {error}", file=sys.stderr)
        return 2
    print(f"{args.model}: x4, {generator.spec.blocks} blocks, dialect tf", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
