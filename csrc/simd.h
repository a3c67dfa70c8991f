// Vectors for the narrow convolution, in the compiler's own vector notation: one code for SSE, AVX2, AVX-512 and NEON.
#pragma once

#include "kernels.h"
#include "portable.h"
#ifdef VST_HAS_BF16_DOT
#include <immintrin.h>
#endif

namespace VST_NAMESPACE {

typedef std::uint16_t BFloat16;  // the upper half of a float32

VST_FN float widen(float v) { return v; }

VST_FN float widen(BFloat16 v) {
  const std::uint32_t bits = (std::uint32_t)v << 16;
  float result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

// Round to nearest, ties to even. Inputs are finite.
VST_FN BFloat16 narrow(float v) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  return (BFloat16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

VST_FN void store(float* to, float v) { *to = v; }
VST_FN void store(BFloat16* to, float v) { *to = narrow(v); }

const int kLanes = VST_VECTOR_BYTES / 4;
typedef float Vec __attribute__((vector_size(VST_VECTOR_BYTES)));
typedef std::uint32_t VecBits __attribute__((vector_size(VST_VECTOR_BYTES)));
typedef std::uint16_t VecHalf __attribute__((vector_size(VST_VECTOR_BYTES / 2)));

// Products of kStep neighbouring channels, summed lane by lane.
template <typename T>
struct Dot;

template <>
struct Dot<float> {
  static const int kStep = kLanes;
  typedef Vec Input;
  VST_FN Input load(const float* p) {
    Input v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  VST_FN Vec add(Vec sum, Input a, Input b) { return sum + a * b; }
};

#ifdef VST_HAS_BF16_DOT
template <>
struct Dot<BFloat16> {
  static const int kStep = 2 * kLanes;
  typedef __m512bh Input;
  VST_FN Input load(const BFloat16* p) { return (__m512bh)_mm512_loadu_si512(p); }
  VST_FN Vec add(Vec sum, Input a, Input b) { return (Vec)_mm512_dpbf16_ps((__m512)sum, a, b); }
};
#else
template <>
struct Dot<BFloat16> {
  static const int kStep = kLanes;
  typedef Vec Input;
  VST_FN Input load(const BFloat16* p) {
    VecHalf half;
    __builtin_memcpy(&half, p, sizeof half);
    return (Vec)(__builtin_convertvector(half, VecBits) << 16);
  }
  VST_FN Vec add(Vec sum, Input a, Input b) { return sum + a * b; }
};
#endif

// Sums of neighbouring lanes: those of a in the lower half, those of b in the upper.
VST_FN Vec add_pairs(Vec a, Vec b) {
#if VST_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif VST_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

VST_FN float sum_lanes(Vec v) {
  float sum = 0.0f;
  for (int i = 0; i < kLanes; ++i) sum += v[i];
  return sum;
}

}  // namespace VST_NAMESPACE
