// The CPU operators, included once per instruction set. No standard library templates here: the linker could keep the copy
// built for the wrong instruction set.
#pragma once

#include <string.h>

#include "deconv.inl"
#include "kernels.h"
#include "narrow_conv.inl"
#include "parallel.h"
#include "picture.inl"
#include "recur.inl"
#include "refine.inl"
#include "rows.inl"
#include "warp.h"
#include "window.inl"
#include "winograd.inl"

namespace VST_NAMESPACE {

template <typename F>
void parallel(int count, int grain, int threads, F body) {
  vst::parallel_chunks(
      count, grain, threads, [](void* f, int begin, int end) { (*static_cast<F*>(f))(begin, end); }, &body);
}

// ---- warp ----

// Pixels [begin, end) of row y of one image, one by one.
void warp_pixels(const vst::Warp& a, const float* flow, const float* image, float* output, int y, int begin, int end) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  for (int x = begin; x < end; ++x) {
    const Sample sx = sample_position((float)x + flow[row + x], a.width);
    const Sample sy = sample_position((float)y + flow[plane + row + x], a.height);
    for (int c = 0; c < a.channels; ++c) {
      const float *upper = image + c * plane + (std::ptrdiff_t)sy.lower * a.width;
      const float *lower = upper + (std::ptrdiff_t)(sy.upper - sy.lower) * a.width;
      output[c * plane + row + x] =
          bilinear(upper[sx.lower], upper[sx.upper], lower[sx.lower], lower[sx.upper], sx.fraction, sy.fraction);
    }
  }
}

void warp_row(const vst::Warp& a, const float* flow, const float* image, float* output, int y) {
  int x = 0;
#ifdef VST_HAS_PERMUTE
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width, row = (std::ptrdiff_t)y * a.width;
  for (; a.width >= 2 * kLanes && x + kLanes <= a.width; x += kLanes) {
    Window window;
    const Vec px = (float)x + lane_numbers() + load_vector(flow + row + x);
    const Vec py = (float)y + load_vector(flow + plane + row + x);
    if (!find_window(px, py, a.height, a.width, window)) {
      warp_pixels(a, flow, image, output, y, x, x + kLanes);
      continue;
    }
    for (int c = 0; c < a.channels; ++c) {
      const float* channel = image + c * plane;
      Vec sample;
      sample_window<1>(&channel, a.width, window, &sample);
      store_vector(output + c * plane + row + x, sample);
    }
  }
#endif
  warp_pixels(a, flow, image, output, y, x, a.width);
}

void warp(const vst::Warp& a, int threads) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  parallel(a.batch * a.height, 8, threads, [&](int begin, int end) {
    for (int row = begin; row < end; ++row) {
      const std::ptrdiff_t n = row / a.height, image = n * a.channels * plane;
      warp_row(a, a.flow + 2 * n * plane, a.image + image, a.output + image, row % a.height);
    }
  });
}

// ---- flow ----

