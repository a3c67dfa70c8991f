"""What a run leaves to look at: metrics.csv, TensorBoard, animated pictures, a progress line."""

import csv
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ...files import partial_file
from ..objectives.base import Preview
from .picture import gif, side_by_side

log = logging.getLogger(__name__)


class Logs:
    """Writer of one run; does nothing in processes other than the first.

    What cannot be written, on a full disk say, is given up with one warning: a run is worth more than its logs, and
    its checkpoints report a full disk themselves.

    :param run: folder of the run.
    :param iteration: where the run goes on; rows of the table from there on are dropped, they will come again.
    :param name: of the table and, unless it is that of the run itself, of a folder within TensorBoard's.
    """

    def __init__(
        self, run: Path, *, tensorboard: bool, active: bool, iteration: int = 0, name: str = "metrics"
    ) -> None:
        self._run, self._active = run, active
        self._board: Any = None
        self._dropped: set[Path] = set()
        self._table, self._samples = run / f"{name}.csv", run / "samples"
        self._boards = run / "tensorboard" / ("" if name == "metrics" else name)
        if not active:
            return
        with self._writing(self._table):
            trim_table(self._table, iteration)
        if tensorboard:
            try:  # an optional extra
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                log.warning("tensorboard is not installed; metrics.csv and pictures are written all the same")
            else:
                with self._writing(self._boards):
                    self._board = SummaryWriter(str(self._boards), purge_step=iteration)

    @contextmanager
    def _writing(self, place: Path) -> Iterator[None]:
        """Give up the log kept in ``place``, a file or folder, when it cannot be written."""
        try:
            yield
        except OSError as error:
            self._dropped.add(place)
            log.warning("cannot write %s (%s); the run goes on without it", place, error.strerror or error)

    def _wanted(self, place: Path) -> bool:
        return self._active and place not in self._dropped

    def _on_board(self) -> bool:
        return self._board is not None and self._wanted(self._boards)

    def scalars(self, iteration: int, values: dict[str, float]) -> None:
        """One row of the table and as many TensorBoard points."""
        if self._wanted(self._table):
            with self._writing(self._table):
                append_row(self._table, {"iteration": iteration, **values})
        if self._on_board():
            with self._writing(self._boards):
                for name, value in values.items():
                    self._board.add_scalar(name, value, iteration)

    def motion(self, iteration: int, name: str, preview: Preview) -> None:
        """Input, output and target side by side, as a still and an animated GIF; flow as histograms."""
        if preview.flows is not None:
            self._flow(iteration, preview.flows)
        if not self._wanted(self._samples) and not self._on_board():
            return
        frames = side_by_side(preview)
        data = gif(frames)
        if data and self._wanted(self._samples):
            with self._writing(self._samples):
                self._samples.mkdir(exist_ok=True)
                (self._samples / f"{name}-{iteration:08d}.gif").write_bytes(data)
        if self._on_board():
            with self._writing(self._boards):
                self._board.add_image(f"{name}/middle", frames[len(frames) // 2], iteration, dataformats="HWC")
                if data:
                    add_gif(self._board, f"{name}/motion", data, frames.shape, iteration)

    def _flow(self, iteration: int, flows: Tensor) -> None:
        """Histograms of both components of the flow, LR pixels."""
        if self._on_board():
            with self._writing(self._boards):
                for axis, name in enumerate("xy"):
                    self._board.add_histogram(f"flow/{name}", flows[..., axis, :, :].detach().float().cpu(), iteration)

    def close(self) -> None:
        """Write what is buffered."""
        if self._on_board():
            with self._writing(self._boards):
                self._board.close()


def append_row(path: Path, row: dict[str, float]) -> None:
    """Append to a table; when a column appears for the first time the whole table is rewritten with it."""
    if path.exists():
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            rows = list(reader) if set(row) - set(columns) else None
    else:
        columns, rows = [], []
    if rows is not None:
        columns += [name for name in row if name not in columns]
        _write_table(path, columns, rows)
    with path.open("a", newline="", encoding="utf-8") as stream:
        csv.DictWriter(stream, columns, restval="").writerow({k: _short(v) for k, v in row.items()})


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none where there is no file that can be read."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [row for row in csv.DictReader(stream) if row.get("iteration")]
    except OSError:
        return []


def trim_table(path: Path, iteration: int) -> None:
    """Drop the rows of iterations after ``iteration``, which a resumed run will write again."""
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        columns = list(reader.fieldnames or ())
        rows = [row for row in reader if (row.get("iteration") or "").isdigit() and int(row["iteration"]) <= iteration]
    _write_table(path, columns, rows if iteration else [])


def _write_table(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    with partial_file(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore")
        if columns:
            writer.writeheader()
        writer.writerows(rows)


def _short(value: float) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def add_gif(board: Any, tag: str, data: bytes, shape: tuple[int, ...], iteration: int) -> None:
    """Put an animated GIF into TensorBoard as an image; ``add_video`` would need another library for the encoding."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(height=shape[1], width=shape[2], colorspace=3, encoded_image_string=data)
    board.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), iteration)
