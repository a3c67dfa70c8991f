#!/usr/bin/env bash
# The operators' tests under the sanitizers of GCC: bash scripts/sanitize.sh [address|thread] [pytest arguments]
#
# "address" (the default): AddressSanitizer and UndefinedBehaviorSanitizer. "thread": ThreadSanitizer, with the
# extension's own threads, because the sanitizer cannot see into OpenMP's.
#
# The tests that run by default are those of the operators, of the bindings under hostile arguments and, with threads, of
# the CPU engine. The extension is built beside a copy of the package in a temporary folder; the checkout stays as it is.
# PYTHON names the Python to use.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kind=address
if [[ ${1:-} == address || ${1:-} == thread ]]; then
  kind=$1
  shift
fi
PYTHON=${PYTHON:-$root/.venv/bin/python}
CXX=${CXX:-g++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$root/vs_tecogan" "$root/csrc" "$root/models" "$root/tests" "$root/pyproject.toml" "$work/"
rm -f "$work"/vs_tecogan/_native*

if [[ $kind == address ]]; then
  flags=(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  runtime=libasan.so
  # Python and torch keep memory until the end.
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
else
  flags=(-fsanitize=thread -DVST_OWN_THREADS)
  runtime=libtsan.so
  # Only the extension is instrumented: what torch's libraries do among themselves is not to be judged.
  export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1
fi

cd "$work"
read -ra includes <<<"$("$PYTHON" -m pybind11 --includes)"
suffix=$("$PYTHON" -c "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))")
# As many compilers at once as JOBS says, else as there are processors.
printf '%s\n' csrc/*.cpp | xargs -P "${JOBS:-$(nproc)}" -I{} "$CXX" -std=c++17 -O1 -g1 -fno-omit-frame-pointer -fPIC \
  -fvisibility=hidden -Wno-psabi "${flags[@]}" -Icsrc "${includes[@]}" -c {} -o {}.o
"$CXX" -shared "${flags[@]}" csrc/*.o -pthread -ldl -o "vs_tecogan/_native$suffix"

tests=("$@")
if ((${#tests[@]} == 0)); then
  tests=(tests/ops/test_native.py tests/ops/test_winograd.py tests/ops/test_deconv.py)
  [[ $kind == address ]] && tests+=(tests/ops/test_bindings.py) || tests+=(tests/engine/test_native_engine.py)
fi
if [[ $kind == thread ]]; then  # these are about OpenMP's threads, which this build does not use
  tests+=(--deselect tests/ops/test_native.py::test_the_team_is_torchs)
  tests+=(--deselect tests/ops/test_native.py::test_the_team_is_torchs_where_torch_hides_it)
  tests+=(--deselect tests/ops/test_native.py::test_waiting_threads_rest)
fi
# The sanitizer's library has to come first, and the C++ library with it: it stands in for its exceptions.
LD_PRELOAD="$("$CXX" -print-file-name=$runtime) $("$CXX" -print-file-name=libstdc++.so.6)" PYTHONPATH=$work \
  OMP_NUM_THREADS=2 "$PYTHON" -m pytest -q -p no:cacheprovider "${tests[@]}"
