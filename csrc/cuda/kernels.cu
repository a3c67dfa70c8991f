// The operators as CUDA kernels, compiled at run time by NVRTC: no header but our own is needed. The per-pixel arithmetic
// is that of the CPU extension.
//
// A kernel uses no shared memory and no barrier: each thread makes its own results. The tests rely on that to run this
// very file on a CPU, one thread after another. All but the pointers is passed by value, in the sizes written here.
#include "../color.h"
#include "../half.h"
#include "../resample.h"
#include "../warp.h"

using namespace VST_NAMESPACE;

typedef long long Index;

// A launch has a block row for each row of the image: no thread divides a 64-bit number to find its place.
VST_FN int column() { return (int)(blockIdx.x * blockDim.x + threadIdx.x); }
VST_FN int row() { return (int)blockIdx.y; }

// Rows of the LR grid; a thread per pixel of the HR grid, the cells of an LR pixel next to each other: neighbours write
// neighbouring channels. `channels` is at least 3 + 3 * scale^2; those beyond are left as they are.
template <typename T>
__device__ void recur(const float* lr, const float* previous, const float* flow, T* out, int height, int width, int channels,
                      int scale, int grid) {
  const int cells = scale * scale;
  const int x = column() / cells, cell = column() % cells, y = row();
  if (x >= width) return;
  const Index plane = (Index)height * width, pixel = (Index)y * width + x;
  const int hr_x = x * scale + cell % scale, hr_y = y * scale + cell / scale;
  const int hr_width = width * scale, hr_height = height * scale;
  const float px = (float)hr_x + (float)scale * upsample_at(flow, height, width, hr_y, hr_x, grid, scale);
  const float py = (float)hr_y + (float)scale * upsample_at(flow + plane, height, width, hr_y, hr_x, grid, scale);
  const Sample sx = sample_position(px, hr_width), sy = sample_position(py, hr_height);
  T* to = out + pixel * channels;
  for (int c = 0; c < 3; ++c) {
    const float* image = previous + c * plane * cells;
    const float *upper = image + (Index)sy.lower * hr_width, *lower = image + (Index)sy.upper * hr_width;
    store_feature(to + 3 + cell * 3 + c, bilinear(upper[sx.lower], upper[sx.upper], lower[sx.lower], lower[sx.upper],
                                                  sx.fraction, sy.fraction));
    if (cell == 0) store_feature(to + c, lr[c * plane + pixel]);
  }
}

// The same without a previous frame: the frame, then zeros. A thread per element.
template <typename T>
__device__ void first_input(const float* lr, T* out, int height, int width, int channels) {
  const int x = column() / channels, c = column() % channels;
  if (x >= width) return;
  const Index plane = (Index)height * width, pixel = (Index)row() * width + x;
  store_feature(out + pixel * channels + c, c < 3 ? lr[c * plane + pixel] : 0.0f);
}

// Two planar images of three channels each -> the first six of `channels`, channels last.
template <typename T>
__device__ void interleave(const float* first, const float* second, T* out, int height, int width, int channels) {
  if (column() >= width) return;
  const Index i = (Index)row() * width + column(), plane = (Index)height * width;
  for (int c = 0; c < 3; ++c) {
    store_feature(out + i * channels + c, first[c * plane + i]);
    store_feature(out + i * channels + 3 + c, second[c * plane + i]);
  }
}

// Residual (channels last) plus its bias plus the enlarged frame (none where grid < 0) -> planar float32, the new state. Rows
// of the HR grid, a thread per pixel.
template <typename T>
__device__ void skip_add(const T* residual, const float* bias, const float* lr, float* out, int height, int width,
                         int scale, int grid) {
  const int hr_width = width * scale, x = column(), y = row();
  if (x >= hr_width) return;
  const Index i = (Index)y * hr_width + x, plane = (Index)height * scale * hr_width;
  for (int c = 0; c < 3; ++c) {
    const float value = widen(residual[i * 3 + c]) + bias[c];
    const float* image = lr + (Index)c * height * width;
    out[c * plane + i] = grid < 0 ? value : value + upsample_at(image, height, width, y, x, grid, scale);
  }
}

// slope 1: none; 0: ReLU; between: leaky.
VST_FN float activate(float v, float slope) { return v > 0.0f ? v : slope * v; }

// What follows a convolution, in place: values = activation(values + bias + residual). `residual` may be null. One row
// of all `count` elements, a thread for eight, which it moves as 16-byte words; both arrays start at multiples of 16 bytes.
template <typename T>
struct alignas(16) Eight {
  T at[8];
};

