// Transposed 3x3 convolution of stride 2 and its gradients, channels last, float32.
//
// Row i of the input adds to rows 2i, 2i + 1 and 2i + 2 of the full output through the kernel's rows 0, 1 and 2, and so
// do columns; the result is the full output less its margins. So a row or column of the full output with an even number
// has two sources and one with an odd number has one.
#pragma once

#include <string.h>

#include "kernels.h"
#include "product.inl"

namespace VST_NAMESPACE {

// A kernel (9, depth, columns) as (columns / kColumns, 9, depth, kColumns): what a group reads lies together.
void pack_kernel(const float* kernel, int depth, int columns, float* packed) {
  for (int k = 0; k < columns; k += kColumns)
    for (int i = 0; i < 9 * depth; ++i, packed += kColumns)
      memcpy(packed, kernel + (std::ptrdiff_t)i * columns + k, kColumns * sizeof(float));
}

// Where a row or column of the full output comes from: `tap[k]` of the kernel, `from[k]` of the input, inside only.
struct Sources {
  int count, tap[2], from[2];
  Sources(int full, int size) : count(0) {
    for (int t = full % 2; t < 3; t += 2) {
      const int i = (full - t) / 2;
      if (full < t || i >= size) continue;
      tap[count] = t;
      from[count++] = i;
    }
  }
};

// kRows outputs of one row, every second column from `column` (of the full output) on, that have the same sources' taps.
template <int kRows>
VST_FN void deconv_group(const vst::Deconv& a, const float* image, const float* kernel, const Sources& rows,
                         const Sources& columns, int k, float* out) {
  Part<kRows> part;
  clear_part(&part);
  for (int i = 0; i < rows.count; ++i)
    for (int j = 0; j < columns.count; ++j) {
      const int tap = 3 * rows.tap[i] + columns.tap[j];
      const float* source = image + ((std::ptrdiff_t)rows.from[i] * a.width + columns.from[j]) * a.inputs;
      add_product(&part, source, a.inputs, 1, a.inputs, kernel + (std::ptrdiff_t)tap * a.inputs * kColumns, kColumns);
    }
  for (int v = 0; v < kVectors; ++v) {
    const Vec bias = load_vector(a.bias + k + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      part.sums[r][v] = larger(part.sums[r][v] + bias, zero_lanes());
    }
  }
  store_part(part, out, 2 * (std::ptrdiff_t)a.outputs);
}

// One row of the output.
void deconv_row(const vst::Deconv& a, const float* packed, int row) {
  const int height = a.output_height, image_number = row / height;
  const float* image = a.input + (std::ptrdiff_t)image_number * a.height * a.width * a.inputs;
  float* out = a.output + (std::ptrdiff_t)row * a.output_width * a.outputs;
  const Sources rows(row % height + a.top, a.height);
  for (int parity = 0; parity < 2; ++parity)
    for (int k = 0; k < a.outputs; k += kColumns)
      for (int x = parity; x < a.output_width;) {
        const Sources columns(x + a.left, a.width);
        // how many from here on have as many sources
        int alike = 0;
        for (int next = x; next < a.output_width && alike < 6; next += 2, ++alike)
          if (Sources(next + a.left, a.width).count != columns.count) break;
        float* to = out + (std::ptrdiff_t)x * a.outputs + k;
        const float* kernel = packed + (std::ptrdiff_t)k * 9 * a.inputs;
        const int taken = columns.count == 0 ? 1 : alike >= 6 ? 6 : alike >= 3 ? 3 : 1;
        if (taken == 6)
          deconv_group<6>(a, image, kernel, rows, columns, k, to);
        else if (taken == 3)
          deconv_group<3>(a, image, kernel, rows, columns, k, to);
        else
          deconv_group<1>(a, image, kernel, rows, columns, k, to);
        x += 2 * taken;
      }
}

// Gradient to one row of the input, of a result without top and left margins but the first row and column (top = left = 1).
template <int kRows>
VST_FN void deconv_back_group(const vst::DeconvBackward& a, const float* gradient, const float* kernel, int y, int x,
                              float* out) {
  Part<kRows> part;
  clear_part(&part);
  for (int tap = 0; tap < 9; ++tap) {
    const int row = 2 * y + tap / 3 - 1, column = 2 * x + tap % 3 - 1;
    if (row < 0 || column < 0) continue;
    add_product(&part, gradient + ((std::ptrdiff_t)row * 2 * a.width + column) * a.outputs, 2 * (std::ptrdiff_t)a.outputs,
                1, a.outputs, kernel + (std::ptrdiff_t)tap * a.outputs * kColumns, kColumns);
  }
  store_part(part, out, a.inputs);
}

void deconv_back_row(const vst::DeconvBackward& a, const float* packed, int row) {
  const float* gradient = a.gradient + (std::ptrdiff_t)(row / a.height) * 4 * a.height * a.width * a.outputs;
  for (int c = 0; c < a.inputs; c += kColumns)
    for (int x = 0; x < a.width;) {
      float* out = a.input_gradient + ((std::ptrdiff_t)row * a.width + x) * a.inputs + c;
      const float* kernel = packed + (std::ptrdiff_t)c * 9 * a.outputs;
      const int y = row % a.height, left = a.width - x;
      // the first column has no taps to its left
      const int taken = x == 0 || left < 3 ? 1 : left < 6 ? 3 : 6;
      if (taken == 6)
        deconv_back_group<6>(a, gradient, kernel, y, x, out);
      else if (taken == 3)
        deconv_back_group<3>(a, gradient, kernel, y, x, out);
      else
        deconv_back_group<1>(a, gradient, kernel, y, x, out);
      x += taken;
    }
}

// What a row of the input adds to the gradient of kernel rows [begin, end), four input channels of a tap each.
void deconv_kernel_row(const vst::DeconvBackward& a, int row, int begin, int end) {
  const int kRows = 4, parts = a.inputs / kRows, y = row % a.height;
  for (int i = begin; i < end; ++i) {
    const int tap = i / parts, c = i % parts * kRows, down = tap / 3 - 1, right = tap % 3 - 1;
    if (2 * y + down < 0) continue;
    const int first = right < 0 ? 1 : 0;  // the first column has nothing to its left
    const float* input = a.input + ((std::ptrdiff_t)row * a.width + first) * a.inputs + c;
    const float* gradient =
        a.gradient +
        (((std::ptrdiff_t)(row / a.height) * 2 * a.height + 2 * y + down) * 2 * a.width + 2 * first + right) * a.outputs;
    float* out = a.kernel_gradient + ((std::ptrdiff_t)tap * a.inputs + c) * a.outputs;
    for (int k = 0; k < a.outputs; k += kColumns) {
      Part<kRows> part;
      load_part(&part, out + k, a.outputs);
      add_product(&part, input, 1, a.inputs, a.width - first, gradient + k, 2 * (std::ptrdiff_t)a.outputs);
      store_part(part, out + k, a.outputs);
    }
  }
}

}  // namespace VST_NAMESPACE
