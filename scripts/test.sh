#!/usr/bin/env bash
# Run every test: bash scripts/test.sh [pytest options]
#
# Makes .venv and installs the package with its development tools if that has not been done. Tests that need a GPU or
# footage that is not part of the repository say why they are skipped.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
ensure_venv dev
cd "$root"
# vspipe finds its Python through PATH.
PATH=$venv/bin:$PATH exec "$venv/bin/python" -m pytest "$@"
