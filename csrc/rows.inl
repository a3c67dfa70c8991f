// Rows of an image enlarged by an integer factor: vertical blend first, then the phases along the row.
#pragma once

#include <stdlib.h>

#include "resample.h"
#include "simd.h"

namespace VST_NAMESPACE {

// Scratch memory of one chunk of work.
struct Buffer {
  explicit Buffer(std::size_t floats) : data(static_cast<float*>(malloc((floats + 16) * sizeof(float)))) {
    if (!data) abort();
  }
  ~Buffer() { free(data); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  float* data;
};

const int kBefore = 2, kAfter = 3;  // samples beyond a row's ends that the taps of its first and last pixel can read
const int kMaxScale = 8;

struct Phases {
  Phases(int grid, int scale) {
    for (int k = 0; k < scale; ++k) at[k] = phase_of(grid, k, scale);
  }
  Phase at[kMaxScale];
};

// Row `y` of the enlarged plane, blended vertically only: `out` has kBefore samples before and kAfter after the row.
VST_FN void blend_rows(const float* plane, int height, int width, int y, int scale, const Phases& phases, float* out) {
  const Phase& p = phases.at[y % scale];
  const float* tap[4];
  for (int k = 0; k < 4; ++k)
    tap[k] = plane + (std::ptrdiff_t)clamp_index(y / scale + p.offset - 1 + k, height) * width;
  float* row = out + kBefore;
  for (int x = 0; x < width; ++x) row[x] = blend(p.weight, tap[0][x], tap[1][x], tap[2][x], tap[3][x]);
  for (int x = -kBefore; x < 0; ++x) row[x] = row[0];
  for (int x = 0; x < kAfter; ++x) row[width + x] = row[width - 1];
}

VST_FN float blend_at(const float* blended, int x, const Phase& p) {
  const float* t = blended + kBefore + x + p.offset - 1;
  return blend(p.weight, t[0], t[1], t[2], t[3]);
}

template <int kScale>
void spread_row(const float* blended, int width, const Phases& phases, float* out) {
  for (int x = 0; x < width; ++x)
    for (int k = 0; k < kScale; ++k) out[x * kScale + k] = blend_at(blended, x, phases.at[k]);
}

// Adds nothing: writes row `y` of the enlarged plane, scale * width samples.
VST_FN void upsample_row(const float* plane, int height, int width, int y, int scale, const Phases& phases,
                         float* blended, float* out) {
  blend_rows(plane, height, width, y, scale, phases, blended);
  if (scale == 4) return spread_row<4>(blended, width, phases, out);
  if (scale == 2) return spread_row<2>(blended, width, phases, out);
  for (int x = 0; x < width; ++x)
    for (int k = 0; k < scale; ++k) out[x * scale + k] = blend_at(blended, x, phases.at[k]);
}

}  // namespace VST_NAMESPACE
