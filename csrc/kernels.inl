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

// out[x][c] = rows[c][x] for a block of pixels; rows lie kBlock apart.
template <typename T>
VST_FN void transpose(const float* rows, int channels, int count, T* out) {
  for (int x = 0; x < count; ++x)
    for (int c = 0; c < channels; ++c) store(out + (std::ptrdiff_t)x * channels + c, rows[c * kBlock + x]);
}

template <typename T>
void recur_rows(const vst::Recur& a, int begin, int end) {
  const int s = a.scale, channels = 3 + 3 * s * s, hr_width = s * a.width, hr_height = s * a.height;
  const int right = hr_width > 1 ? 1 : 0, below = hr_height > 1 ? hr_width : 0;
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, hr_plane = plane * s * s;
  const int pitch = a.width + kBefore + kAfter;
  const Phases phases(a.grid, s);
  Buffer flow_x((std::size_t)pitch * s), flow_y((std::size_t)pitch * s), block((std::size_t)channels * kBlock);
  memset(block.data, 0, (std::size_t)channels * kBlock * sizeof(float));
  Positions at;
  float px[kBlock], py[kBlock];
  for (int y = begin; y < end; ++y) {
    for (int dy = 0; a.previous && dy < s; ++dy) {
      blend_rows(a.flow, a.height, a.width, y * s + dy, s, phases, flow_x.data + (std::ptrdiff_t)dy * pitch);
      blend_rows(a.flow + plane, a.height, a.width, y * s + dy, s, phases, flow_y.data + (std::ptrdiff_t)dy * pitch);
    }
    for (int x0 = 0; x0 < a.width; x0 += kBlock) {
      const int count = a.width - x0 < kBlock ? a.width - x0 : kBlock;
      const std::ptrdiff_t here = (std::ptrdiff_t)y * a.width + x0;
      for (int c = 0; c < 3; ++c) memcpy(block.data + c * kBlock, a.lr + c * plane + here, count * sizeof(float));
      for (int cell = 0; a.previous && cell < s * s; ++cell) {
        const int dy = cell / s, dx = cell % s;
        const Phase phase = phases.at[dx];
        const float *fx = flow_x.data + (std::ptrdiff_t)dy * pitch, *fy = flow_y.data + (std::ptrdiff_t)dy * pitch;
        for (int i = 0; i < count; ++i) {
          px[i] = (float)((x0 + i) * s + dx) + (float)s * blend_at(fx, x0 + i, phase);
          py[i] = (float)(y * s + dy) + (float)s * blend_at(fy, x0 + i, phase);
        }
        locate(px, py, count, hr_height, hr_width, at);
        for (int c = 0; c < 3; ++c)
          sample(a.previous + c * hr_plane, at, count, right, below, block.data + (3 + cell * 3 + c) * kBlock);
      }
      transpose(block.data, channels, count, static_cast<T*>(a.output) + here * channels);
    }
  }
}

void recur(const vst::Recur& a, int threads) {
  parallel(a.height, 4, threads, [&](int begin, int end) {
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
