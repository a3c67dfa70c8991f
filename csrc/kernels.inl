// The CPU operators, included once per instruction set. No standard library templates here: the linker could keep the copy
// built for the wrong instruction set.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "narrow_conv.inl"
#include "parallel.h"
#include "resample.h"
#include "simd.h"
#include "warp.h"

namespace VST_NAMESPACE {

template <typename F>
void parallel(int count, int grain, int threads, F body) {
  vst::parallel_chunks(
      count, grain, threads, [](void* f, int begin, int end) { (*static_cast<F*>(f))(begin, end); }, &body);
}

// Scratch memory of one chunk of work.
struct Buffer {
  explicit Buffer(std::size_t floats) : data(static_cast<float*>(malloc((floats + 16) * sizeof(float)))) {
    if (!data) abort();
  }
  ~Buffer() { free(data); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  float* data;
};

const int kBlock = 128;           // pixels handled together, so that all their channels stay in the first cache
const int kBefore = 2, kAfter = 3;  // samples beyond a row's ends that the taps of its first and last pixel can read
const int kMaxScale = 8;

// ---- warp ----

struct Positions {
  int index[kBlock];
  float fx[kBlock], fy[kBlock];
};

// Cells and fractions of `count` positions (x + flow), given as absolute coordinates.
VST_FN void locate(const float* px, const float* py, int count, int height, int width, Positions& at) {
  for (int i = 0; i < count; ++i) {
    const Sample sx = sample_position(px[i], width), sy = sample_position(py[i], height);
    at.index[i] = sy.lower * width + sx.lower;
    at.fx[i] = sx.fraction;
    at.fy[i] = sy.fraction;
  }
}

VST_FN void sample(const float* plane, const Positions& at, int count, int right, int below, float* out) {
  for (int i = 0; i < count; ++i) {
    const int k = at.index[i];
    out[i] = bilinear(plane[k], plane[k + right], plane[k + below], plane[k + below + right], at.fx[i], at.fy[i]);
  }
}

void warp(const vst::Warp& a, int threads) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  const int right = a.width > 1 ? 1 : 0, below = a.height > 1 ? a.width : 0;
  parallel(a.batch * a.height, 8, threads, [&](int begin, int end) {
    Positions at;
    float px[kBlock], py[kBlock];
    for (int row = begin; row < end; ++row) {
      const int n = row / a.height, y = row % a.height;
      const float* flow = a.flow + 2 * n * plane + (std::ptrdiff_t)y * a.width;
      for (int x0 = 0; x0 < a.width; x0 += kBlock) {
        const int count = a.width - x0 < kBlock ? a.width - x0 : kBlock;
        for (int i = 0; i < count; ++i) {
          px[i] = (float)(x0 + i) + flow[x0 + i];
          py[i] = (float)y + flow[plane + x0 + i];
        }
        locate(px, py, count, a.height, a.width, at);
        for (int c = 0; c < a.channels; ++c) {
          const std::ptrdiff_t offset = ((std::ptrdiff_t)n * a.channels + c) * plane;
          sample(a.image + offset, at, count, right, below, a.output + offset + (std::ptrdiff_t)y * a.width + x0);
        }
      }
    }
  });
}

void warp_flow_gradient(const vst::WarpBackward& a, int threads) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  const int right = a.width > 1 ? 1 : 0, below = a.height > 1 ? a.width : 0;
  parallel(a.batch * a.height, 8, threads, [&](int begin, int end) {
    for (int row = begin; row < end; ++row) {
      const int n = row / a.height, y = row % a.height;
      for (int x = 0; x < a.width; ++x) {
        const std::ptrdiff_t at = 2 * n * plane + (std::ptrdiff_t)y * a.width + x;
        const float px = (float)x + a.flow[at], py = (float)y + a.flow[at + plane];
        const Sample sx = sample_position(px, a.width), sy = sample_position(py, a.height);
        float gx = 0.0f, gy = 0.0f;
        for (int c = 0; c < a.channels; ++c) {
          const std::ptrdiff_t offset = ((std::ptrdiff_t)n * a.channels + c) * plane;
          const float* p = a.image + offset + (std::ptrdiff_t)sy.lower * a.width + sx.lower;
          const float g = a.gradient[offset + (std::ptrdiff_t)y * a.width + x];
          const float v00 = p[0], v01 = p[right], v10 = p[below], v11 = p[below + right];
          gx += g * slope_x(v00, v01, v10, v11, sy.fraction);
          gy += g * slope_y(v00, v01, v10, v11, sx.fraction);
        }
        a.flow_gradient[at] = gx * inside(px, a.width);
        a.flow_gradient[at + plane] = gy * inside(py, a.height);
      }
    }
  });
}

