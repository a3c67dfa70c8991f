#!/usr/bin/env bash
# All that a graphics card is good for, in at most 12 minutes: bash scripts/gpu_check.sh OUT [STORE [train options]]
#
#   1 parity    the tests of kernels, engine, runtime and filter that need a card   150 s
#   2 speed     the engine at 480x270                                                75 s
#   3 training  RecurrentSR from STORE, with checkpoints in OUT/run                 360 s
#   4 rest      the engine against eager torch, the card's convolutions, the filter 135 s
#
# Each step leaves OUT/STEP.json (result, exit code, seconds), OUT/STEP.log and its own files. A step that was done is
# left out when the script runs again; training goes on from its newest checkpoint. STORE is made by vs-tecogan prepare.
#
# PYTHON=FILE   a Python that has everything, on a machine without a network; else .venv is made
# DEVICE=cpu    rehearse without a card, at tiny sizes
set -uo pipefail

if (($# < 1)); then
  sed -n '2,4p' "$0" | sed 's/^# \{0,1\}//' >&2
  exit 2
fi
device=${DEVICE:-cuda}
mkdir -p "$1" && out=$(cd "$1" && pwd) && store=${2:+$(cd "$2" && pwd)}
shift $(($# < 2 ? $# : 2))
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
if [[ -z ${PYTHON:-} ]]; then
  source scripts/_venv.sh
  ensure_venv dev
  PYTHON=$venv/bin/python
fi
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PATH=$(dirname "$PYTHON"):$PATH

# step NAME SECONDS COMMAND...: run a step once; its seconds are the most that it may take.
step() {
  local name=$1 limit=$2 begin code
  shift 2
  if grep -q '"code": 0,' "$out/$name.json" 2>/dev/null; then
    echo "$name: done before"
    return
  fi
  begin=$SECONDS
  timeout --signal=TERM --kill-after=15 "$limit" "$@" >"$out/$name.log" 2>&1 </dev/null
  code=$?
  write "$name" "$code" $((SECONDS - begin)) "$limit"
}

# write NAME CODE SECONDS LIMIT: OUT/NAME.json, from what the step has left, and one line.
write() {
  "$PYTHON" - "$out" "$@" <<'END'
import json, sys, xml.etree.ElementTree as xml
from pathlib import Path

out, name = Path(sys.argv[1]), sys.argv[2]
code, seconds, limit = map(int, sys.argv[3:])
row = {"step": name, "code": code, "seconds": seconds, "limit": limit}
if (tests := out / f"{name}.xml").exists():
    suite = xml.parse(tests).getroot()[0]
    row["tests"] = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
if (rows := out / f"{name}.rows.json").exists():
    row["rows"] = json.loads(rows.read_text())
if (metrics := out / "run" / "metrics.csv").exists() and name == "training":
    row["metrics"] = metrics.read_text().splitlines()[-1]
row["last"] = (out / f"{name}.log").read_text(errors="replace").strip().splitlines()[-1:]
(out / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")
print(f"{name}: {'ok' if code == 0 else f'code {code}'} in {seconds} s: {''.join(row['last'])[:150]}")
END
}

tests=(tests/ops/test_cuda.py tests/engine/test_cuda_runtime.py tests/engine/test_cuda_engine.py tests/test_filter_cuda.py)
size=480x270 minutes=5.5 samples=(--batch 16 --workers 4)
if [[ $device == cpu ]]; then
  size=64x48 minutes=0.1 samples=(--batch 1 --crop 16 --frames 3 --burn-in 0 --workers 0 --eval-every 0)
  tests=(tests/engine/test_cuda_runtime.py)
fi
training=(--config recurrent --store "$store" --out "$out/run" "${samples[@]}" --set checkpoint_minutes=1 "$@")
if compgen -G "$out/run/checkpoints/*.pt" >/dev/null; then
  training=(--resume "$out/run")
fi

step parity 150 "$PYTHON" -m pytest -q -p no:cacheprovider --junitxml "$out/parity.xml" "${tests[@]}"
step speed 75 "$PYTHON" scripts/benchmark.py engine --device "$device" --size $size --no-plain --json "$out/speed.rows.json"
if [[ -n $store ]]; then
  step training 360 "$PYTHON" -m vs_tecogan train "${training[@]}" --device "$device" --minutes $minutes
else
  echo "training: left out, no STORE was given"
fi
step rest 135 "$PYTHON" scripts/benchmark.py gpu --device "$device" --json "$out/rest.rows.json"
