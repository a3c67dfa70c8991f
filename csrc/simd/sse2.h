// Four lanes: SSE2, which every x86-64 processor has.
#include <emmintrin.h>

namespace VST_NAMESPACE {

const int kLanes = 4;
struct Vec {
  __m128 raw;
};
struct VecInt {
  __m128i raw;
};

VST_FN Vec load_vector(const float* p) { return {_mm_loadu_ps(p)}; }
VST_FN void store_vector(float* to, Vec v) { _mm_storeu_ps(to, v.raw); }
VST_FN void store_lower(float* to, Vec v) { _mm_storel_pi(reinterpret_cast<__m64*>(to), v.raw); }
VST_FN Vec all_lanes(float v) { return {_mm_set1_ps(v)}; }
VST_FN Vec operator+(Vec a, Vec b) { return {_mm_add_ps(a.raw, b.raw)}; }
VST_FN Vec operator-(Vec a, Vec b) { return {_mm_sub_ps(a.raw, b.raw)}; }
VST_FN Vec operator*(Vec a, Vec b) { return {_mm_mul_ps(a.raw, b.raw)}; }
VST_FN Vec fused(Vec a, Vec b, Vec c) { return a * b + c; }
VST_FN Vec smaller(Vec a, Vec b) { return {_mm_min_ps(a.raw, b.raw)}; }
VST_FN Vec larger(Vec a, Vec b) { return {_mm_max_ps(a.raw, b.raw)}; }
VST_FN Vec where_positive(Vec condition, Vec v) {
  return {_mm_and_ps(_mm_cmpgt_ps(condition.raw, _mm_setzero_ps()), v.raw)};
}
VST_FN Vec even_lanes(Vec a, Vec b) { return {_mm_shuffle_ps(a.raw, b.raw, 0x88)}; }
VST_FN Vec odd_lanes(Vec a, Vec b) { return {_mm_shuffle_ps(a.raw, b.raw, 0xdd)}; }

VST_FN VecInt all_ints(int v) { return {_mm_set1_epi32(v)}; }
VST_FN VecInt operator+(VecInt a, VecInt b) { return {_mm_add_epi32(a.raw, b.raw)}; }
VST_FN VecInt operator&(VecInt a, VecInt b) { return {_mm_and_si128(a.raw, b.raw)}; }
VST_FN VecInt upper_half(VecInt v) { return {_mm_srli_epi32(v.raw, 16)}; }
VST_FN VecInt bits_of(Vec v) { return {_mm_castps_si128(v.raw)}; }

VST_FN __m128i shorts_of(VecInt v) {  // SSE2 packs signed numbers alone: the low half, as one
  const __m128i low = _mm_srai_epi32(_mm_slli_epi32(v.raw, 16), 16);
  return _mm_packs_epi32(low, low);
}
VST_FN void store_shorts(unsigned short* to, VecInt v) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), shorts_of(v));
}
VST_FN void store_bytes(unsigned char* to, VecInt v) {
  const __m128i shorts = shorts_of(v);
  const std::int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(shorts, shorts));
  memcpy(to, &four, sizeof four);
}
VST_FN Vec load_upper_halves(const unsigned short* p) {
  const __m128i shorts = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return {_mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), shorts))};
}

}  // namespace VST_NAMESPACE
