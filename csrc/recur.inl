// The network's input: the frame, then the previous output, moved along the enlarged flow and folded into channels.
//
// Nothing of the output's size is stored on the way. A vector of neighbouring HR pixels is made at once where flow is
// smooth (window.inl); pixels are made one by one where it is rough, at a row's end and on machines without permutations.
#pragma once

#include <string.h>

#include "kernels.h"
#include "rows.inl"
#include "warp.h"
#include "window.inl"

namespace VST_NAMESPACE {

// What all pixels of a call share.
struct Fold {
  Fold(const vst::Recur& a)
      : scale(a.scale), channels(3 + 3 * a.scale * a.scale), height(a.scale * a.height), width(a.scale * a.width),
        phases(a.grid, a.scale) {
    for (int c = 0; c < 3; ++c) planes[c] = a.previous + (std::ptrdiff_t)c * height * width;
  }
  int scale, channels, height, width;  // of the HR image
  Phases phases;
  const float* planes[3];
};

// One row of HR pixels: its flow, blended vertically (blend_rows), and where its channels go.
template <typename T>
struct FoldRow {
  const float *flow_x, *flow_y;
  int y;
  T* output;  // channels of the row's first pixel
};

template <typename T>
void fold_pixels(const Fold& f, const FoldRow<T>& row, int begin, int end) {
  const float s = (float)f.scale;
  for (int x = begin; x < end; ++x) {
    const int q = x / f.scale, dx = x % f.scale;
    const float px = (float)x + s * blend_at(row.flow_x, q, f.phases.at[dx]);
    const float py = (float)row.y + s * blend_at(row.flow_y, q, f.phases.at[dx]);
    const Sample sx = sample_position(px, f.width), sy = sample_position(py, f.height);
    T* to = row.output + (std::ptrdiff_t)q * f.channels + 3 * dx;
    for (int c = 0; c < 3; ++c) {
      const float *upper = f.planes[c] + (std::ptrdiff_t)sy.lower * f.width, *lower = upper;
      lower += (std::ptrdiff_t)(sy.upper - sy.lower) * f.width;
      store(to + c, bilinear(upper[sx.lower], upper[sx.upper], lower[sx.lower], lower[sx.upper], sx.fraction, sy.fraction));
    }
  }
}

#ifdef VST_HAS_PERMUTE

// Per lane of a vector of HR pixels that begins with a whole LR pixel: which samples its flow is blended from, and how
// three planes are woven into pixels.
struct Lanes {
  explicit Lanes(const Fold& f) {
    float weights[4][kLanes];
    std::int32_t samples[4][kLanes], two[3][kLanes], last[3][kLanes];
    for (int i = 0; i < kLanes; ++i) {
      const Phase& phase = f.phases.at[i % f.scale];
      for (int k = 0; k < 4; ++k) {
        samples[k][i] = kBefore + i / f.scale + phase.offset - 1 + k;
        weights[k][i] = phase.weight[k];
      }
      for (int part = 0; part < 3; ++part) {
        const int pixel = (part * kLanes + i) / 3, channel = (part * kLanes + i) % 3;
        two[part][i] = channel == 1 ? kLanes + pixel : pixel;
        last[part][i] = channel == 2 ? kLanes + pixel : i;
      }
    }
    for (int k = 0; k < 4; ++k) sample[k] = load_vector(samples[k]), weight[k] = load_vector(weights[k]);
    for (int part = 0; part < 3; ++part) first_two[part] = load_vector(two[part]), third[part] = load_vector(last[part]);
  }
  Vec weight[4];
  VecInt sample[4], first_two[3], third[3];
};

VST_FN Vec enlarge(const float* blended, const Lanes& l) {
  Vec sum = fused(l.weight[0], pick(blended, l.sample[0]), l.weight[1] * pick(blended, l.sample[1]));
  for (int k = 2; k < 4; ++k) sum = fused(l.weight[k], pick(blended, l.sample[k]), sum);
  return sum;
}

// A row, a vector of HR pixels at a time; returns how many pixels it made.
template <typename T, int kScale>
int fold_vectors(const Fold& f, const Lanes& lanes, const FoldRow<T>& row) {
  const float s = (float)kScale;
  T woven[3 * kLanes];
  int x = 0;
  for (; x + kLanes <= f.width; x += kLanes) {
    const int q = x / kScale;
    Window window;
    const Vec px = (float)x + lane_numbers() + s * enlarge(row.flow_x + q, lanes);
    const Vec py = (float)row.y + s * enlarge(row.flow_y + q, lanes);
    if (!find_window(px, py, f.height, f.width, window)) {
      fold_pixels(f, row, x, x + kLanes);
      continue;
    }
    // what the next LR row will read here: processors foresee the columns of a row, not its rows
    const std::ptrdiff_t ahead = (std::ptrdiff_t)clamp_index(window.bottom + kScale, f.height) * f.width + window.left;
    for (int c = 0; c < 3; ++c) prefetch(f.planes[c] + ahead + kLanes / 2);
    Vec colour[3];
    sample_window<3>(f.planes, f.width, window, colour);
    for (int part = 0; part < 3; ++part)
      store_vector(woven + part * kLanes,
                   pick(pick(colour[0], colour[1], lanes.first_two[part]), colour[2], lanes.third[part]));
    T* to = row.output + (std::ptrdiff_t)q * f.channels;
    for (int k = 0; k < kLanes / kScale; ++k) memcpy(to + k * f.channels, woven + 3 * kScale * k, 3 * kScale * sizeof(T));
  }
  return x;
}

#else
struct Lanes {
  explicit Lanes(const Fold&) {}
};
#endif

template <typename T>
VST_FN void fold_row(const Fold& f, [[maybe_unused]] const Lanes& lanes, const FoldRow<T>& row) {
  int done = 0;
#ifdef VST_HAS_PERMUTE
  if (f.width >= 2 * kLanes && f.scale == 4) done = fold_vectors<T, 4>(f, lanes, row);
  if (f.width >= 2 * kLanes && f.scale == 2) done = fold_vectors<T, 2>(f, lanes, row);
#endif
  fold_pixels(f, row, done, f.width);
}

// The channels of a row that need no warp: the frame, and zeros after it where there is no previous output.
template <typename T>
VST_FN void copy_frame(const vst::Recur& a, int channels, int y) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  for (std::ptrdiff_t i = row; i < row + a.width; ++i) {
    T* to = static_cast<T*>(a.output) + i * channels;
    for (int c = 0; c < 3; ++c) store(to + c, a.lr[c * plane + i]);
    if (!a.previous)
      for (int c = 3; c < channels; ++c) store(to + c, 0.0f);
  }
}

template <typename T>
void recur_rows(const vst::Recur& a, int begin, int end) {
  const Fold f(a);
  const Lanes lanes(f);
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  Buffer flow_x((std::size_t)a.width + kBefore + kAfter), flow_y((std::size_t)a.width + kBefore + kAfter);
  for (int y = begin; y < end; ++y) {
    copy_frame<T>(a, f.channels, y);
    T* cells = static_cast<T*>(a.output) + (std::ptrdiff_t)y * a.width * f.channels + 3;
    for (int dy = 0; a.previous && dy < f.scale; ++dy) {
      const int row = y * f.scale + dy;
      blend_rows(a.flow, a.height, a.width, row, f.scale, f.phases, flow_x.data);
      blend_rows(a.flow + plane, a.height, a.width, row, f.scale, f.phases, flow_y.data);
      fold_row<T>(f, lanes, {flow_x.data, flow_y.data, row, cells + 3 * f.scale * dy});
    }
  }
}

}  // namespace VST_NAMESPACE
