// YUV <-> RGB in the integer formats of video, 8 to 16 bits, and the resampling of chroma planes.
#pragma once

#include "portable.h"

namespace VST_NAMESPACE {

// Filled in by the host: kr and kb of the matrix (BT.709: 0.2126, 0.0722), the bit depth and the range.
struct YuvFormat {
  float kr;
  float kb;
  float luma_offset;   // code value of black
  float luma_span;     // code values from black to white
  float chroma_zero;   // code value of no colour
  float chroma_span;   // code values between the extremes of a colour difference
  float peak;          // largest code value
};

VST_FN void yuv_to_rgb(const YuvFormat& f, float y, float u, float v, float rgb[3]) {
  const float kg = 1.0f - f.kr - f.kb;
  const float luma = (y - f.luma_offset) / f.luma_span;
  const float cb = (u - f.chroma_zero) / f.chroma_span, cr = (v - f.chroma_zero) / f.chroma_span;
  rgb[0] = luma + 2.0f * (1.0f - f.kr) * cr;
  rgb[2] = luma + 2.0f * (1.0f - f.kb) * cb;
  rgb[1] = (luma - f.kr * rgb[0] - f.kb * rgb[2]) / kg;
}

// Code values, not yet rounded: chroma is averaged over its cell first.
VST_FN void rgb_to_yuv(const YuvFormat& f, const float rgb[3], float yuv[3]) {
  const float kg = 1.0f - f.kr - f.kb;
  const float luma = f.kr * rgb[0] + kg * rgb[1] + f.kb * rgb[2];
  yuv[0] = luma * f.luma_span + f.luma_offset;
  yuv[1] = (rgb[2] - luma) / (2.0f * (1.0f - f.kb)) * f.chroma_span + f.chroma_zero;
  yuv[2] = (rgb[0] - luma) / (2.0f * (1.0f - f.kr)) * f.chroma_span + f.chroma_zero;
}

VST_FN int quantise(const YuvFormat& f, float code) { return (int)(clamp(code, 0.0f, f.peak) + 0.5f); }

// Where luma sample `i` lies among the chroma samples of one axis. `shift` is log2 of the subsampling; `centred` chroma
// lies between its luma samples (MPEG-1, and the vertical axis of MPEG-2), otherwise on the first of them.
VST_FN float chroma_position(int i, int shift, bool centred) {
  const float step = 1.0f / (float)(1 << shift);
  return centred ? ((float)i + 0.5f) * step - 0.5f : (float)i * step;
}

}  // namespace VST_NAMESPACE
