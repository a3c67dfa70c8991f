// Bilinear samples for a vector of neighbouring pixels whose cells lie close together, as they do where flow is smooth.
//
// A window of two vectors is loaded from each row that any lane needs; a permutation hands every lane its two samples, and
// the row counts by its distance from the lane's position. No gathers, and nothing is copied beforehand.
#pragma once

#include "simd.h"

namespace VST_NAMESPACE {

#ifdef VST_HAS_PERMUTE

const int kMaxRows = 12;  // beyond that, pixels one by one are as fast

struct Window {
  int left, top, bottom;  // first column; first and last row
  Vec fraction;           // along the cell
#ifdef VST_HAS_PAIRS
  Vec row;                     // down the cell
  std::ptrdiff_t at[kLanes];   // where a lane's cell lies in its plane
  std::ptrdiff_t below;        // from its upper samples to its lower ones
#else
  Vec row;       // position along the column
  VecInt index;  // of a lane's cell, counted from `left`
#endif
};

// As clamp(v, 0, high), and 0 for NaN.
VST_FN Vec clamp_lanes(Vec v, float high) {
  return smaller(larger(v, zero_lanes()), all_lanes(high));
}

// The cells of sample_position, for all lanes.
VST_FN VecInt cells(Vec clamped, int size) {
  return smaller(truncate(clamped), all_ints(size > 1 ? size - 2 : 0));
}

#ifdef VST_HAS_PAIRS

// With four lanes the two samples of a row are loaded lane by lane: no more work than a window, and any flow will do.
VST_FN bool find_window(Vec x, Vec y, int height, int width, Window& w) {
  const Vec column = clamp_lanes(x, (float)(width - 1)), row = clamp_lanes(y, (float)(height - 1));
  const VecInt across = cells(column, width), down = cells(row, height);
  std::int32_t columns[kLanes], rows[kLanes];
  store_vector(columns, across);
  store_vector(rows, down);
  for (int i = 0; i < kLanes; ++i) w.at[i] = (std::ptrdiff_t)rows[i] * width + columns[i];
  w.left = columns[0];
  w.bottom = rows[kLanes - 1];
  w.below = height > 1 ? width : 0;
  w.fraction = column - to_float(across);
  w.row = row - to_float(down);
  return true;
}

template <int kPlanes>
VST_FN void sample_window(const float* const* planes, int, const Window& w, Vec* samples) {
  for (int c = 0; c < kPlanes; ++c) {
    Vec left, right, lower_left, lower_right;
    load_pairs(planes[c], w.at, left, right);
    load_pairs(planes[c] + w.below, w.at, lower_left, lower_right);
    const Vec top = fused(w.fraction, right - left, left);
    const Vec bottom = fused(w.fraction, lower_right - lower_left, lower_left);
    samples[c] = fused(w.row, bottom - top, top);
  }
}

#else

// The window of positions (x, y) in an image of at least two vectors' width; false where the cells lie too far apart.
VST_FN bool find_window(Vec x, Vec y, int height, int width, Window& w) {
  const Vec column = clamp_lanes(x, (float)(width - 1));
  const VecInt across = cells(column, width);
  const int left = first_lane(across) - kLanes / 2, most = width - 2 * kLanes;
  w.left = left < 0 ? 0 : (left < most ? left : most);
  w.index = across - all_ints((std::int32_t)w.left);
  w.fraction = column - to_float(across);
  w.row = clamp_lanes(y, (float)(height - 1));
  const VecInt down = cells(w.row, height);
  const int first = first_lane(down), last = last_lane(down);
  int top = first < last ? first : last, bottom = (first < last ? last : first) + 1;
  // mostly the outermost lanes reach furthest; where flow turns around between them, look a row or two further
  while (!all_below(down - all_ints(top), bottom - top)) {
    --top;
    ++bottom;
    if (bottom - top > kMaxRows) return false;
  }
  w.top = top > 0 ? top : 0;
  w.bottom = bottom < height ? bottom : height - 1;
  return bottom - top <= kMaxRows && all_below(w.index, 2 * kLanes - 1);
}

// One sample a lane and plane.
template <int kPlanes>
VST_FN void sample_window(const float* const* planes, int width, const Window& w, Vec* samples) {
  const Vec zero = zero_lanes(), one = all_lanes(1.0f);
  const VecInt next = w.index + all_ints(1);
  for (int c = 0; c < kPlanes; ++c) samples[c] = zero;
  for (int y = w.top; y <= w.bottom; ++y) {
    const Vec weight = larger(one - magnitude(w.row - (float)y), zero);
    const std::ptrdiff_t at = (std::ptrdiff_t)y * width + w.left;
    for (int c = 0; c < kPlanes; ++c) {
      const Vec first = load_vector(planes[c] + at), second = load_vector(planes[c] + at + kLanes);
      const Vec left = pick(first, second, w.index), right = pick(first, second, next);
      samples[c] += weight * (left + w.fraction * (right - left));
    }
  }
}

#endif
#endif

}  // namespace VST_NAMESPACE
