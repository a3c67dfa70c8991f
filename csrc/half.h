// The 16-bit floats of the network and of half-float pictures: bits in memory, converted here and computed in float.
#pragma once

#include "portable.h"

#if !defined(__CUDACC_RTC__) && !defined(__CUDACC__)
#include <math.h>
#include <string.h>
#endif

namespace VST_NAMESPACE {

struct Half {
  unsigned short bits;
};
struct BFloat {
  unsigned short bits;
};

#if defined(__CUDACC_RTC__) || defined(__CUDACC__)
VST_FN unsigned bits_of(float v) { return __float_as_uint(v); }
VST_FN float float_of(unsigned bits) { return __uint_as_float(bits); }
VST_FN float round_even(float v) { return rintf(v); }
VST_FN float widen(Half v) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(v.bits));
  return result;
}
VST_FN void store(Half* to, float v) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(v)); }
#else
VST_FN unsigned bits_of(float v) {
  unsigned bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}
VST_FN float float_of(unsigned bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
VST_FN float round_even(float v) { return rintf(v); }
VST_FN float widen(Half v) {
  const unsigned sign = (v.bits & 0x8000u) << 16, magnitude = v.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  // a half read as the top of a float is 2^112 too small, subnormals included
  return float_of(sign | bits_of(float_of(magnitude << 13) * float_of(0x77800000u)));
}
VST_FN void store(Half* to, float v) {
  const unsigned bits = bits_of(v), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  unsigned result;
  if (magnitude > 0x7f800000u) {
    result = 0x7fffu;
  } else if (magnitude >= 0x477ff000u) {  // 65520: rounds to infinity
    result = 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // below 2^-14: adding 0.5 lets the float adder round to a subnormal half
    result = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    result = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  to->bits = (unsigned short)(sign | result);
}
#endif

VST_FN float widen(float v) { return v; }
VST_FN float widen(unsigned char v) { return (float)v; }
VST_FN float widen(unsigned short v) { return (float)v; }
VST_FN float widen(BFloat v) { return float_of((unsigned)v.bits << 16); }

VST_FN void store(float* to, float v) { *to = v; }
VST_FN void store(BFloat* to, float v) {
  const unsigned bits = bits_of(v);
  to->bits = (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// A feature of the network: one that half cannot hold becomes its largest number, not an infinity that would spread
// through the state as NaN. Everything else is stored as it is.
VST_FN void store_feature(float* to, float v) { store(to, v); }
VST_FN void store_feature(BFloat* to, float v) { store(to, v); }
VST_FN void store_feature(Half* to, float v) { store(to, clamp(v, -65504.0f, 65504.0f)); }

}  // namespace VST_NAMESPACE
