"""How close and how steady: python measure.py RESULT REFERENCE

RESULT and REFERENCE are videos or folders of images of one size. `vs-tecogan evaluate` does more.
"""

import sys
from pathlib import Path

from vs_tecogan.metrics import evaluate_pair
from vs_tecogan.metrics.sources import open_clip


def main(result: Path, reference: Path) -> None:
    """Print the means over all frames."""
    scores = evaluate_pair(
        open_clip(result).frames(), open_clip(reference).frames(), metrics=("psnr", "ssim", "tof"), protocol="plain"
    )
    for name, value in scores.means.items():
        print(f"{name} {value:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
