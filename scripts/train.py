"""Train a model: ``python scripts/train.py --config frvsr-modern --store DATA --out RUN``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vs_tecogan.cli import train
from vs_tecogan.cli.common import Parser, guarded

if __name__ == "__main__":
    parser = Parser(prog="train.py", description=__doc__, allow_abbrev=False)
    train.add_arguments(parser)
    args = parser.parse_args()
    sys.exit(guarded(lambda: train.run(args)))
