# Sourced by the scripts beside it: makes .venv at the top of the checkout and installs the package into it, once.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

# find_python: prints a Python of version 3.12 or newer that can make virtual environments.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.12 python3.13 python3.14 python3 python; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  echo "no Python 3.12 or newer with its venv module found: install one, or name it: PYTHON=/path/to/python3.12" >&2
  return 1
}

# fingerprint: changes whenever an installed checkout has to be installed again.
fingerprint() {
  (cd "$root" && find pyproject.toml setup.py csrc -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 cat | cksum)
}

# light_torch: torch without CUDA, some GB smaller, on Linux without a GPU where torch's own index answers.
light_torch() {
  [[ $(uname -s) == Linux && ! -e /dev/nvidiactl && ! -e /dev/kfd ]] || return 0
  "$venv/bin/python" -c 'import torch' >/dev/null 2>&1 && return
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --timeout 15 --retries 0 \
    --index-url https://download.pytorch.org/whl/cpu torch </dev/null >/dev/null 2>&1 || return 0
  echo "no GPU here: took torch for the CPU" >&2
}

# ensure_venv [EXTRA]: an up-to-date .venv with the package, and the optional dependencies EXTRA, in it.
ensure_venv() {
  local extra=${1:-} stamp=$venv/.vs-tecogan-installed wanted
  wanted=$(fingerprint)
  if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then
    local python
    python=$(find_python)
    echo "making $venv" >&2
    "$python" -m venv --clear "$venv" >&2
  fi
  if [[ -f $stamp && $(head -n 1 "$stamp") == "$wanted" ]] && grep -qx "extra:$extra" "$stamp"; then
    return
  fi
  if [[ -z $extra ]]; then
    light_torch
  fi
  echo "installing vs-tecogan${extra:+ with what $extra needs} into $venv: several GB the first time" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$root${extra:+[$extra]}" </dev/null >&2
  # Any extra includes the plain package, so that a run without one finds itself served.
  printf '%s\n' "$wanted" "extra:" "extra:$extra" >"$stamp"
}