template <typename T>
__device__ void finish(T* values, const float* bias, const T* residual, float slope, Index count, int channels) {
  const Index first = ((Index)blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (first >= count) return;
  int c = (int)(first % channels);
  if (first + 8 <= count) {
    Eight<T> mine = *(const Eight<T>*)(values + first), other;
    if (residual) other = *(const Eight<T>*)(residual + first);
    for (int k = 0; k < 8; ++k) {
      const float v = widen(mine.at[k]) + bias[c] + (residual ? widen(other.at[k]) : 0.0f);
      store_feature(&mine.at[k], activate(v, slope));
      c = c + 1 < channels ? c + 1 : 0;
    }
    *(Eight<T>*)(values + first) = mine;
    return;
  }
  for (Index i = first; i < count; ++i) {
    const float v = widen(values[i]) + bias[c] + (residual ? widen(residual[i]) : 0.0f);
    store_feature(values + i, activate(v, slope));
    c = c + 1 < channels ? c + 1 : 0;
  }
}

// Bilinear x2 of activation(in + bias), channels last. Rows of the result, a thread for eight channels of a pixel: their
// number is a multiple of eight, and both arrays start at multiples of 16 bytes.
template <typename T>
__device__ void double_size(const T* in, const float* bias, float slope, T* out, int height, int width, int channels,
                            int grid) {
  const int groups = channels / 8, x = column() / groups, c = 8 * (column() % groups), y = row();
  if (x >= 2 * width) return;
  const Phase px = phase_of(grid, x % 2, 2), py = phase_of(grid, y % 2, 2);
  const int x0 = clamp_index(x / 2 + px.offset, width), x1 = clamp_index(x / 2 + px.offset + 1, width);
  const int y0 = clamp_index(y / 2 + py.offset, height), y1 = clamp_index(y / 2 + py.offset + 1, height);
  const T *upper = in + (Index)y0 * width * channels + c, *lower = in + (Index)y1 * width * channels + c;
  const Eight<T> v00 = *(const Eight<T>*)(upper + (Index)x0 * channels);
  const Eight<T> v01 = *(const Eight<T>*)(upper + (Index)x1 * channels);
  const Eight<T> v10 = *(const Eight<T>*)(lower + (Index)x0 * channels);
  const Eight<T> v11 = *(const Eight<T>*)(lower + (Index)x1 * channels);
  Eight<T> result;
  for (int k = 0; k < 8; ++k) {
    const float shift = bias[c + k];
    const float a = activate(widen(v00.at[k]) + shift, slope), b = activate(widen(v10.at[k]) + shift, slope);
    const float d = activate(widen(v01.at[k]) + shift, slope), e = activate(widen(v11.at[k]) + shift, slope);
    const float left = py.weight[1] * a + py.weight[2] * b, right = py.weight[1] * d + py.weight[2] * e;
    store_feature(&result.at[k], px.weight[1] * left + px.weight[2] * right);
  }
  *(Eight<T>*)(out + ((Index)y * 2 * width + x) * channels + c) = result;
}

// Sample `i` of an axis of `size` samples continued by mirroring at its far end, with or without repeating the last.
VST_FN int mirrored(int i, int size, int repeat_edge) {
  const int period = repeat_edge ? 2 * size : (size > 1 ? 2 * size - 2 : 1);
  const int k = i % period;
  return k < size ? k : (repeat_edge ? period - 1 : period) - k;
}

// The head of FNet: limit * tanh(in + bias), channels last (stored_width wide, of which valid_height x valid_width count),
// continued by mirroring to (height, width), as two planes. A thread per pixel.
template <typename T>
__device__ void flow_head(const T* in, const float* bias, float* out, int stored_width, int valid_height,
                          int valid_width, int height, int width, int repeat_edge, float limit) {
  if (column() >= width) return;
  const Index i = (Index)row() * width + column(), plane = (Index)height * width;
  const int x = mirrored(column(), valid_width, repeat_edge), y = mirrored(row(), valid_height, repeat_edge);
  const Index at = ((Index)y * stored_width + x) * 2;
  for (int c = 0; c < 2; ++c) out[c * plane + i] = limit * tanhf(widen(in[at + c]) + bias[c]);
}

// Planes of samples -> planar RGB float32, brought to [0, 1] where `clamp_to_unit` says so. A thread per pixel.
template <typename Code>
__device__ void unpack(const Code* first, const Code* second, const Code* third, float* rgb, const float* colour,
                       const int* left_x, const float* weight_x, int taps_x, const int* left_y, const float* weight_y,
                       int taps_y, int height, int width, int chroma_width, int mode, int clamp_to_unit) {
  if (column() >= width) return;
  const Index i = (Index)row() * width + column(), plane = (Index)height * width;
  const Taps across = {left_x, weight_x, taps_x}, down = {left_y, weight_y, taps_y};
  float out[3];
  read_pixel(first, second, third, width, chroma_width, row(), column(), across, down, *(const Colour*)colour, mode,
             out);
  for (int c = 0; c < 3; ++c) rgb[c * plane + i] = clamp_to_unit ? clean(out[c]) : out[c];
}

// Planar RGB float32 -> planes of samples, none of them resampled. A thread per pixel.
template <typename Code>
__device__ void pack(const float* rgb, Code* first, Code* second, Code* third, const float* colour, int height, int width,
                     int mode) {
  if (column() >= width) return;
  const Index i = (Index)row() * width + column(), plane = (Index)height * width;
  write_pixel(rgb, plane, i, *(const Colour*)colour, mode, first, second, third);
}

// Planar RGB float32 -> luma, and chroma filtered along its rows. Rows of luma, a thread per chroma column.
template <typename Code>
__device__ void pack_rows(const float* rgb, Code* luma, float* rows, const float* colour, const int* left,
                          const float* weight, int taps, int height, int width, int chroma_width) {
  if (column() >= chroma_width) return;
  const Taps across = {left, weight, taps};
  write_row_cell(rgb, height, width, chroma_width, row(), column(), across, *(const Colour*)colour, luma, rows);
}

// The chroma planes from the result of pack_rows. A thread per chroma sample.
template <typename Code>
__device__ void pack_columns(const float* rows, Code* second, Code* third, const float* colour, const int* left,
                             const float* weight, int taps, int height, int chroma_width) {
  if (column() >= chroma_width) return;
  const Taps down = {left, weight, taps};
  write_chroma(rows, height, chroma_width, row(), column(), down, *(const Colour*)colour, second, third);
}

#define VST_NETWORK_KERNELS(T, suffix)                                                                                \
  extern "C" __global__ void recur_##suffix(const float* lr, const float* previous, const float* flow, T* out,        \
  int height, int width, int channels, int scale, int grid) {                                                         \
    recur(lr, previous, flow, out, height, width, channels, scale, grid);                                             \
  }                                                                                                                   \
  extern "C" __global__ void first_input_##suffix(const float* lr, T* out, int height, int width, int channels)       \
  {                                                                                                                   \
    first_input(lr, out, height, width, channels);                                                                    \
  }                                                                                                                   \
  extern "C" __global__ void interleave_##suffix(const float* first, const float* second, T* out, int height,         \
  int width, int channels) {                                                                                          \
    interleave(first, second, out, height, width, channels);                                                          \
  }                                                                                                                   \
  extern "C" __global__ void skip_add_##suffix(const T* residual, const float* bias, const float* lr, float*          \
  out, int height, int width, int scale, int grid) {                                                                  \
    skip_add(residual, bias, lr, out, height, width, scale, grid);                                                    \
  }                                                                                                                   \
  extern "C" __global__ void finish_##suffix(T* values, const float* bias, const T* residual, float slope, long       \
  long count, int channels) {                                                                                         \
    finish(values, bias, residual, slope, count, channels);                                                           \
  }                                                                                                                   \
  extern "C" __global__ void double_size_##suffix(const T* in, const float* bias, float slope, T* out, int            \
  height, int width, int channels, int grid) {                                                                        \
    double_size(in, bias, slope, out, height, width, channels, grid);                                                 \
  }                                                                                                                   \
  extern "C" __global__ void flow_head_##suffix(const T* in, const float* bias, float* out, int stored_width,         \
  int valid_height, int valid_width, int height, int width, int repeat_edge, float limit) {                           \
    flow_head(in, bias, out, stored_width, valid_height, valid_width, height, width, repeat_edge, limit);             \
  }

