// YUV <-> RGB in the integer formats of video, 8 to 16 bits, and the resampling of chroma planes.
#pragma once

#include "portable.h"
#include "warp.h"

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
// lies between its luma samples (the vertical axis of MPEG-2, both of MPEG-1), otherwise on the first of them.
VST_FN float chroma_position(int i, int shift, bool centred) {
  const float step = 1.0f / (float)(1 << shift);
  return centred ? ((float)i + 0.5f) * step - 0.5f : (float)i * step;
}

// Bilinear sample of a chroma plane at luma position (y, x).
template <typename Code>
VST_FN float chroma_at(const Code* plane, int height, int width, int y, int x, int shift_x, int shift_y, bool centred_x,
                       bool centred_y) {
  const Sample sx = sample_position(chroma_position(x, shift_x, centred_x), width);
  const Sample sy = sample_position(chroma_position(y, shift_y, centred_y), height);
  const Code *upper = plane + (long long)sy.lower * width, *lower = plane + (long long)sy.upper * width;
  return bilinear((float)upper[sx.lower], (float)upper[sx.upper], (float)lower[sx.lower], (float)lower[sx.upper],
                  sx.fraction, sy.fraction);
}

// RGB of luma sample (y, x) of contiguous planes.
template <typename Code>
VST_FN void yuv_pixel(const Code* luma, const Code* u, const Code* v, int height, int width, int y, int x, int shift_x,
                      int shift_y, bool centred_x, bool centred_y, const YuvFormat& f, float rgb[3]) {
  const int h = height >> shift_y, w = width >> shift_x;
  yuv_to_rgb(f, (float)luma[(long long)y * width + x],
             chroma_at(u, h, w, y, x, shift_x, shift_y, centred_x, centred_y),
             chroma_at(v, h, w, y, x, shift_x, shift_y, centred_x, centred_y), rgb);
}

VST_FN void colour_sample(const float* rgb, int height, int width, int y, int x, const YuvFormat& f, float yuv[3]) {
  const long long plane = (long long)height * width;
  const long long at = (long long)clamp_index(y, height) * width + clamp_index(x, width);
  const float pixel[3] = {clamp(rgb[at], 0.0f, 1.0f), clamp(rgb[plane + at], 0.0f, 1.0f),
                          clamp(rgb[2 * plane + at], 0.0f, 1.0f)};
  rgb_to_yuv(f, pixel, yuv);
}

// Chroma sample (cy, cx) and the luma samples of its cell. Chroma is the mean of the cell along a centred axis, and
// weighted 1 2 1 around its position along one where it lies on the first luma sample.
template <typename Code>
VST_FN void rgb_cell(const float* rgb, int height, int width, int cy, int cx, int shift_x, int shift_y, bool centred_x,
                     bool centred_y, const YuvFormat& f, Code* luma, Code* u, Code* v) {
  const int step_x = 1 << shift_x, step_y = 1 << shift_y;
  const int from_x = shift_x && !centred_x ? -1 : 0, from_y = shift_y && !centred_y ? -1 : 0;
  float sum_u = 0.0f, sum_v = 0.0f, total = 0.0f;
  for (int dy = from_y; dy < step_y; ++dy)
    for (int dx = from_x; dx < step_x; ++dx) {
      float yuv[3];
      colour_sample(rgb, height, width, cy * step_y + dy, cx * step_x + dx, f, yuv);
      const float weight = (from_x && dx == 0 ? 2.0f : 1.0f) * (from_y && dy == 0 ? 2.0f : 1.0f);
      sum_u += weight * yuv[1];
      sum_v += weight * yuv[2];
      total += weight;
      if (dx >= 0 && dy >= 0)
        luma[((long long)cy * step_y + dy) * width + cx * step_x + dx] = (Code)quantise(f, yuv[0]);
    }
  const long long at = (long long)cy * (width >> shift_x) + cx;
  u[at] = (Code)quantise(f, sum_u / total);
  v[at] = (Code)quantise(f, sum_v / total);
}

}  // namespace VST_NAMESPACE