void warp_image_gradient(const vst::WarpBackward& a, int threads) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  const int right = a.width > 1 ? 1 : 0, below = a.height > 1 ? a.width : 0;
  // A plane belongs to one thread: sums run in one order whatever the number of threads.
  parallel(a.batch * a.channels, 1, threads, [&](int begin, int end) {
    for (int nc = begin; nc < end; ++nc) {
      const float* flow = a.flow + 2 * (nc / a.channels) * plane;
      const float* gradient = a.gradient + nc * plane;
      float* out = a.image_gradient + nc * plane;
      memset(out, 0, plane * sizeof(float));
      for (int y = 0; y < a.height; ++y)
        for (int x = 0; x < a.width; ++x) {
          const std::ptrdiff_t at = (std::ptrdiff_t)y * a.width + x;
          const Sample sx = sample_position((float)x + flow[at], a.width);
          const Sample sy = sample_position((float)y + flow[at + plane], a.height);
          const float g = gradient[at], lower = g * (1.0f - sy.fraction), upper = g * sy.fraction;
          float* p = out + (std::ptrdiff_t)sy.lower * a.width + sx.lower;
          p[0] += lower * (1.0f - sx.fraction);
          p[right] += lower * sx.fraction;
          p[below] += upper * (1.0f - sx.fraction);
          p[below + right] += upper * sx.fraction;
        }
    }
  });
}

void warp_backward(const vst::WarpBackward& a, int threads) {
  if (a.flow_gradient) warp_flow_gradient(a, threads);
  if (a.image_gradient) warp_image_gradient(a, threads);
}

// ---- upsampling of rows ----

struct Phases {
  Phases(int grid, int scale) {
    for (int k = 0; k < scale; ++k) at[k] = phase_of(grid, k, scale);
  }
  Phase at[kMaxScale];
};

// Row `y` of the enlarged plane, blended vertically only: `out` has kBefore samples before and kAfter after the row.
VST_FN void blend_rows(const float* plane, int height, int width, int y, int scale, const Phases& phases, float* out) {
  const Phase& p = phases.at[y % scale];
  const float* tap[4];
  for (int k = 0; k < 4; ++k)
    tap[k] = plane + (std::ptrdiff_t)clamp_index(y / scale + p.offset - 1 + k, height) * width;
  float* row = out + kBefore;
  for (int x = 0; x < width; ++x) row[x] = blend(p.weight, tap[0][x], tap[1][x], tap[2][x], tap[3][x]);
  for (int x = -kBefore; x < 0; ++x) row[x] = row[0];
  for (int x = 0; x < kAfter; ++x) row[width + x] = row[width - 1];
}

VST_FN float blend_at(const float* blended, int x, const Phase& p) {
  const float* t = blended + kBefore + x + p.offset - 1;
  return blend(p.weight, t[0], t[1], t[2], t[3]);
}

template <int kScale>
void spread_row(const float* blended, int width, const Phases& phases, float* out) {
  for (int x = 0; x < width; ++x)
    for (int k = 0; k < kScale; ++k) out[x * kScale + k] = blend_at(blended, x, phases.at[k]);
}

// Adds nothing: writes row `y` of the enlarged plane, scale * width samples.
VST_FN void upsample_row(const float* plane, int height, int width, int y, int scale, const Phases& phases,
                         float* blended, float* out) {
  blend_rows(plane, height, width, y, scale, phases, blended);
  if (scale == 4) return spread_row<4>(blended, width, phases, out);
  if (scale == 2) return spread_row<2>(blended, width, phases, out);
  for (int x = 0; x < width; ++x)
    for (int k = 0; k < scale; ++k) out[x * scale + k] = blend_at(blended, x, phases.at[k]);
}

