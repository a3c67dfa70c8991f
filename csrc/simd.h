// Vectors for every compiler: one struct of floats and one of integers, whose functions are the intrinsics of the level
// that a file is built for (simd/*.h). What the functions have in common:
//
//   smaller(a, b), larger(a, b)    b where either is not a number
//   where_positive(condition, v)   v where condition > 0, else 0
//   even_lanes(a, b), odd_lanes    every second lane of a and then b
//   store_lower                    the first half of the lanes
//   store_shorts, store_bytes      low bits; the lanes hold nothing above them
//   load_upper_halves              16 bits each, the upper half of a float: bfloat16
//
// and where VST_HAS_PERMUTE is defined also
//
//   pick(first, second, index)     lane i gets lane index[i] of the two vectors one after the other
//   pick(p, index)                 lane i gets p[index[i]]; the index is below 8, or below 16 of sixteen lanes
//   all_below(v, limit)            whether every lane is in [0, limit)
//
// and where VST_HAS_PAIRS is defined also
//
//   load_pairs(p, at, left, right)   lane i gets p[at[i]] and p[at[i] + 1]
#pragma once

#include <cstddef>
#include <cstdint>
#include <string.h>

#include "half.h"
#include "kernels.h"

#if defined(__GNUC__)
#define VST_TEXT_OF(text) #text
#define VST_UNROLL(count) _Pragma(VST_TEXT_OF(GCC unroll count))
#else
#define VST_UNROLL(count)
#endif

#if VST_VECTOR_BYTES == 64
#include "simd/avx512.h"
#elif VST_VECTOR_BYTES == 32
#include "simd/avx2.h"
#elif defined(VST_PLAIN_VECTORS)
#include "simd/plain.h"
#elif defined(__aarch64__) || defined(_M_ARM64)
#include "simd/neon.h"
#elif defined(__SSE2__) || defined(_M_X64)
#include "simd/sse2.h"
#else
#include "simd/plain.h"
#endif

namespace VST_NAMESPACE {

typedef BFloat BFloat16;

VST_FN Vec operator+(Vec a, float b) { return a + all_lanes(b); }
VST_FN Vec operator+(float a, Vec b) { return all_lanes(a) + b; }
VST_FN Vec operator-(Vec a, float b) { return a - all_lanes(b); }
VST_FN Vec operator*(float a, Vec b) { return all_lanes(a) * b; }
VST_FN Vec& operator+=(Vec& a, Vec b) { return a = a + b; }

VST_FN Vec zero_lanes() { return all_lanes(0.0f); }

VST_FN void store_vector(BFloat16* to, Vec v) {
  const VecInt bits = bits_of(v);
  const VecInt last = upper_half(bits) & all_ints(1);
  store_shorts(&to->bits, upper_half(bits + all_ints(0x7fff) + last));
}

// 0, 1, 2...
VST_FN Vec lane_numbers() {
  float numbers[kLanes];
  for (int i = 0; i < kLanes; ++i) numbers[i] = (float)i;
  return load_vector(numbers);
}

// Products of kStep neighbouring channels, summed lane by lane.
template <typename T>
struct Dot;

template <>
struct Dot<float> {
  static const int kStep = kLanes;
  typedef Vec Input;
  VST_FN Input load(const float* p) { return load_vector(p); }
  VST_FN Vec add(Vec sum, Input a, Input b) { return fused(a, b, sum); }
};

#ifdef VST_HAS_BF16_DOT
template <>
struct Dot<BFloat16> {
  static const int kStep = 2 * kLanes;
  typedef __m512bh Input;
  VST_FN Input load(const BFloat16* p) {
    Input v;
    memcpy(&v, p, sizeof v);
    return v;
  }
  VST_FN Vec add(Vec sum, Input a, Input b) { return {_mm512_dpbf16_ps(sum.raw, a, b)}; }
};
#else
template <>
struct Dot<BFloat16> {
  static const int kStep = kLanes;
  typedef Vec Input;
  VST_FN Input load(const BFloat16* p) { return load_upper_halves(&p->bits); }
  VST_FN Vec add(Vec sum, Input a, Input b) { return fused(a, b, sum); }
};
#endif

// Sums of neighbouring lanes: those of a in the lower half, those of b in the upper.
VST_FN Vec add_pairs(Vec a, Vec b) { return even_lanes(a, b) + odd_lanes(a, b); }

VST_FN float sum_lanes(Vec v) {
  float lanes[kLanes], sum = 0.0f;
  store_vector(lanes, v);
  for (int i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

}  // namespace VST_NAMESPACE
