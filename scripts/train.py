"""Train a model: ``python scripts/train.py --config configs/frvsr-modern.toml --store DATA --out RUN``."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vs_tecogan.cli import train

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    train.add_arguments(parser)
    sys.exit(train.run(parser.parse_args()))
