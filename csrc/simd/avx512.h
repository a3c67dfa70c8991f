// Sixteen lanes: AVX-512 F, BW, DQ and VL.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // of GCC 12's own headers: operands that it does not use
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#define VST_HAS_PERMUTE 1

namespace VST_NAMESPACE {

const int kLanes = 16;
struct Vec {
  __m512 raw;
};
struct VecInt {
  __m512i raw;
};

VST_FN Vec load_vector(const float* p) { return {_mm512_loadu_ps(p)}; }
VST_FN void store_vector(float* to, Vec v) { _mm512_storeu_ps(to, v.raw); }
VST_FN void store_lower(float* to, Vec v) { _mm256_storeu_ps(to, _mm512_castps512_ps256(v.raw)); }
VST_FN Vec all_lanes(float v) { return {_mm512_set1_ps(v)}; }
VST_FN Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.raw, b.raw)}; }
VST_FN Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.raw, b.raw)}; }
VST_FN Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.raw, b.raw)}; }
VST_FN Vec fused(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.raw, b.raw, c.raw)}; }
VST_FN Vec smaller(Vec a, Vec b) { return {_mm512_min_ps(a.raw, b.raw)}; }
VST_FN Vec larger(Vec a, Vec b) { return {_mm512_max_ps(a.raw, b.raw)}; }
VST_FN Vec where_positive(Vec condition, Vec v) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(condition.raw, _mm512_setzero_ps(), _CMP_GT_OQ), v.raw)};
}
VST_FN Vec magnitude(Vec v) { return {_mm512_and_ps(v.raw, _mm512_castsi512_ps(_mm512_set1_epi32(0x7fffffff)))}; }
VST_FN Vec even_lanes(Vec a, Vec b) {
  const __m512i index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return {_mm512_permutex2var_ps(a.raw, index, b.raw)};
}
VST_FN Vec odd_lanes(Vec a, Vec b) {
  const __m512i index = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return {_mm512_permutex2var_ps(a.raw, index, b.raw)};
}

VST_FN VecInt load_vector(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
VST_FN VecInt all_ints(int v) { return {_mm512_set1_epi32(v)}; }
VST_FN VecInt operator+(VecInt a, VecInt b) { return {_mm512_add_epi32(a.raw, b.raw)}; }
VST_FN VecInt operator-(VecInt a, VecInt b) { return {_mm512_sub_epi32(a.raw, b.raw)}; }
VST_FN VecInt operator&(VecInt a, VecInt b) { return {_mm512_and_si512(a.raw, b.raw)}; }
VST_FN VecInt upper_half(VecInt v) { return {_mm512_srli_epi32(v.raw, 16)}; }
VST_FN VecInt smaller(VecInt a, VecInt b) { return {_mm512_min_epi32(a.raw, b.raw)}; }
VST_FN VecInt bits_of(Vec v) { return {_mm512_castps_si512(v.raw)}; }
VST_FN VecInt truncate(Vec v) { return {_mm512_cvttps_epi32(v.raw)}; }
VST_FN Vec to_float(VecInt v) { return {_mm512_cvtepi32_ps(v.raw)}; }
VST_FN int first_lane(VecInt v) { return _mm_cvtsi128_si32(_mm512_castsi512_si128(v.raw)); }
VST_FN int last_lane(VecInt v) { return _mm_extract_epi32(_mm512_extracti32x4_epi32(v.raw, 3), 3); }
VST_FN bool all_below(VecInt v, int limit) {
  return _mm512_cmplt_epu32_mask(v.raw, _mm512_set1_epi32(limit)) == 0xffff;
}

VST_FN void store_shorts(unsigned short* to, VecInt v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(v.raw));
}
VST_FN void store_bytes(unsigned char* to, VecInt v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(v.raw));
}
VST_FN Vec load_upper_halves(const unsigned short* p) {
  const __m256i shorts = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(shorts), 16))};
}

VST_FN Vec pick(Vec first, Vec second, VecInt index) {
  return {_mm512_permutex2var_ps(first.raw, index.raw, second.raw)};
}
VST_FN Vec pick(const float* p, VecInt index) {
  const Vec v = load_vector(p);
  return pick(v, v, index);  // GCC 12 warns of the plain one
}
VST_FN void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace VST_NAMESPACE
