#!/usr/bin/env bash
# A script through vspipe and ffmpeg: bash render.sh SCRIPT.vpy IN OUT
#
# y4m carries no colour tags, no range, no place of chroma and no shape of pixels; vspipe-args prints them.
# `vs-tecogan upscale IN OUT` does all this by itself, and keeps sound and subtitles.
set -euo pipefail

script=$1 in=$2 out=$3
ffmpeg=${FFMPEG:-ffmpeg}

tags=$(vs-tecogan vspipe-args --arg "source=$in" "$script")
# shellcheck disable=SC2086  # words, not one word
vspipe --arg "source=$in" -c y4m "$script" - |
  "$ffmpeg" -hide_banner -loglevel error -y $tags -c:v libx264 -crf 16 "$out"
