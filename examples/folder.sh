#!/usr/bin/env bash
# Every video of a folder, one after the other: bash folder.sh IN_FOLDER OUT_FOLDER [options of vs-tecogan upscale]
#
# Finished files are left alone, so the same command again goes on after an interruption.
set -euo pipefail

from=$1 to=$2
shift 2
mkdir -p "$to"
for file in "$from"/*.{mkv,mp4,avi,mov,webm}; do
  [[ -e $file ]] || continue
  name=${file##*/}
  out=$to/${name%.*}.mkv
  if [[ -e $out ]]; then
    echo "done already: $out" >&2
    continue
  fi
  vs-tecogan upscale "$file" "$out" --crf 16 "$@"
done
