#!/usr/bin/env bash
# Compile the native code as the compilers of other systems do: bash scripts/check_compilers.sh [quick|least]
#
# - GCC, oldest and newest of those installed (g++-11 and later), and Clang: every file.
# - MSVC's dialect, by Clang's cl driver: the kernels.
# - Windows (x86-64), Linux (aarch64) and macOS (both), cross-compiled by Zig (pip install ziglang). The bindings only for
#   Linux: Python's headers here describe this system.
# - tests/ops/twins.cpp linked with the kernels and run: here, and for aarch64 under qemu-user where it is installed. It
#   says how many times faster than plain loops each operator is. An emulator's figures compare with each other alone.
#
# "quick" leaves out the cross-compilers. "least" takes 20 seconds: MSVC's dialect, and vectors without intrinsics. What
# is not installed is named and left out. PYTHON names the Python that has pybind11 and ziglang.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
KERNELS=(csrc/dispatch.cpp csrc/parallel.cpp csrc/kernels_base.cpp csrc/kernels_avx2.cpp csrc/kernels_avx512.cpp
         csrc/kernels_avx512bf16.cpp)
FLAGS=(-std=c++17 -O2 -fno-math-errno -fno-trapping-math -fvisibility=hidden -Wall -Wextra -Wno-psabi -Werror -Icsrc)
[[ ${1:-} == least ]] || read -ra PYBIND <<<"$("$PYTHON" -m pybind11 --includes)"

have() { command -v "$1" >/dev/null || { echo "-- $1 is not installed: left out"; return 1; }; }

# compile_all NAME COMMAND...: every file to an object; the bindings too, unless it is for Windows or macOS.
compile_all() {
  local name=$1 file
  shift
  mkdir -p "$out/$name"
  for file in "${KERNELS[@]}"; do
    "$@" "${FLAGS[@]}" -c "$file" -o "$out/$name/$(basename "$file" .cpp).o"
  done
  [[ $name == *windows* || $name == *macos* ]] ||
    "$@" "${FLAGS[@]}" "${PYBIND[@]}" -c csrc/bindings.cpp -o "$out/$name.bindings.o"
  echo "-- $name: compiles"
}

# run_twins NAME EMULATOR COMMAND...: link the objects of NAME with the twins, and run them.
run_twins() {
  local name=$1 emulator=$2
  shift 2
  "$@" "${FLAGS[@]}" tests/ops/twins.cpp "$out/$name"/*.o -pthread ${LINK:-} -o "$out/$name.twins"
  $emulator "$out/$name.twins" >"$out/$name.log" || { cat "$out/$name.log"; return 1; }
  echo "-- $name: $(grep -c threads "$out/$name.log") runs, $(tail -n 1 "$out/$name.log")"
  sed -n '/its plain loop/s/^/     /p' "$out/$name.log"
}

compilers=(g++-11 g++ clang++)
[[ ${1:-} == least ]] && compilers=()
for compiler in "${compilers[@]}"; do
  have "$compiler" || continue
  compile_all "$compiler" "$compiler" -fPIC
  LINK=-ldl run_twins "$compiler" "" "$compiler"
done

if have g++; then
  mkdir -p "$out/plain"
  for file in csrc/dispatch.cpp csrc/parallel.cpp csrc/kernels_base.cpp; do
    g++ "${FLAGS[@]}" -DVST_PLAIN_VECTORS -DVST_ONE_LEVEL -DVST_OWN_THREADS -c "$file" -o "$out/plain/$(basename "$file" .cpp).o"
  done
  LINK=-ldl run_twins plain "" g++
fi

if have clang++; then
  # Without MSVC's own headers: the few functions that the kernels use stand here. parallel.cpp and the bindings need
  # the standard library and are left to a build on Windows.
  headers=$out/headers
  mkdir -p "$headers"
  printf '#include <stddef.h>\nnamespace std {\nusing ::ptrdiff_t;\nusing ::size_t;\n}\n' >"$headers/cstddef"
  printf '#include <stdint.h>\nnamespace std {\nusing ::int32_t;\nusing ::uint32_t;\n}\n' >"$headers/cstdint"
  printf '#include <stddef.h>\nextern "C" {\nvoid* memcpy(void*, const void*, size_t);\nvoid* memset(void*, int, size_t);\n}\n' \
    >"$headers/string.h"
  printf '#include <stddef.h>\nextern "C" {\nvoid* malloc(size_t);\nvoid free(void*);\nvoid abort();\n}\n' >"$headers/stdlib.h"
  printf 'extern "C" float rintf(float);\n' >"$headers/math.h"
  printf '#include <immintrin.h>\nextern "C" void __cpuidex(int*, int, int);\n' >"$headers/intrin.h"
  parse() {
    clang++ --driver-mode=cl --target=x86_64-pc-windows-msvc /std:c++17 /W4 /WX -Wno-unused-command-line-argument \
      -Icsrc -fsyntax-only /clang:-ffreestanding /imsvc "$headers" "$@"
  }
  parse csrc/dispatch.cpp
  parse csrc/kernels_base.cpp
  parse /arch:AVX2 csrc/kernels_avx2.cpp
  parse /arch:AVX512 csrc/kernels_avx512.cpp
  parse /arch:AVX512 /clang:-mavx512bf16 csrc/kernels_avx512bf16.cpp
  echo "-- MSVC's dialect: the kernels parse"
fi

[[ ${1:-} == quick || ${1:-} == least ]] && exit 0

if ! "$PYTHON" -c "import ziglang" 2>/dev/null; then
  echo "-- ziglang is not installed ($PYTHON -m pip install ziglang): cross-compilers left out"
  exit 0
fi

for target in x86_64-windows-gnu aarch64-linux-gnu x86_64-macos aarch64-macos; do
  compile_all "zig-$target" "$PYTHON" -m ziglang c++ -target "$target"
done

if have qemu-aarch64-static; then
  LINK=-static TARGET=aarch64-linux-musl
  mkdir -p "$out/neon"
  for file in csrc/dispatch.cpp csrc/parallel.cpp csrc/kernels_base.cpp; do
    "$PYTHON" -m ziglang c++ -target $TARGET "${FLAGS[@]}" -c "$file" -o "$out/neon/$(basename "$file" .cpp).o"
  done
  LINK=-static run_twins neon qemu-aarch64-static "$PYTHON" -m ziglang c++ -target $TARGET
fi

