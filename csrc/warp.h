// Backward warp: bilinear sampling at a real position, clamped to the border of the image.
#pragma once

#include "portable.h"

namespace VST_NAMESPACE {

// The cell that a position falls into along one axis. `lower` is at most size - 2, so that lower + 1 exists (at a size of
// one both ends are pixel 0); `fraction` in [0, 1]. A position that is not a number reads pixel 0.
struct Sample {
  int lower;
  int upper;
  float fraction;
};

VST_FN Sample sample_position(float position, int size) {
  const float p = position > 0.0f ? (position < (float)(size - 1) ? position : (float)(size - 1)) : 0.0f;
  Sample s;
  const int cell = (int)p;
  const int last = size > 1 ? size - 2 : 0;
  s.lower = cell < last ? cell : last;
  s.upper = s.lower + (size > 1 ? 1 : 0);
  s.fraction = p - (float)s.lower;
  return s;
}

VST_FN float bilinear(float v00, float v01, float v10, float v11, float fx, float fy) {
  const float top = v00 + fx * (v01 - v00), bottom = v10 + fx * (v11 - v10);
  return top + fy * (bottom - top);
}

// d bilinear / d position, zero where the position was clamped (as torch's grid_sample with border padding).
VST_FN float slope_x(float v00, float v01, float v10, float v11, float fy) {
  return (v01 - v00) + fy * ((v11 - v10) - (v01 - v00));
}

VST_FN float slope_y(float v00, float v01, float v10, float v11, float fx) {
  return (v10 - v00) + fx * ((v11 - v01) - (v10 - v00));
}

VST_FN float inside(float position, int size) { return position > 0.0f && position < (float)(size - 1) ? 1.0f : 0.0f; }

}  // namespace VST_NAMESPACE