#define VST_PICTURE_KERNELS(T, suffix)                                                                                \
  extern "C" __global__ void unpack_##suffix(const T* first, const T* second, const T* third, float* rgb, const       \
  float* colour, const int* left_x, const float* weight_x, int taps_x, const int* left_y, const float* weight_y,      \
  int taps_y, int height, int width, int chroma_width, int mode, int clamp_to_unit) {                                 \
    unpack(first, second, third, rgb, colour, left_x, weight_x, taps_x, left_y, weight_y, taps_y, height, width,      \
    chroma_width, mode, clamp_to_unit);                                                                               \
  }                                                                                                                   \
  extern "C" __global__ void pack_##suffix(const float* rgb, T* first, T* second, T* third, const float* colour,      \
  int height, int width, int mode) {                                                                                  \
    pack(rgb, first, second, third, colour, height, width, mode);                                                     \
  }                                                                                                                   \
  extern "C" __global__ void pack_rows_##suffix(const float* rgb, T* luma, float* rows, const float* colour,          \
  const int* left, const float* weight, int taps, int height, int width, int chroma_width) {                          \
    pack_rows(rgb, luma, rows, colour, left, weight, taps, height, width, chroma_width);                              \
  }                                                                                                                   \
  extern "C" __global__ void pack_columns_##suffix(const float* rows, T* second, T* third, const float* colour,       \
  const int* left, const float* weight, int taps, int height, int chroma_width) {                                     \
    pack_columns(rows, second, third, colour, left, weight, taps, height, chroma_width);                              \
  }

VST_NETWORK_KERNELS(float, f32)
VST_NETWORK_KERNELS(Half, f16)
VST_NETWORK_KERNELS(BFloat, bf16)
VST_PICTURE_KERNELS(unsigned char, u8)
VST_PICTURE_KERNELS(unsigned short, u16)
VST_PICTURE_KERNELS(Half, f16)
VST_PICTURE_KERNELS(float, f32)
