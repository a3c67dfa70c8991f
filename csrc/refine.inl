// Flow refined against the frames: vs_tecogan/ops/refine.py says what and why, and has the same numbers.
#pragma once

#include <string.h>

#include "kernels.h"
#include "warp.h"

namespace VST_NAMESPACE {

const int kRefineSteps = 2, kAway = 4;
const float kStiffness = 1e-3f, kFarthest = 1.0f, kFloor = 1e-3f;

// Mean over 2 * kRadius + 1 neighbours along a row; its ends repeat.
template <int kRadius>
void box_row(const float* in, float* out, int width) {
  const float share = 1.0f / (2 * kRadius + 1);
  const auto at = [&](int x) {
    float sum = 0;
    for (int k = -kRadius; k <= kRadius; ++k) sum += in[clamp_index(x + k, width)];
    out[x] = sum * share;
  };
  int x = 0;
  for (; x < kRadius && x < width; ++x) at(x);
  for (; x < width - kRadius; ++x) {
    float sum = 0;
    for (int k = -kRadius; k <= kRadius; ++k) sum += in[x + k];
    out[x] = sum * share;
  }
  for (; x < width; ++x) at(x);
}

// The same along the columns, for row y.
template <int kRadius>
void box_column(const float* plane, float* out, int y, int height, int width) {
  const float share = 1.0f / (2 * kRadius + 1);
  const float* rows[2 * kRadius + 1];
  for (int k = -kRadius; k <= kRadius; ++k)
    rows[k + kRadius] = plane + (std::ptrdiff_t)clamp_index(y + k, height) * width;
  for (int x = 0; x < width; ++x) {
    float sum = 0;
    for (int k = 0; k <= 2 * kRadius; ++k) sum += rows[k][x];
    out[x] = sum * share;
  }
}

// Weights of cubic convolution (Keys 1981, a = -0.75) for the samples at -1, 0, 1 and 2.
VST_FN void cubic_weights(float t, float* w) {
  const float a = -0.75f, u = 1.0f - t;
  w[0] = a * t * u * u;
  w[1] = ((a + 2.0f) * t - (a + 3.0f)) * t * t + 1.0f;
  w[2] = ((a + 2.0f) * u - (a + 3.0f)) * u * u + 1.0f;
  w[3] = a * u * t * t;
}

struct CubicSample {
  int at[4];
  float weight[4];
};

VST_FN CubicSample cubic_position(float position, int size) {
  // Beyond the border every tap is the border's; not a number reads pixel 0.
  const float p = position > -4.0f ? (position < (float)(size + 4) ? position : (float)(size + 4))
                                   : (position <= -4.0f ? -4.0f : 0.0f);
  int cell = (int)p;
  if ((float)cell > p) --cell;
  CubicSample s;
  cubic_weights(p - (float)cell, s.weight);
  for (int k = 0; k < 4; ++k) s.at[k] = clamp_index(cell - 1 + k, size);
  return s;
}

// The previous frame moved along the flow, row y of its three planes.
void cubic_row(const vst::Refine& a, float* moved, int y) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  for (int x = 0; x < a.width; ++x) {
    const CubicSample across = cubic_position((float)x + a.flow[row + x], a.width);
    const CubicSample down = cubic_position((float)y + a.flow[plane + row + x], a.height);
    for (int c = 0; c < 3; ++c) {
      const float* image = a.previous + c * plane;
      float sum = 0;
      for (int j = 0; j < 4; ++j) {
        const float* line = image + (std::ptrdiff_t)down.at[j] * a.width;
        float part = 0;
        for (int k = 0; k < 4; ++k) part += across.weight[k] * line[across.at[k]];
        sum += down.weight[j] * part;
      }
      moved[c * plane + row + x] = sum;
    }
  }
}

// Products of the slopes, and of slopes and difference, summed over the colours: row y of five planes.
void product_row(const vst::Refine& a, const float* moved, float* products, int y) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  const std::ptrdiff_t above = (std::ptrdiff_t)clamp_index(y - 1, a.height) * a.width;
  const std::ptrdiff_t below = (std::ptrdiff_t)clamp_index(y + 1, a.height) * a.width;
  float *xx = products + row, *xy = xx + plane, *yy = xy + plane, *bx = yy + plane, *by = bx + plane;
  memset(xx, 0, a.width * sizeof(float));
  memset(xy, 0, a.width * sizeof(float));
  memset(yy, 0, a.width * sizeof(float));
  memset(bx, 0, a.width * sizeof(float));
  memset(by, 0, a.width * sizeof(float));
  for (int c = 0; c < 3; ++c) {
    const float *mine = a.current + c * plane, *theirs = moved + c * plane;
    const auto add = [&](int x, int left, int right) {
      const float sx = 0.25f * (mine[row + right] - mine[row + left] + theirs[row + right] - theirs[row + left]);
      const float sy = 0.25f * (mine[below + x] - mine[above + x] + theirs[below + x] - theirs[above + x]);
      const float rest = mine[row + x] - theirs[row + x];
      xx[x] += sx * sx;
      xy[x] += sx * sy;
      yy[x] += sy * sy;
      bx[x] += sx * rest;
      by[x] += sy * rest;
    };
    add(0, 0, clamp_index(1, a.width));
    for (int x = 1; x < a.width - 1; ++x) add(x, x - 1, x + 1);
    if (a.width > 1) add(a.width - 1, a.width - 2, a.width - 1);
  }
}