// ---- the network's input ----

typedef float Quad __attribute__((vector_size(16)));
typedef std::uint32_t QuadBits __attribute__((vector_size(16)));
typedef std::uint16_t QuadHalf __attribute__((vector_size(8)));

VST_FN Quad load_quad(const float* p) {
  Quad v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

VST_FN void store_quad(float* to, Quad v) { __builtin_memcpy(to, &v, sizeof v); }

VST_FN void store_quad(BFloat16* to, Quad v) {
  const QuadBits bits = (QuadBits)v;
  const QuadHalf half = __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, QuadHalf);
  __builtin_memcpy(to, &half, sizeof half);
}

// The part of the previous output that a block of LR pixels can read, with the channels of a pixel side by side: one load
// then fetches a corner of all channels, where separate planes would need a gather each.
struct Range {
  int first, count;
};

// Along one axis, for LR samples [begin, end) of a block and the flow component `plane` there. The enlarged flow stays
// within its samples' range but for bicubic overshoot: the weights' magnitudes sum to at most 1.375 along each axis.
VST_FN Range range_of(const vst::Recur& a, const float* plane, int y0, int y1, int x0, int x1, int begin, int end, int size) {
  const int top = clamp_index(y0 - 2, a.height), bottom = clamp_index(y1 + 2, a.height);
  const int left = clamp_index(x0 - 2, a.width), right = clamp_index(x1 + 2, a.width);
  float low = plane[(std::ptrdiff_t)top * a.width + left], high = low;
  for (int y = top; y <= bottom; ++y)
    for (int x = left; x <= right; ++x) {
      const float v = plane[(std::ptrdiff_t)y * a.width + x];
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
  const float s = (float)a.scale, centre = 0.5f * (low + high), reach = 1.9f * 0.5f * (high - low);
  const int first = (int)clamp((float)begin * s + s * (centre - reach) - 2.0f, 0.0f, (float)(size - 1));
  const int last = (int)clamp((float)end * s + s * (centre + reach) + 2.0f, 0.0f, (float)(size - 1));
  Range r;
  r.first = first > 0 ? first - 1 : 0;  // both samples of the cell at the far border
  r.count = last - r.first + 1 < 2 && size > 1 ? 2 : last - r.first + 1;
  return r;
}

VST_FN void pack_window(const vst::Recur& a, const Range& rows, const Range& columns, float* out) {
  const std::ptrdiff_t width = (std::ptrdiff_t)a.scale * a.width, plane = width * a.scale * a.height;
  for (int y = 0; y < rows.count; ++y) {
    const float* in = a.previous + (rows.first + y) * width + columns.first;
    float* to = out + (std::ptrdiff_t)4 * y * columns.count;
    int x = 0;
    for (; x + 4 <= columns.count; x += 4) {
      const Quad r = load_quad(in + x), g = load_quad(in + plane + x), b = load_quad(in + 2 * plane + x), zero = {};
      const Quad rg0 = __builtin_shufflevector(r, g, 0, 4, 1, 5), rg1 = __builtin_shufflevector(r, g, 2, 6, 3, 7);
      const Quad bz0 = __builtin_shufflevector(b, zero, 0, 4, 1, 5), bz1 = __builtin_shufflevector(b, zero, 2, 6, 3, 7);
      store_quad(to + 4 * x, __builtin_shufflevector(rg0, bz0, 0, 1, 4, 5));
      store_quad(to + 4 * x + 4, __builtin_shufflevector(rg0, bz0, 2, 3, 6, 7));
      store_quad(to + 4 * x + 8, __builtin_shufflevector(rg1, bz1, 0, 1, 4, 5));
      store_quad(to + 4 * x + 12, __builtin_shufflevector(rg1, bz1, 2, 3, 6, 7));
    }
    for (; x < columns.count; ++x) {
      to[4 * x] = in[x];
      to[4 * x + 1] = in[plane + x];
      to[4 * x + 2] = in[2 * plane + x];
      to[4 * x + 3] = 0.0f;
    }
  }
}

// As locate, but cells lie in the window; the last bounds matter only for flow that is not finite.
VST_FN void locate_within(const float* px, const float* py, int count, int height, int width, const Range& rows,
                          const Range& columns, Positions& at) {
  const int last_x = columns.count > 1 ? columns.count - 1 : 1, last_y = rows.count > 1 ? rows.count - 1 : 1;
  for (int i = 0; i < count; ++i) {
    const Sample sx = sample_position(px[i], width), sy = sample_position(py[i], height);
    at.index[i] = clamp_index(sy.lower - rows.first, last_y) * columns.count + clamp_index(sx.lower - columns.first, last_x);
    at.fx[i] = sx.fraction;
    at.fy[i] = sy.fraction;
  }
}

VST_FN Quad bilinear_quad(const float* p, int right, int below, float fx, float fy) {
  const Quad v00 = load_quad(p), v01 = load_quad(p + right), v10 = load_quad(p + below), v11 = load_quad(p + below + right);
  const Quad top = v00 + fx * (v01 - v00), bottom = v10 + fx * (v11 - v10);
  return top + fy * (bottom - top);
}

template <typename T>
VST_FN void store_three(T* to, Quad v) {
  for (int c = 0; c < 3; ++c) store(to + c, v[c]);
}

// Channels that need no warp: the frame, and zeros after it where there is no previous output.
template <typename T>
VST_FN void copy_frame(const vst::Recur& a, int begin, int end) {
  const int channels = 3 + 3 * a.scale * a.scale;
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  for (std::ptrdiff_t i = (std::ptrdiff_t)begin * a.width; i < (std::ptrdiff_t)end * a.width; ++i) {
    T* to = static_cast<T*>(a.output) + i * channels;
    for (int c = 0; c < 3; ++c) store(to + c, a.lr[c * plane + i]);
    if (!a.previous)
      for (int c = 3; c < channels; ++c) store(to + c, 0.0f);
  }
}

template <typename T>
void recur_rows(const vst::Recur& a, int begin, int end) {
  copy_frame<T>(a, begin, end);
  if (!a.previous) return;
  const int s = a.scale, channels = 3 + 3 * s * s, hr_width = s * a.width, hr_height = s * a.height;
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, pitch = a.width + kBefore + kAfter;
  const Phases phases(a.grid, s);
  Buffer flow_x(pitch * s * (end - begin)), flow_y(pitch * s * (end - begin));
  for (int k = 0; k < s * (end - begin); ++k) {
    blend_rows(a.flow, a.height, a.width, begin * s + k, s, phases, flow_x.data + k * pitch);
    blend_rows(a.flow + plane, a.height, a.width, begin * s + k, s, phases, flow_y.data + k * pitch);
  }
  Positions at;
  float px[kBlock], py[kBlock];
  for (int x0 = 0; x0 < a.width; x0 += kBlock) {
    const int count = a.width - x0 < kBlock ? a.width - x0 : kBlock;
    const Range columns = range_of(a, a.flow, begin, end, x0, x0 + count, x0, x0 + count, hr_width);
    const Range rows = range_of(a, a.flow + plane, begin, end, x0, x0 + count, begin, end, hr_height);
    Buffer packed((std::size_t)4 * rows.count * columns.count);
    pack_window(a, rows, columns, packed.data);
    const int right = columns.count > 1 ? 4 : 0, below = rows.count > 1 ? 4 * columns.count : 0;
    for (int k = 0; k < s * (end - begin); ++k)
      for (int dx = 0; dx < s; ++dx) {
        const Phase phase = phases.at[dx];
        for (int i = 0; i < count; ++i) {
          px[i] = (float)((x0 + i) * s + dx) + (float)s * blend_at(flow_x.data + k * pitch, x0 + i, phase);
          py[i] = (float)(begin * s + k) + (float)s * blend_at(flow_y.data + k * pitch, x0 + i, phase);
        }
        locate_within(px, py, count, hr_height, hr_width, rows, columns, at);
        T* to = static_cast<T*>(a.output) + ((std::ptrdiff_t)(begin + k / s) * a.width + x0) * channels;
        to += 3 + 3 * (k % s * s + dx);
        const bool last_cell = k % s == s - 1 && dx == s - 1;
        for (int i = 0; i < count; ++i) {
          const float* cell = packed.data + (std::ptrdiff_t)4 * at.index[i];
          const Quad pixel = bilinear_quad(cell, right, below, at.fx[i], at.fy[i]);
          // four values, three of which count: the fourth lies in the next cell, which is written later
          if (last_cell)
            store_three(to + (std::ptrdiff_t)i * channels, pixel);
          else
            store_quad(to + (std::ptrdiff_t)i * channels, pixel);
        }
      }
  }
}

void recur(const vst::Recur& a, int threads) {
  parallel(a.height, 8, threads, [&](int begin, int end) {
    if (a.type == vst::Type::kFloat32)
      recur_rows<float>(a, begin, end);
    else
      recur_rows<BFloat16>(a, begin, end);
  });
}

template <typename T>
void interleave_rows(const vst::Interleave& a, int begin, int end) {
  for (int y = begin; y < end; ++y)
    for (int x = 0; x < a.width; ++x)
      for (int c = 0; c < a.channels; ++c) {
        const std::ptrdiff_t at = (std::ptrdiff_t)y * a.width + x;
        store(static_cast<T*>(a.output) + at * a.channels + c, a.planes[c][at]);
      }
}

void interleave(const vst::Interleave& a, int threads) {
  parallel(a.height, 8, threads, [&](int begin, int end) {
    if (a.type == vst::Type::kFloat32)
      interleave_rows<float>(a, begin, end);
    else
      interleave_rows<BFloat16>(a, begin, end);
  });
}

// ---- the network's output ----

template <typename T>
void narrow_conv_rows(const vst::NarrowConv& a, int begin, int end) {
  const std::ptrdiff_t row_size = (std::ptrdiff_t)a.width * a.inputs;
  const int before = a.above ? 2 : 0;
  Buffer zeros(row_size * sizeof(T) / sizeof(float) + 1), blended((std::size_t)a.width + kBefore + kAfter);
  Buffer enlarged((std::size_t)a.width);
  memset(zeros.data, 0, row_size * sizeof(T));
  const auto row_at = [&](int i) -> const T* {  // row i of above + rows, counted from the first
    if (i < 0 || i >= before + a.row_count) return reinterpret_cast<const T*>(zeros.data);
    return i < before ? static_cast<const T*>(a.above) + i * row_size
                      : static_cast<const T*>(a.rows) + (i - before) * row_size;
  };
  const Phases phases(a.grid, a.scale);
  const std::ptrdiff_t out_plane = (std::ptrdiff_t)a.output_height * a.width;
  for (int k = begin; k < end; ++k) {
    const int y = a.first_row + k, centre = k + before / 2;
    const T* rows[3] = {row_at(centre - 1), row_at(centre), row_at(centre + 1)};
    float* out[3];
    for (int o = 0; o < 3; ++o) out[o] = a.output + o * out_plane + (std::ptrdiff_t)y * a.width;
    const T* weight = static_cast<const T*>(a.weight);
    if (a.outputs == 3)
      conv_row<T, 3>(rows, weight, a.bias, a.width, a.inputs, out);
    else
      conv_row<T, 2>(rows, weight, a.bias, a.width, a.inputs, out);
    for (int o = 0; a.skip && o < a.outputs; ++o) {
      const float* plane = a.skip + (std::ptrdiff_t)o * a.skip_height * a.skip_width;
      upsample_row(plane, a.skip_height, a.skip_width, y, a.scale, phases, blended.data, enlarged.data);
      for (int x = 0; x < a.width; ++x) out[o][x] += enlarged.data[x];
    }
  }
}

void narrow_conv(const vst::NarrowConv& a, int threads) {
  const int results = (a.above ? 1 : 0) + a.row_count - (a.bottom ? 0 : 1);
  parallel(results, 2, threads, [&](int begin, int end) {
    if (a.type == vst::Type::kFloat32)
      narrow_conv_rows<float>(a, begin, end);
    else
      narrow_conv_rows<BFloat16>(a, begin, end);
  });
}

void skip_add(const vst::SkipAdd& a, int threads) {
  const int width = a.scale * a.width, height = a.scale * a.height;
  const Phases phases(a.grid, a.scale);
  parallel(height, 8, threads, [&](int begin, int end) {
    Buffer blended((std::size_t)a.width + kBefore + kAfter), row((std::size_t)width);
    for (int y = begin; y < end; ++y)
      for (int c = 0; c < 3; ++c) {
        const float* plane = a.lr + (std::ptrdiff_t)c * a.height * a.width;
        upsample_row(plane, a.height, a.width, y, a.scale, phases, blended.data, row.data);
        float* out = reinterpret_cast<float*>(a.output.data[c] + y * a.output.stride[c]);
        const float* residual = a.residual ? a.residual + ((std::ptrdiff_t)c * height + y) * width : nullptr;
        if (residual)
          for (int x = 0; x < width; ++x) row.data[x] += residual[x];
        if (a.clamp)
          for (int x = 0; x < width; ++x) out[x] = clamp(row.data[x], 0.0f, 1.0f);
        else
          memcpy(out, row.data, width * sizeof(float));
      }
  });
}

// ---- planes ----

void read_planes(const vst::Copy& a, int threads) {
  parallel(3 * a.height, 32, threads, [&](int begin, int end) {
    for (int k = begin; k < end; ++k) {
      const int c = k / a.height, y = k % a.height;
      const float* in = reinterpret_cast<const float*>(a.planes.data[c] + y * a.planes.stride[c]);
      float* out = a.tensor + (std::ptrdiff_t)k * a.width;
      if (a.clamp)
        for (int x = 0; x < a.width; ++x) out[x] = clean(in[x]);
      else
        memcpy(out, in, a.width * sizeof(float));
    }
  });
}

void write_planes(const vst::Copy& a, int threads) {
  parallel(3 * a.height, 32, threads, [&](int begin, int end) {
    for (int k = begin; k < end; ++k) {
      const int c = k / a.height, y = k % a.height;
      float* out = reinterpret_cast<float*>(a.planes.data[c] + y * a.planes.stride[c]);
      const float* in = a.tensor + (std::ptrdiff_t)k * a.width;
      if (a.clamp)
        for (int x = 0; x < a.width; ++x) out[x] = clamp(in[x], 0.0f, 1.0f);
      else
        memcpy(out, in, a.width * sizeof(float));
    }
  });
}

// ---- features ----

template <typename T>
void double_rows(const vst::Double& a, int begin, int end) {
  const int row = a.width * a.channels;
  const Phases phases(a.grid, 2);
  Buffer blended((std::size_t)row);
  for (int y = begin; y < end; ++y) {
    const Phase& py = phases.at[y % 2];
    const int above = y / 2 + py.offset;
    const T* first = static_cast<const T*>(a.input) + (std::ptrdiff_t)clamp_index(above, a.height) * row;
    const T* second = static_cast<const T*>(a.input) + (std::ptrdiff_t)clamp_index(above + 1, a.height) * row;
    for (int i = 0; i < row; ++i)
      blended.data[i] = py.weight[1] * widen(first[i]) + py.weight[2] * widen(second[i]);
    T* out = static_cast<T*>(a.output) + (std::ptrdiff_t)y * 2 * row;
    for (int x = 0; x < 2 * a.width; ++x) {
      const Phase& px = phases.at[x % 2];
      const int left = x / 2 + px.offset;
      const float* p = blended.data + (std::ptrdiff_t)clamp_index(left, a.width) * a.channels;
      const float* q = blended.data + (std::ptrdiff_t)clamp_index(left + 1, a.width) * a.channels;
      const float wp = px.weight[1], wq = px.weight[2];
      for (int c = 0; c < a.channels; ++c) store(out + (std::ptrdiff_t)x * a.channels + c, wp * p[c] + wq * q[c]);
    }
  }
}

void double_size(const vst::Double& a, int threads) {
  parallel(2 * a.height, 4, threads, [&](int begin, int end) {
    if (a.type == vst::Type::kFloat32)
      double_rows<float>(a, begin, end);
    else
      double_rows<BFloat16>(a, begin, end);
  });
}

const vst::Kernels& table() {
  static const vst::Kernels kernels = {VST_LEVEL_NAME, warp,     warp_backward, recur,        interleave,
                                       narrow_conv,    skip_add, read_planes,   write_planes, double_size};
  return kernels;
}

}  // namespace VST_NAMESPACE