void refine(const vst::Refine& a, int threads) {
  const vst::Warp warp = {a.previous, nullptr, nullptr, 1, 3, a.height, a.width};
  const auto rows = [&](auto body) {
    parallel(a.height, 8, threads, [&](int begin, int end) {
      for (int y = begin; y < end; ++y) body(y);
    });
  };
  for (int round = 0; round < a.rounds; ++round) {
    for (int step = 0; step < kRefineSteps; ++step) lucas_kanade(a, rows);
    best_around(a, rows, [&](const float* flow, float* moved, int y) { warp_row(warp, flow, a.previous, moved, y); });
  }
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

// ---- the network's input ----

template <typename T>
void interleave_rows(const vst::Interleave& a, int begin, int end) {
  for (int y = begin; y < end; ++y)
    for (int x = 0; x < a.width; ++x)
      for (int c = 0; c < a.channels; ++c) {
        const std::ptrdiff_t at = (std::ptrdiff_t)y * a.width + x;
        store(static_cast<T*>(a.output) + at * a.channels + c, a.planes[c][at]);
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
  Buffer blended((std::size_t)a.width + kBefore + kAfter), enlarged((std::size_t)a.width);
  const auto row_at = [&](int i) -> const T* {  // row i of above + rows, counted from the first
    if (i < 0 || i >= before + a.row_count) return nullptr;
    return i < before ? static_cast<const T*>(a.above) + i * row_size
                      : static_cast<const T*>(a.rows) + (i - before) * row_size;
  };
  const Phases phases(a.grid, a.scale);
  const std::ptrdiff_t out_plane = (std::ptrdiff_t)a.output_height * a.width;
  const auto columns = a.outputs == 3 ? conv_columns<T, 3> : conv_columns<T, 2>;
  const int span = span_of<T>(a.inputs);
  // one column more in the first span: groups begin at column 1
  for (int x = 0, stop = 0; x < a.width; x = stop) {
    stop = x + span + (x == 0) < a.width ? x + span + (x == 0) : a.width;
    for (int k = begin; k < end; ++k) {
      const int centre = k + before / 2;
      const T* rows[3] = {row_at(centre - 1), row_at(centre), row_at(centre + 1)};
      float* out[3];
      for (int o = 0; o < 3; ++o) out[o] = a.output + o * out_plane + (std::ptrdiff_t)(a.first_row + k) * a.width;
      columns(rows, static_cast<const T*>(a.weight), a.bias, x, stop, a.width, a.inputs, out);
    }
  }
  for (int k = begin; a.skip && k < end; ++k) {
    const int y = a.first_row + k;
    for (int o = 0; o < a.outputs; ++o) {
      const float* plane = a.skip + (std::ptrdiff_t)o * a.skip_height * a.skip_width;
      float* out = a.output + o * out_plane + (std::ptrdiff_t)y * a.width;
      upsample_row(plane, a.skip_height, a.skip_width, y, a.scale, phases, blended.data, enlarged.data);
      for (int x = 0; x < a.width; ++x) out[x] += enlarged.data[x];
    }
  }
}

void narrow_conv(const vst::NarrowConv& a, int threads) {
  const int results = (a.above ? 1 : 0) + a.row_count - (a.bottom ? 0 : 1);
  // chunks of many rows read fewer of them twice; two or more for each thread even out
  const int share = results / (2 * threads), grain = share < 2 ? 2 : share > 16 ? 16 : share;
  parallel(results, grain, threads, [&](int begin, int end) {
    if (a.type == vst::Type::kFloat32)
      narrow_conv_rows<float>(a, begin, end);
    else
      narrow_conv_rows<BFloat16>(a, begin, end);
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

void pack(const vst::Pack& a, int threads) {
  Colour colour;
  static_assert(sizeof colour == kColourFloats * sizeof(float), "an array of numbers");
  memcpy(&colour, a.colour, sizeof colour);
  const bool subsampled = a.mode == kColourMatrix && (a.across.count || a.down.count);
  parallel(subsampled ? a.chroma_height : a.height, 8, threads, [&](int begin, int end) {
    if (a.sample == 0) return pack_rows<unsigned char>(a, colour, begin, end);
    if (a.sample == 1) return pack_rows<unsigned short>(a, colour, begin, end);
    if (a.sample == 2) return pack_rows<Half>(a, colour, begin, end);
    pack_rows<float>(a, colour, begin, end);
  });
}

// ---- convolutions inside the network ----

void winograd(const vst::Winograd& a, int threads) {
  const Tiling tiling(a.batch, a.height, a.width);
  const int blocks = (tiling.count + kTiles - 1) / kTiles;
  // as few chunks as even out: each takes memory of its own for the transforms
  const int share = blocks / (4 * threads), grain = threads == 1 ? blocks : share < 1 ? 1 : share;
  parallel(blocks, grain, threads, [&](int begin, int end) {
    Buffer windows(kParts * (std::size_t)(kTiles * a.inputs + kStagger));
    Buffer sums(kParts * (std::size_t)(kTiles * a.outputs + kStagger));
    for (int block = begin; block < end; ++block) winograd_block(a, tiling, block * kTiles, windows.data, sums.data);
  });
}

void winograd_gradient(const vst::WinogradGradient& a, int threads) {
  const Tiling tiling(a.batch, a.height, a.width);
  const std::ptrdiff_t in_part = kGradientTiles * a.inputs + kStagger, out_part = kGradientTiles * a.outputs + kStagger;
  Buffer windows((std::size_t)(kParts * in_part)), tiles((std::size_t)(kParts * out_part));
  memset(a.output, 0, sizeof(float) * kParts * a.inputs * a.outputs);
  for (int first = 0; first < tiling.count; first += kGradientTiles) {
    const int count = tiling.count - first < kGradientTiles ? tiling.count - first : kGradientTiles;
    parallel(count, 8, threads, [&](int begin, int end) {
      for (int i = begin; i < end; ++i) {
        transform_square<kWindow>(a.input, tiling, a.inputs, first + i, i, in_part, windows.data);
        transform_square<kTile>(a.gradient, tiling, a.outputs, first + i, i, out_part, tiles.data);
      }
    });
    parallel(kParts, 3, threads, [&](int begin, int end) {
      for (int p = begin; p < end; ++p) winograd_gradient_part(a, count, windows.data, tiles.data, p);
    });
  }
}

void deconv(const vst::Deconv& a, int threads) {
  Buffer packed(9 * (std::size_t)a.inputs * a.outputs);
  pack_kernel(a.kernel, a.inputs, a.outputs, packed.data);
  parallel(a.batch * a.output_height, 2, threads, [&](int begin, int end) {
    for (int row = begin; row < end; ++row) deconv_row(a, packed.data, row);
  });
}

void deconv_backward(const vst::DeconvBackward& a, int threads) {
  const int rows = a.batch * a.height, parts = 9 * a.inputs / 4;
  if (a.input_gradient) {
    Buffer packed(9 * (std::size_t)a.inputs * a.outputs);
    pack_kernel(a.kernel, a.outputs, a.inputs, packed.data);
    parallel(rows, 2, threads, [&](int begin, int end) {
      for (int row = begin; row < end; ++row) deconv_back_row(a, packed.data, row);
    });
  }
  memset(a.kernel_gradient, 0, sizeof(float) * 9 * a.inputs * a.outputs);
  parallel(parts, (parts + threads - 1) / threads, threads, [&](int begin, int end) {
    for (int row = 0; row < rows; ++row) deconv_kernel_row(a, row, begin, end);
  });
}

const vst::Kernels& table() {
  static const vst::Kernels kernels = {
      VST_LEVEL_NAME, warp, warp_backward, recur,  interleave,        narrow_conv, read_planes,    write_planes,
      double_size,    pack, refine,        winograd, winograd_gradient, deconv,      deconv_backward};
  return kernels;
}

}  // namespace VST_NAMESPACE
