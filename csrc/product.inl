// The inner loops of matrix products: a few rows and columns of a result at a time, all of it in registers.
#pragma once

#include "simd.h"

namespace VST_NAMESPACE {

const int kVectors = VST_VECTOR_BYTES == 64 ? 4 : 2;  // columns of a part, in vectors
const int kColumns = kVectors * kLanes;

// kRows rows and kColumns columns of a product's result.
template <int kRows>
struct Part {
  Vec sums[kRows][kVectors];
};

template <int kRows>
VST_FN void clear_part(Part<kRows>* part) {
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) part->sums[r][v] = zero_lanes();
}

template <int kRows>
VST_FN void load_part(Part<kRows>* part, const float* from, std::ptrdiff_t row) {
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) part->sums[r][v] = load_vector(from + r * row + v * kLanes);
}

template <int kRows>
VST_FN void store_part(const Part<kRows>& part, float* to, std::ptrdiff_t row) {
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) store_vector(to + r * row + v * kLanes, part.sums[r][v]);
}

// Adds the product of a and b, `depth` deep. Element (r, k) of a is a[r * row + k * step]; rows of b are `next` apart.
template <int kRows>
VST_FN void add_product(Part<kRows>* part, const float* a, std::ptrdiff_t row, std::ptrdiff_t step, int depth,
                        const float* b, std::ptrdiff_t next) {
  for (int k = 0; k < depth; ++k) {
    Vec right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load_vector(b + k * next + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Vec left = all_lanes(a[r * row + k * step]);
      for (int v = 0; v < kVectors; ++v) part->sums[r][v] = fused(left, right[v], part->sums[r][v]);
    }
  }
}

}  // namespace VST_NAMESPACE
