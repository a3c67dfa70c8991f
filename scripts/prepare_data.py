"""Turn videos into a store of training clips: ``python scripts/prepare_data.py VIDEOS... --out DIR``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vs_tecogan.cli import prepare
from vs_tecogan.cli.common import Parser, guarded

if __name__ == "__main__":
    parser = Parser(prog="prepare_data.py", description=__doc__, allow_abbrev=False)
    prepare.add_arguments(parser)
    args = parser.parse_args()
    sys.exit(guarded(lambda: prepare.run(args)))
