#!/usr/bin/env bash
# The CPU engine on 64-bit ARM, against plain torch, in an emulator: bash scripts/check_arm.sh ROOT [benchmark options]
#
# Zig (pip install ziglang) compiles the extension with the flags of setup.py. Then `scripts/benchmark.py engine` runs in
# ROOT's Python under qemu-user. The first line says what the extension is. In the table `against_plain` counts: times
# under an emulator compare with each other alone.
#
# ROOT is made of packages, with apt set to Debian trixie and arm64 (-o APT::Architecture=arm64, folders of its own):
#   apt-get install --download-only --no-install-recommends python3.13 libstdc++6; apt-get download libpython3.13-dev
#   for deb in *.deb; do dpkg -x "$deb" ROOT; done; ln -s usr/lib ROOT/lib
#   pip install --target ROOT/site --no-deps --only-binary=:all: --python-version 313 \
#     --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_17_aarch64 \
#     torch==2.9.1 numpy safetensors filelock typing_extensions sympy mpmath networkx jinja2 markupsafe fsspec setuptools
# Newer torch for ARM on PyPI wants CUDA.
#
# PYTHON names the Python that has pybind11 and ziglang, CPU the emulated processor (qemu-aarch64-static -cpu help).
set -euo pipefail

if (($# < 1)); then
  sed -n '2p' "$0" | sed 's/^# \{0,1\}//' >&2
  exit 2
fi
root=$(cd "$1" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r vs_tecogan models scripts "$work/"
rm -f "$work"/vs_tecogan/_native*

pythons=("$root"/usr/bin/python3.[0-9]*)
python=${pythons[0]}
emulated() {
  OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work:$root/site \
    qemu-aarch64-static -L "$root" -cpu "${CPU:-neoverse-n1}" "$python" "$@"
}

compiler=("$PYTHON" -m ziglang c++ -target aarch64-linux-gnu.2.28)
read -ra flags <<<"$(sed -n 's/^GNU_FLAGS = \[\(.*\)\]/\1/p' setup.py | tr -d '",')"
includes=(-Icsrc -I"$root/usr/include/${python##*/}" -I"$root/usr/include")
includes+=(-I"$("$PYTHON" -c 'import pybind11; print(pybind11.get_include())')")
for file in csrc/*.cpp; do
  "${compiler[@]}" "${flags[@]}" -fPIC -DNDEBUG "${includes[@]}" -c "$file" -o "$work/$(basename "$file").o"
done
suffix=$(emulated -c "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))")
"${compiler[@]}" -shared "$work"/*.o -pthread -ldl -o "$work/vs_tecogan/_native$suffix"

cd "$work"
emulated -c "from vs_tecogan.ops import native; print('--', native.describe())"
emulated scripts/benchmark.py engine --model recurrent-small-4x --size 64x48 --precision fp32 --threads 1 --clock cpu \
  --repeats 3 "$@"
