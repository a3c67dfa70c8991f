"""Turn videos into a store of training clips: ``python scripts/prepare_data.py VIDEOS... --out DIR``."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vs_tecogan.cli import prepare

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    prepare.add_arguments(parser)
    sys.exit(prepare.run(parser.parse_args()))