// Flow and step: row y of two planes, `next`, from the windowed products.
void solve_row(const vst::Refine& a, const float* sums, float* next, int y) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  const float *xx = sums + row, *xy = xx + plane, *yy = xy + plane, *bx = yy + plane, *by = bx + plane;
  for (int x = 0; x < a.width; ++x) {
    const float p = xx[x] + kStiffness, q = yy[x] + kStiffness, r = xy[x];
    const float scale = 1.0f / (p * q - r * r);
    const float dx = (q * bx[x] - r * by[x]) * scale, dy = (p * by[x] - r * bx[x]) * scale;
    next[row + x] = a.flow[row + x] + clamp(dx, -kFarthest, kFarthest);
    next[plane + row + x] = a.flow[plane + row + x] + clamp(dy, -kFarthest, kFarthest);
  }
}

template <typename Rows>
void lucas_kanade(const vst::Refine& a, const Rows& rows) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  float *moved = a.scratch, *products = moved + 3 * plane, *sums = products + 5 * plane;
  rows([&](int y) { cubic_row(a, moved, y); });
  rows([&](int y) {
    product_row(a, moved, products, y);
    for (int k = 0; k < 5; ++k) {
      const std::ptrdiff_t at = k * plane + (std::ptrdiff_t)y * a.width;
      box_row<2>(products + at, sums + at, a.width);
      box_row<2>(sums + at, products + at, a.width);
    }
  });
  for (int pass = 0; pass < 2; ++pass) {
    const float* from = pass ? sums : products;
    float* to = pass ? products : sums;
    rows([&](int y) {
      for (int k = 0; k < 5; ++k)
        box_column<2>(from + k * plane, to + k * plane + (std::ptrdiff_t)y * a.width, y, a.height, a.width);
    });
  }
  float *next = sums, *smooth = sums + 2 * plane;
  rows([&](int y) {
    solve_row(a, products, next, y);
    for (int k = 0; k < 2; ++k) {
      const std::ptrdiff_t at = k * plane + (std::ptrdiff_t)y * a.width;
      box_row<1>(next + at, smooth + at, a.width);
    }
  });
  rows([&](int y) {
    for (int k = 0; k < 2; ++k)
      box_column<1>(smooth + k * plane, a.flow + k * plane + (std::ptrdiff_t)y * a.width, y, a.height, a.width);
  });
}

// The flow of the pixels at (y + down, x + right), row y of two planes.
void shifted_row(const vst::Refine& a, float* candidate, int y, int down, int right) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  const std::ptrdiff_t from = (std::ptrdiff_t)clamp_index(y + down, a.height) * a.width;
  for (int k = 0; k < 2; ++k)
    for (int x = 0; x < a.width; ++x)
      candidate[k * plane + row + x] = a.flow[k * plane + from + clamp_index(x + right, a.width)];
}

// `warp_row(candidate, moved, y)` moves row y of the previous frame along a flow.
template <typename Rows, typename WarpRow>
void best_around(const vst::Refine& a, const Rows& rows, const WarpRow& warp_row) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  float *moved = a.scratch, *candidate = moved + 3 * plane, *difference = candidate + 2 * plane;
  float *boxed = difference + plane, *total = boxed + plane, *weights = total + 2 * plane, *line = weights + plane;
  memset(total, 0, 3 * plane * sizeof(float));
  for (int k = 0; k < 9; ++k) {
    const int down = (k / 3 - 1) * kAway, right = (k % 3 - 1) * kAway;
    rows([&](int y) {
      const std::ptrdiff_t row = (std::ptrdiff_t)y * a.width;
      shifted_row(a, candidate, y, down, right);
      warp_row(candidate, moved, y);
      for (int x = 0; x < a.width; ++x) {
        float sum = 0;
        for (int c = 0; c < 3; ++c) {
          const float d = a.current[c * plane + row + x] - moved[c * plane + row + x];
          sum += d < 0 ? -d : d;
        }
        difference[row + x] = sum * (1.0f / 3);
      }
      box_row<1>(difference + row, boxed + row, a.width);
    });
    rows([&](int y) {
      const std::ptrdiff_t row = (std::ptrdiff_t)y * a.width;
      box_column<1>(boxed, line + row, y, a.height, a.width);
      for (int x = 0; x < a.width; ++x) {
        const float d = line[row + x] + kFloor, d2 = d * d, d4 = d2 * d2, weight = 1.0f / (d4 * d4);
        total[row + x] += weight * candidate[row + x];
        total[plane + row + x] += weight * candidate[plane + row + x];
        weights[row + x] += weight;
      }
    });
  }
  rows([&](int y) {
    const std::ptrdiff_t row = (std::ptrdiff_t)y * a.width;
    for (int x = 0; x < a.width; ++x) {
      const float share = 1.0f / weights[row + x];
      a.flow[row + x] = total[row + x] * share;
      a.flow[plane + row + x] = total[plane + row + x] * share;
    }
  });
}

}  // namespace VST_NAMESPACE
