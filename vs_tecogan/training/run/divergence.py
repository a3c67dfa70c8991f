"""What a run leaves behind when a loss is not finite: never a newest checkpoint that would fail again at once."""

from pathlib import Path
from typing import Any

from ...errors import TrainingError
from . import checkpoint


def leave_resumable(run: Path, iteration: int, began: int, state: dict[str, Any]) -> str:
    """Keep the weights that gave the NaN out of the way of the next ``--resume``, and say what to resume instead.

    They were finite, but a step before may have spoilt them, and whether it did nobody knows. A checkpoint that this
    session began from is left where it is: the session's settings may be all that is wrong.

    :param began: iteration that this session began from.
    :raises TrainingError: the disk does not allow it.
    """
    own = checkpoint.checkpoint_folder(run) / f"{iteration:08d}.pt"
    kept = own.with_name(own.name + ".aside")
    older = [path for path in checkpoint.numbered(run) if path.name < own.name]
    if iteration == began and own.exists():
        return f"resume {own}" + (f" or, if that fails again, the older {older[-1]}," if older else "")
    if own.exists():
        try:
            own.replace(kept)
        except OSError as error:
            raise TrainingError(f"cannot rename {own}: {error.strerror}") from error
    else:
        checkpoint.save(kept, state)
    if not older:
        return f"these weights are in {kept}, there is no earlier checkpoint: begin anew"
    behind = iteration - int(older[-1].stem)
    return f"these weights are in {kept}; resume the last good checkpoint {older[-1]} (iterations lost: {behind})"
