// 3x3 convolution from many channels to two or three.
//
// General convolution libraries pad the outputs to a whole vector (16 for 3); here lanes run along the inputs instead.
#pragma once

#include "simd.h"

namespace VST_NAMESPACE {

const int kGroup = kLanes / 2;  // pixels that share each loaded weight

// Adds neighbours of 2 N vectors until one is left; without loops, so that the sums stay in registers.
template <int N>
struct Collapse {
  VST_FN Vec run(const Vec* v) { return add_pairs(Collapse<N / 2>::run(v), Collapse<N / 2>::run(v + N / 2)); }
};

template <>
struct Collapse<1> {
  VST_FN Vec run(const Vec* v) { return v[0]; }
};

// The rows above, at and below the outputs; null: outside the image.
template <typename T, int kOutputs>
void conv_group(const T* const rows[3], const T* weight, const float* bias, int x, int inputs, float* const* out) {
  typedef Dot<T> D;
  Vec sums[kOutputs][kGroup];
  for (int o = 0; o < kOutputs; ++o)
    for (int p = 0; p < kGroup; ++p) sums[o][p] = zero_lanes();
  for (int ky = 0; ky < 3; ++ky) {
    if (!rows[ky]) continue;
    for (int kx = 0; kx < 3; ++kx) {
      const T* source = rows[ky] + (std::ptrdiff_t)(x + kx - 1) * inputs;
      const T* w = weight + (ky * 3 + kx) * inputs;
      for (int c = 0; c < inputs; c += D::kStep) {
        typename D::Input weights[kOutputs];
        VST_UNROLL(3)
        for (int o = 0; o < kOutputs; ++o) weights[o] = D::load(w + (std::ptrdiff_t)o * 9 * inputs + c);
        VST_UNROLL(8)
        for (int p = 0; p < kGroup; ++p) {
          const typename D::Input value = D::load(source + (std::ptrdiff_t)p * inputs + c);
          VST_UNROLL(3)
          for (int o = 0; o < kOutputs; ++o) sums[o][p] = D::add(sums[o][p], value, weights[o]);
        }
      }
    }
  }
  VST_UNROLL(3)
  for (int o = 0; o < kOutputs; ++o) {
    const Vec pairs = Collapse<kGroup>::run(sums[o]);
    store_lower(out[o] + x, add_pairs(pairs, pairs) + bias[o]);
  }
}

// One pixel, any number of inputs; columns outside the image are left out.
template <typename T, int kOutputs>
void conv_pixel(const T* const rows[3], const T* weight, const float* bias, int x, int width, int inputs,
                float* const* out) {
  typedef Dot<T> D;
  for (int o = 0; o < kOutputs; ++o) {
    Vec sum = zero_lanes();
    float rest = bias[o];
    for (int ky = 0; ky < 3; ++ky)
      for (int kx = 0; kx < 3; ++kx) {
        const int column = x + kx - 1;
        if (!rows[ky] || column < 0 || column >= width) continue;
        const T* source = rows[ky] + (std::ptrdiff_t)column * inputs;
        const T* w = weight + (std::ptrdiff_t)(o * 9 + ky * 3 + kx) * inputs;
        int c = 0;
        for (; c + D::kStep <= inputs; c += D::kStep) sum = D::add(sum, D::load(source + c), D::load(w + c));
        for (; c < inputs; ++c) rest += widen(source[c]) * widen(w[c]);
      }
    out[o][x] = sum_lanes(sum) + rest;
  }
}

// Columns begin to end - 1 of a row; where each group starts does not depend on how a row is cut into spans of kGroup.
template <typename T, int kOutputs>
void conv_columns(const T* const rows[3], const T* weight, const float* bias, int begin, int end, int width, int inputs,
                  float* const* out) {
  int x = begin;
  if (inputs % Dot<T>::kStep == 0 && width > kGroup + 1) {
    if (x == 0) conv_pixel<T, kOutputs>(rows, weight, bias, x++, width, inputs, out);
    for (; x + kGroup <= end && x + kGroup < width; x += kGroup)
      conv_group<T, kOutputs>(rows, weight, bias, x, inputs, out);
  }
  for (; x < end; ++x) conv_pixel<T, kOutputs>(rows, weight, bias, x, width, inputs, out);
}

// Columns so few that three rows of them stay in the first-level cache while the work goes down the rows.
template <typename T>
int span_of(int inputs) {
  const int columns = 8192 / (inputs * (int)sizeof(T));
  return columns < kGroup ? kGroup : columns / kGroup * kGroup;
}

}  // namespace VST_NAMESPACE
