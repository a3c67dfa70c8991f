// Upsampling by an integer factor: which four samples a pixel of the large grid reads, and their weights.
//
// Pixel `scale * q + phase` of the large grid reads samples q + offset - 1 .. q + offset + 2 of the small one, clamped to
// its edges. The weights depend on the phase alone, so they are computed once for a whole image.
#pragma once

#include "portable.h"

namespace VST_NAMESPACE {

enum Grid {
  kBicubicLegacy = 0,    // Keys a = -0.75, source = dst / scale: the image skip of TF and BD, the flow of BD
  kBilinearLegacy = 1,   // source = dst / scale: the flow of TF, TF's FNet
  kBilinearCentred = 2,  // source = (dst + 0.5) / scale - 0.5: the BI dialect, the other FNets
};

struct Phase {
  int offset;
  float weight[4];
};

// Keys' cubic convolution kernel, a = -0.75, for a sample at distance d in [0, 2).
VST_FN float keys(float d) {
  const float a = -0.75f;
  return d < 1.0f ? ((a + 2.0f) * d - (a + 3.0f)) * d * d + 1.0f : ((a * d - 5.0f * a) * d + 8.0f * a) * d - 4.0f * a;
}

VST_FN Phase phase_of(int grid, int phase, int scale) {
  Phase p;
  float fraction;
  if (grid == kBilinearCentred) {
    const int position = 2 * phase + 1 + scale;  // twice the source position plus one cell, in 1 / scale: never negative
    p.offset = position / (2 * scale) - 1;
    fraction = (float)(position % (2 * scale)) / (float)(2 * scale);
  } else {
    p.offset = 0;
    fraction = (float)phase / (float)scale;
  }
  if (grid == kBicubicLegacy) {
    p.weight[0] = keys(1.0f + fraction);
    p.weight[1] = keys(fraction);
    p.weight[2] = keys(1.0f - fraction);
    p.weight[3] = keys(2.0f - fraction);
  } else {
    p.weight[0] = 0.0f;
    p.weight[1] = 1.0f - fraction;
    p.weight[2] = fraction;
    p.weight[3] = 0.0f;
  }
  return p;
}

VST_FN float blend(const float weight[4], float a, float b, float c, float d) {
  return weight[0] * a + weight[1] * b + weight[2] * c + weight[3] * d;
}

// One pixel (x, y) of the enlarged image, vertical pass first. `plane` is (height, width), contiguous.
VST_FN float upsample_at(const float* plane, int height, int width, int y, int x, int grid, int scale) {
  const Phase py = phase_of(grid, y % scale, scale), px = phase_of(grid, x % scale, scale);
  float column[4];
  for (int k = 0; k < 4; ++k) {
    const int cx = clamp_index(x / scale + px.offset - 1 + k, width);
    float tap[4];
    for (int j = 0; j < 4; ++j) tap[j] = plane[clamp_index(y / scale + py.offset - 1 + j, height) * (long long)width + cx];
    column[k] = blend(py.weight, tap[0], tap[1], tap[2], tap[3]);
  }
  return blend(px.weight, column[0], column[1], column[2], column[3]);
}

}  // namespace VST_NAMESPACE
