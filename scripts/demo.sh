#!/usr/bin/env bash
# Upscale a video and show it: bash scripts/demo.sh [INPUT [OUTPUT]]
#
# Makes .venv, installs the package, upscales INPUT (default: a short clip made here) to OUTPUT (default: demo.mkv, H.264)
# and leaves a PNG of one frame, input beside output, next to OUTPUT. Needs Python 3.12, no root; a C++
# compiler makes it faster. Replaces both where they exist, never INPUT.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,7{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"
  exit
fi
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
input=${1:-$root/build/demo/input.mkv}
output=${2:-demo.mkv}
picture=${output%.*}.png
if [[ $picture -ef $input ]]; then # an image to upscale
  picture=${output%.*}-picture.png
fi

ensure_venv
if [[ $# -eq 0 && ! $input -nt $root/scripts/demo.py ]]; then
  "$venv/bin/python" "$root/scripts/demo.py" clip "$input"
fi
"$venv/bin/python" -m vs_tecogan upscale "$input" "$output" --overwrite
"$venv/bin/python" "$root/scripts/demo.py" picture "$input" "$output" "$picture"
echo "video: $output" >&2
echo "one frame, input beside output: $picture" >&2
