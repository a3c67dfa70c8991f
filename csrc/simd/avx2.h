// Eight lanes: AVX2 and FMA.
#include <immintrin.h>

#define VST_HAS_PERMUTE 1

namespace VST_NAMESPACE {

const int kLanes = 8;
struct Vec {
  __m256 raw;
};
struct VecInt {
  __m256i raw;
};

VST_FN Vec load_vector(const float* p) { return {_mm256_loadu_ps(p)}; }
VST_FN void store_vector(float* to, Vec v) { _mm256_storeu_ps(to, v.raw); }
VST_FN void store_lower(float* to, Vec v) { _mm_storeu_ps(to, _mm256_castps256_ps128(v.raw)); }
VST_FN Vec all_lanes(float v) { return {_mm256_set1_ps(v)}; }
VST_FN Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.raw, b.raw)}; }
VST_FN Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.raw, b.raw)}; }
VST_FN Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.raw, b.raw)}; }
VST_FN Vec fused(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.raw, b.raw, c.raw)}; }
VST_FN Vec smaller(Vec a, Vec b) { return {_mm256_min_ps(a.raw, b.raw)}; }
VST_FN Vec larger(Vec a, Vec b) { return {_mm256_max_ps(a.raw, b.raw)}; }
VST_FN Vec where_positive(Vec condition, Vec v) {
  return {_mm256_and_ps(_mm256_cmp_ps(condition.raw, _mm256_setzero_ps(), _CMP_GT_OQ), v.raw)};
}
VST_FN Vec magnitude(Vec v) { return {_mm256_and_ps(v.raw, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)))}; }
VST_FN Vec in_order(__m256 mixed) {  // from the order in which 128-bit halves are shuffled
  return {_mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8))};
}
VST_FN Vec even_lanes(Vec a, Vec b) { return in_order(_mm256_shuffle_ps(a.raw, b.raw, 0x88)); }
VST_FN Vec odd_lanes(Vec a, Vec b) { return in_order(_mm256_shuffle_ps(a.raw, b.raw, 0xdd)); }

VST_FN VecInt load_vector(const std::int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
VST_FN VecInt all_ints(int v) { return {_mm256_set1_epi32(v)}; }
VST_FN VecInt operator+(VecInt a, VecInt b) { return {_mm256_add_epi32(a.raw, b.raw)}; }
VST_FN VecInt operator-(VecInt a, VecInt b) { return {_mm256_sub_epi32(a.raw, b.raw)}; }
VST_FN VecInt operator&(VecInt a, VecInt b) { return {_mm256_and_si256(a.raw, b.raw)}; }
VST_FN VecInt upper_half(VecInt v) { return {_mm256_srli_epi32(v.raw, 16)}; }
VST_FN VecInt smaller(VecInt a, VecInt b) { return {_mm256_min_epi32(a.raw, b.raw)}; }
VST_FN VecInt bits_of(Vec v) { return {_mm256_castps_si256(v.raw)}; }
VST_FN VecInt truncate(Vec v) { return {_mm256_cvttps_epi32(v.raw)}; }
VST_FN Vec to_float(VecInt v) { return {_mm256_cvtepi32_ps(v.raw)}; }
VST_FN int first_lane(VecInt v) { return _mm_cvtsi128_si32(_mm256_castsi256_si128(v.raw)); }
VST_FN int last_lane(VecInt v) { return _mm_extract_epi32(_mm256_extracti128_si256(v.raw, 1), 3); }
VST_FN bool all_below(VecInt v, int limit) {
  const __m256i most = _mm256_set1_epi32(limit - 1);
  const __m256i inside = _mm256_cmpeq_epi32(_mm256_max_epu32(v.raw, most), most);
  return _mm256_movemask_epi8(inside) == -1;
}

VST_FN __m128i shorts_of(VecInt v) {  // of lanes from 0 to 65535
  return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(v.raw, v.raw), 0xd8));
}
VST_FN void store_shorts(unsigned short* to, VecInt v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), shorts_of(v));
}
VST_FN void store_bytes(unsigned char* to, VecInt v) {
  const __m128i shorts = shorts_of(v);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(shorts, shorts));
}
VST_FN Vec load_upper_halves(const unsigned short* p) {
  const __m128i shorts = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(shorts), 16))};
}

VST_FN Vec pick(Vec first, Vec second, VecInt index) {
  const __m256 low = _mm256_permutevar8x32_ps(first.raw, index.raw);
  const __m256 high = _mm256_permutevar8x32_ps(second.raw, index.raw);
  const __m256i second_only = _mm256_slli_epi32(index.raw, 28);  // its sign: whether the lane is in the second
  return {_mm256_blendv_ps(low, high, _mm256_castsi256_ps(second_only))};
}
VST_FN Vec pick(const float* p, VecInt index) { return {_mm256_permutevar8x32_ps(_mm256_loadu_ps(p), index.raw)}; }
VST_FN void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace VST_NAMESPACE
