// Four lanes: NEON of 64-bit ARM, which all of them have.
#include <arm_neon.h>

#define VST_HAS_PERMUTE 1
#define VST_HAS_PAIRS 1

namespace VST_NAMESPACE {

const int kLanes = 4;
struct Vec {
  float32x4_t raw;
};
struct VecInt {
  int32x4_t raw;
};

VST_FN Vec load_vector(const float* p) { return {vld1q_f32(p)}; }
VST_FN void store_vector(float* to, Vec v) { vst1q_f32(to, v.raw); }
VST_FN void store_lower(float* to, Vec v) { vst1_f32(to, vget_low_f32(v.raw)); }
VST_FN Vec all_lanes(float v) { return {vdupq_n_f32(v)}; }
VST_FN Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.raw, b.raw)}; }
VST_FN Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.raw, b.raw)}; }
VST_FN Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.raw, b.raw)}; }
VST_FN Vec fused(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.raw, a.raw, b.raw)}; }
// Selected, not vminq and vmaxq: those keep a NaN in either place.
VST_FN Vec smaller(Vec a, Vec b) { return {vbslq_f32(vcltq_f32(a.raw, b.raw), a.raw, b.raw)}; }
VST_FN Vec larger(Vec a, Vec b) { return {vbslq_f32(vcgtq_f32(a.raw, b.raw), a.raw, b.raw)}; }
VST_FN Vec where_positive(Vec condition, Vec v) {
  return {vbslq_f32(vcgtq_f32(condition.raw, vdupq_n_f32(0.0f)), v.raw, vdupq_n_f32(0.0f))};
}
VST_FN Vec magnitude(Vec v) { return {vabsq_f32(v.raw)}; }
VST_FN Vec even_lanes(Vec a, Vec b) { return {vuzp1q_f32(a.raw, b.raw)}; }
VST_FN Vec odd_lanes(Vec a, Vec b) { return {vuzp2q_f32(a.raw, b.raw)}; }

VST_FN VecInt load_vector(const std::int32_t* p) { return {vld1q_s32(p)}; }
VST_FN void store_vector(std::int32_t* to, VecInt v) { vst1q_s32(to, v.raw); }
VST_FN VecInt all_ints(int v) { return {vdupq_n_s32(v)}; }
VST_FN VecInt operator+(VecInt a, VecInt b) { return {vaddq_s32(a.raw, b.raw)}; }
VST_FN VecInt operator-(VecInt a, VecInt b) { return {vsubq_s32(a.raw, b.raw)}; }
VST_FN VecInt operator&(VecInt a, VecInt b) { return {vandq_s32(a.raw, b.raw)}; }
VST_FN VecInt upper_half(VecInt v) {
  return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v.raw), 16))};
}
VST_FN VecInt smaller(VecInt a, VecInt b) { return {vminq_s32(a.raw, b.raw)}; }
VST_FN VecInt bits_of(Vec v) { return {vreinterpretq_s32_f32(v.raw)}; }
VST_FN VecInt truncate(Vec v) { return {vcvtq_s32_f32(v.raw)}; }
VST_FN Vec to_float(VecInt v) { return {vcvtq_f32_s32(v.raw)}; }
VST_FN int first_lane(VecInt v) { return vgetq_lane_s32(v.raw, 0); }
VST_FN int last_lane(VecInt v) { return vgetq_lane_s32(v.raw, 3); }
VST_FN bool all_below(VecInt v, int limit) {
  return vmaxvq_u32(vreinterpretq_u32_s32(v.raw)) < (std::uint32_t)limit;
}

VST_FN void store_shorts(unsigned short* to, VecInt v) { vst1_u16(to, vmovn_u32(vreinterpretq_u32_s32(v.raw))); }
VST_FN void store_bytes(unsigned char* to, VecInt v) {
  const uint16x4_t shorts = vmovn_u32(vreinterpretq_u32_s32(v.raw));
  const std::uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(shorts, shorts))), 0);
  memcpy(to, &four, sizeof four);
}
VST_FN Vec load_upper_halves(const unsigned short* p) { return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16))}; }

// A table of bytes: those of lane i are 4 i to 4 i + 3.
VST_FN Vec pick(Vec first, Vec second, VecInt index) {
  const uint32x4_t lanes = vmulq_n_u32(vreinterpretq_u32_s32(index.raw), 0x04040404u);
  const uint8x16_t bytes = vreinterpretq_u8_u32(vaddq_u32(lanes, vdupq_n_u32(0x03020100u)));
  const uint8x16x2_t table = {{vreinterpretq_u8_f32(first.raw), vreinterpretq_u8_f32(second.raw)}};
  return {vreinterpretq_f32_u8(vqtbl2q_u8(table, bytes))};
}
VST_FN Vec pick(const float* p, VecInt index) { return pick(load_vector(p), load_vector(p + kLanes), index); }
VST_FN void load_pairs(const float* p, const std::ptrdiff_t* at, Vec& left, Vec& right) {
  const float32x4_t first = vcombine_f32(vld1_f32(p + at[0]), vld1_f32(p + at[1]));
  const float32x4_t second = vcombine_f32(vld1_f32(p + at[2]), vld1_f32(p + at[3]));
  left.raw = vuzp1q_f32(first, second);
  right.raw = vuzp2q_f32(first, second);
}
VST_FN void prefetch(const void* p) {
#ifdef _MSC_VER
  __prefetch(p);
#else
  __builtin_prefetch(p);
#endif
}

}  // namespace VST_NAMESPACE
