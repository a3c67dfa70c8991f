// The operators as CUDA kernels, compiled at run time by NVRTC: no header but our own is needed. The per-pixel arithmetic
// is that of the CPU extension.
//
// Element types of the network: float, half ("f16") and bfloat16 ("bf16"), kept as bits and converted here.
#include "../color.h"
#include "../resample.h"
#include "../warp.h"

using namespace VST_NAMESPACE;

struct Half {
  unsigned short bits;
};
struct BFloat {
  unsigned short bits;
};

VST_FN float widen(float v) { return v; }
VST_FN float widen(Half v) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(v.bits));
  return result;
}
VST_FN float widen(BFloat v) { return __uint_as_float((unsigned)v.bits << 16); }

VST_FN void store(float* to, float v) { *to = v; }
VST_FN void store(Half* to, float v) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(v)); }
VST_FN void store(BFloat* to, float v) {
  const unsigned bits = __float_as_uint(v);
  to->bits = (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

typedef long long Index;

VST_FN Index thread_index() { return (Index)blockIdx.x * blockDim.x + threadIdx.x; }

// One thread per pixel of the HR grid, the cells of an LR pixel next to each other: neighbours write neighbouring channels.
template <typename T>
__device__ void recur(const float* lr, const float* previous, const float* flow, T* out, int height, int width, int scale,
                      int grid) {
  const int cells = scale * scale, channels = 3 + 3 * cells;
  const Index i = thread_index(), plane = (Index)height * width;
  if (i >= plane * cells) return;
  const int cell = (int)(i % cells);
  const Index pixel = i / cells;
  const int x = (int)(pixel % width), y = (int)(pixel / width);
  const int hr_x = x * scale + cell % scale, hr_y = y * scale + cell / scale;
  const int hr_width = width * scale, hr_height = height * scale;
  const float px = (float)hr_x + (float)scale * upsample_at(flow, height, width, hr_y, hr_x, grid, scale);
  const float py = (float)hr_y + (float)scale * upsample_at(flow + plane, height, width, hr_y, hr_x, grid, scale);
  const Sample sx = sample_position(px, hr_width), sy = sample_position(py, hr_height);
  T* to = out + pixel * channels;
  for (int c = 0; c < 3; ++c) {
    const float* image = previous + c * plane * cells;
    const float *upper = image + (Index)sy.lower * hr_width, *lower = image + (Index)sy.upper * hr_width;
    store(to + 3 + cell * 3 + c, bilinear(upper[sx.lower], upper[sx.upper], lower[sx.lower], lower[sx.upper], sx.fraction,
                                          sy.fraction));
    if (cell == 0) store(to + c, lr[c * plane + pixel]);
  }
}

// Two planar images of three channels each -> six channels, channels last.
template <typename T>
__device__ void interleave(const float* first, const float* second, T* out, int height, int width) {
  const Index i = thread_index(), plane = (Index)height * width;
  if (i >= plane) return;
  for (int c = 0; c < 3; ++c) {
    store(out + i * 6 + c, first[c * plane + i]);
    store(out + i * 6 + 3 + c, second[c * plane + i]);
  }
}

// Residual (channels last) plus the enlarged frame -> planar float32, the new state.
template <typename T>
__device__ void skip_add(const T* residual, const float* lr, float* out, int height, int width, int scale, int grid) {
  const int hr_width = width * scale;
  const Index i = thread_index(), plane = (Index)height * width * scale * scale;
  if (i >= plane) return;
  const int x = (int)(i % hr_width), y = (int)(i / hr_width);
  for (int c = 0; c < 3; ++c)
    out[c * plane + i] =
        widen(residual[i * 3 + c]) + upsample_at(lr + (Index)c * height * width, height, width, y, x, grid, scale);
}

// Bilinear x2 of channels-last features.
template <typename T>
__device__ void double_size(const T* in, T* out, int height, int width, int channels, int grid) {
  const Index i = thread_index();
  if (i >= (Index)4 * height * width * channels) return;
  const int c = (int)(i % channels);
  const Index pixel = i / channels;
  const int x = (int)(pixel % (2 * width)), y = (int)(pixel / (2 * width));
  const Phase px = phase_of(grid, x % 2, 2), py = phase_of(grid, y % 2, 2);
  const int x0 = clamp_index(x / 2 + px.offset, width), x1 = clamp_index(x / 2 + px.offset + 1, width);
  const int y0 = clamp_index(y / 2 + py.offset, height), y1 = clamp_index(y / 2 + py.offset + 1, height);
  const float v00 = widen(in[((Index)y0 * width + x0) * channels + c]);
  const float v01 = widen(in[((Index)y0 * width + x1) * channels + c]);
  const float v10 = widen(in[((Index)y1 * width + x0) * channels + c]);
  const float v11 = widen(in[((Index)y1 * width + x1) * channels + c]);
  const float left = py.weight[1] * v00 + py.weight[2] * v10, right = py.weight[1] * v01 + py.weight[2] * v11;
  store(out + i, px.weight[1] * left + px.weight[2] * right);
}

// Planes of code values -> planar RGB float32.
template <typename Code>
__device__ void from_yuv(const Code* y, const Code* u, const Code* v, float* rgb, int height, int width, int shift_x,
                         int shift_y, int centred_x, int centred_y, YuvFormat format) {
  const Index i = thread_index(), plane = (Index)height * width;
  if (i >= plane) return;
  float out[3];
  yuv_pixel(y, u, v, height, width, (int)(i / width), (int)(i % width), shift_x, shift_y, centred_x != 0, centred_y != 0,
            format, out);
  for (int c = 0; c < 3; ++c) rgb[c * plane + i] = out[c];
}

// Planar RGB float32 -> planes of code values, one thread per chroma sample and its luma samples.
template <typename Code>
__device__ void to_yuv(const float* rgb, Code* y, Code* u, Code* v, int height, int width, int shift_x, int shift_y,
                       int centred_x, int centred_y, YuvFormat format) {
  const int chroma_width = width >> shift_x, chroma_height = height >> shift_y;
  const Index i = thread_index();
  if (i >= (Index)chroma_width * chroma_height) return;
  rgb_cell(rgb, height, width, (int)(i / chroma_width), (int)(i % chroma_width), shift_x, shift_y, centred_x != 0,
           centred_y != 0, format, y, u, v);
}

#define VST_NETWORK_KERNELS(T, suffix)                                                                              \
  extern "C" __global__ void recur_##suffix(const float* lr, const float* previous, const float* flow, T* out, int h, \
                                            int w, int scale, int grid) {                                           \
    recur(lr, previous, flow, out, h, w, scale, grid);                                                              \
  }                                                                                                                 \
  extern "C" __global__ void interleave_##suffix(const float* a, const float* b, T* out, int h, int w) {             \
    interleave(a, b, out, h, w);                                                                                    \
  }                                                                                                                 \
  extern "C" __global__ void skip_add_##suffix(const T* residual, const float* lr, float* out, int h, int w,         \
                                               int scale, int grid) {                                               \
    skip_add(residual, lr, out, h, w, scale, grid);                                                                 \
  }                                                                                                                 \
  extern "C" __global__ void double_size_##suffix(const T* in, T* out, int h, int w, int channels, int grid) {       \
    double_size(in, out, h, w, channels, grid);                                                                     \
  }

#define VST_COLOUR_KERNELS(Code, suffix)                                                                             \
  extern "C" __global__ void from_yuv_##suffix(const Code* y, const Code* u, const Code* v, float* rgb, int h, int w, \
                                               int sx, int sy, int cx, int cy, YuvFormat f) {                       \
    from_yuv(y, u, v, rgb, h, w, sx, sy, cx, cy, f);                                                                \
  }                                                                                                                 \
  extern "C" __global__ void to_yuv_##suffix(const float* rgb, Code* y, Code* u, Code* v, int h, int w, int sx,      \
                                             int sy, int cx, int cy, YuvFormat f) {                                 \
    to_yuv(rgb, y, u, v, h, w, sx, sy, cx, cy, f);                                                                  \
  }

VST_NETWORK_KERNELS(float, f32)
VST_NETWORK_KERNELS(Half, f16)
VST_NETWORK_KERNELS(BFloat, bf16)
VST_COLOUR_KERNELS(unsigned char, u8)
VST_COLOUR_KERNELS(unsigned short, u16)
