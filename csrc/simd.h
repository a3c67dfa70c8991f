// Vectors, in the compiler's own vector notation: one code for SSE, AVX2, AVX-512 and NEON.
#pragma once

#include "half.h"
#include "kernels.h"
#if VST_VECTOR_BYTES >= 32
#include <immintrin.h>
#define VST_HAS_PERMUTE 1
#endif

namespace VST_NAMESPACE {

typedef BFloat BFloat16;

const int kLanes = VST_VECTOR_BYTES / 4;
typedef float Vec __attribute__((vector_size(VST_VECTOR_BYTES)));
typedef std::uint32_t VecBits __attribute__((vector_size(VST_VECTOR_BYTES)));
typedef std::int32_t VecInt __attribute__((vector_size(VST_VECTOR_BYTES)));
typedef std::uint16_t VecHalf __attribute__((vector_size(VST_VECTOR_BYTES / 2)));

VST_FN Vec load_vector(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

VST_FN void store_vector(float* to, Vec v) { __builtin_memcpy(to, &v, sizeof v); }

VST_FN void store_vector(BFloat16* to, Vec v) {
  const VecBits bits = (VecBits)v;
  const VecHalf half = __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, VecHalf);
  __builtin_memcpy(to, &half, sizeof half);
}

// 0, 1, 2...
VST_FN Vec lane_numbers() {
  Vec v;
  for (int i = 0; i < kLanes; ++i) v[i] = (float)i;
  return v;
}

VST_FN Vec all_lanes(float v) { return v - Vec{}; }  // not 0 + v: that would have to turn -0 into 0

// a * b + c, rounded once where the processor can.
VST_FN Vec fused(Vec a, Vec b, Vec c) {
#if VST_VECTOR_BYTES == 64
  return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VST_VECTOR_BYTES == 32
  return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

VST_FN Vec magnitude(Vec v) { return (Vec)((VecBits)v & 0x7fffffffu); }

#ifdef VST_HAS_PERMUTE
// Lane i gets lane index[i] of v, or of the two vectors one after the other.
VST_FN Vec pick(Vec v, VecInt index) {
#if VST_VECTOR_BYTES == 64
  return (Vec)_mm512_permutex2var_ps((__m512)v, (__m512i)index, (__m512)v);  // GCC 12 warns of the plain one
#else
  return (Vec)_mm256_permutevar8x32_ps((__m256)v, (__m256i)index);
#endif
}

VST_FN Vec pick(Vec first, Vec second, VecInt index) {
#if VST_VECTOR_BYTES == 64
  return (Vec)_mm512_permutex2var_ps((__m512)first, (__m512i)index, (__m512)second);
#else
  const __m256 high = (__m256)(index << 28);  // its sign: whether the lane is in the second
  return (Vec)_mm256_blendv_ps((__m256)pick(first, index), (__m256)pick(second, index), high);
#endif
}

// Whether every lane is in [0, limit).
VST_FN bool all_below(VecInt v, int limit) {
#if VST_VECTOR_BYTES == 64
  return _mm512_cmplt_epu32_mask((__m512i)v, _mm512_set1_epi32(limit)) == 0xffff;
#else
  const __m256i outside = (__m256i)((VecBits)v >= (std::uint32_t)limit);
  return _mm256_testz_si256(outside, outside);
#endif
}
#endif

// Products of kStep neighbouring channels, summed lane by lane.
template <typename T>
struct Dot;

template <>
struct Dot<float> {
  static const int kStep = kLanes;
  typedef Vec Input;
  VST_FN Input load(const float* p) { return load_vector(p); }
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

// Every second lane of a and b, one after the other.
VST_FN Vec even_lanes(Vec a, Vec b) {
#if VST_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif VST_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
}

VST_FN Vec odd_lanes(Vec a, Vec b) {
#if VST_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif VST_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

// Sums of neighbouring lanes: those of a in the lower half, those of b in the upper.
VST_FN Vec add_pairs(Vec a, Vec b) { return even_lanes(a, b) + odd_lanes(a, b); }

VST_FN float sum_lanes(Vec v) {
  float sum = 0.0f;
  for (int i = 0; i < kLanes; ++i) sum += v[i];
  return sum;
}

}  // namespace VST_NAMESPACE
