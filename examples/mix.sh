#!/usr/bin/env bash
# A model between two: bash mix.sh IN OUT [SHARE [FIRST SECOND]]
#
# SHARE is the part of the second model, 0 to 1: 0.3 is nearer to fidelity, 0.7 to texture.
set -euo pipefail

in=$1 out=$2 share=${3:-0.5} first=${4:-recurrent-4x} second=${5:-recurrent-texture-4x}
model=$(mktemp -d)/mix.safetensors
trap 'rm -r "$(dirname "$model")"' EXIT

vs-tecogan interpolate "$first" "$second" "$share" "$model"
vs-tecogan upscale "$in" "$out" --model "$model"
