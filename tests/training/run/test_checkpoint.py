"""Which checkpoints a run keeps, and what becomes of them when someone goes back."""

from pathlib import Path

import pytest
import torch

from vs_tecogan.errors import TrainingError
from vs_tecogan.training.run import checkpoint


def names(run: Path) -> list[str]:
    return sorted(path.name for path in checkpoint.checkpoint_folder(run).iterdir())


@pytest.mark.parametrize(("keep", "kept"), [(1, ["00000002.pt"]), (2, ["00000002.pt", "00000009.pt"])])
def test_the_checkpoint_just_written_stays(tmp_path: Path, keep: int, kept: list[str]) -> None:
    """Would catch the work of a run that has gone back removed for the sake of a higher number."""
    for iteration in (7, 8, 9, 2):
        checkpoint.save_numbered(tmp_path, iteration, {}, keep)
    assert names(tmp_path) == kept


@pytest.mark.parametrize("judged", [2, 6])
def test_going_back_sets_newer_ones_aside(tmp_path: Path, judged: int) -> None:
    """Would catch a run continued from what was given up, its best checkpoint too, or older ones lost."""
    folder = checkpoint.checkpoint_folder(tmp_path)
    for name, iteration in (("00000002.pt", 2), ("00000004.pt", 4), ("00000006.pt", 6), ("best.pt", judged)):
        checkpoint.save(folder / name, {"format": checkpoint.FORMAT, "iteration": iteration})
    checkpoint.set_newer_aside(tmp_path, 6)
    assert names(tmp_path) == ["00000002.pt", "00000004.pt", "00000006.pt", "best.pt"], "nothing is newer"
    checkpoint.set_newer_aside(tmp_path, 4)
    best = "best.pt" if judged == 2 else "best.pt.aside"
    assert names(tmp_path) == ["00000002.pt", "00000004.pt", "00000006.pt.aside", best]
    assert checkpoint.find(tmp_path).name == "00000004.pt"
    assert torch.load(folder / "00000006.pt.aside")["iteration"] == 6


def test_a_folder_with_a_run_is_refused(tmp_path: Path) -> None:
    """Would catch two runs whose checkpoints push each other out of one folder."""
    checkpoint.refuse_another_run(tmp_path / "absent")
    checkpoint.save_numbered(tmp_path, 1, {}, 1)
    with pytest.raises(TrainingError, match="already holds a run; continue it"):
        checkpoint.refuse_another_run(tmp_path)
