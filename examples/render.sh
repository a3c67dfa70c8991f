#!/usr/bin/env bash
# A script through vspipe and ffmpeg: bash render.sh SCRIPT.vpy IN OUT [MATRIX]
#
# y4m carries no colour tags. Given before -i they say what the pixels are; after -i they would convert them.
# `vs-tecogan upscale IN OUT` does all this by itself, and keeps sound and subtitles.
set -euo pipefail

script=$1 in=$2 out=$3 matrix=${4:-bt709}
ffmpeg=${FFMPEG:-ffmpeg}

vspipe --arg "source=$in" -c y4m "$script" - |
  "$ffmpeg" -hide_banner -loglevel error -y \
    -colorspace "$matrix" -color_primaries "$matrix" -color_trc "$matrix" -i - \
    -c:v libx264 -crf 16 "$out"
