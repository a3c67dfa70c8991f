// 3x3 convolutions of many channels to many, by minimal filtering: F(4x4, 3x3) of Winograd (Lavin and Gray 2016).
//
// An output tile of 4x4 comes from a window of 6x6. Window, kernel and tile are each transformed along both axes, and
// between the transforms stand 36 independent products of (tiles, inputs) and (inputs, outputs): a quarter of the
// multiplications of the sum over the kernel. All features are channels last, and lanes run along the channels.
#pragma once

#include "kernels.h"
#include "product.inl"
#include "rows.inl"
#include "simd.h"

namespace VST_NAMESPACE {

const int kTile = 4, kWindow = 6, kParts = kWindow * kWindow;
const int kTiles = 48;     // of a block, whose transforms should stay in the second-level cache
const int kGradientTiles = 96;  // of a block, where the sums go back to memory after each
const int kStagger = 16;   // floats between parts, so that the same place of all 36 is not in one cache set

// Along one axis: six samples of a window.
VST_FN void transform_window(const Vec* d, int step, Vec* out, int out_step) {
  const Vec even = d[4 * step] - 4.0f * d[2 * step], odd = d[3 * step] - 4.0f * d[step];
  const Vec even2 = d[4 * step] - d[2 * step], odd2 = 2.0f * (d[3 * step] - d[step]);
  out[0] = fused(all_lanes(4.0f), d[0], -5.0f * d[2 * step]) + d[4 * step];
  out[out_step] = even + odd;
  out[2 * out_step] = even - odd;
  out[3 * out_step] = even2 + odd2;
  out[4 * out_step] = even2 - odd2;
  out[5 * out_step] = fused(all_lanes(4.0f), d[step], -5.0f * d[3 * step]) + d[5 * step];
}

// Six sums to the four samples of a tile, and its transpose.
VST_FN void transform_sums(const Vec* m, int step, Vec* out, int out_step) {
  const Vec sum = m[step] + m[2 * step], difference = m[step] - m[2 * step];
  const Vec sum2 = m[3 * step] + m[4 * step], difference2 = m[3 * step] - m[4 * step];
  out[0] = m[0] + sum + sum2;
  out[out_step] = difference + 2.0f * difference2;
  out[2 * out_step] = sum + 4.0f * sum2;
  out[3 * out_step] = difference + 8.0f * difference2 + m[5 * step];
}

VST_FN void transform_tile(const Vec* g, int step, Vec* out, int out_step) {
  const Vec even = g[0] + g[2 * step], odd = g[step] + g[3 * step];
  const Vec even2 = g[0] + 4.0f * g[2 * step], odd2 = 2.0f * g[step] + 8.0f * g[3 * step];
  out[0] = g[0];
  out[out_step] = even + odd;
  out[2 * out_step] = even - odd;
  out[3 * out_step] = even2 + odd2;
  out[4 * out_step] = even2 - odd2;
  out[5 * out_step] = g[3 * step];
}

// Tiles of a batch of images, in reading order.
struct Tiling {
  int height, width, down, across, count;
  Tiling(int batch, int height, int width)
      : height(height), width(width), down((height + kTile - 1) / kTile), across((width + kTile - 1) / kTile),
        count(batch * down * across) {}
};

// Where a tile is: its image, and its first row and column there.
struct Place {
  int image, y, x;
  Place(const Tiling& t, int tile)
      : image(tile / (t.down * t.across)), y(tile / t.across % t.down * kTile), x(tile % t.across * kTile) {}
};

// Samples of channels [c, c + kLanes) at rows y.. and columns x.., `side` of each; zero outside the image.
VST_FN void load_square(const float* image, const Tiling& t, int channels, int y, int x, int c, int side, Vec* out) {
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) {
      const bool inside = y + i >= 0 && y + i < t.height && x + j >= 0 && x + j < t.width;
      out[i * side + j] =
          inside ? load_vector(image + ((std::ptrdiff_t)(y + i) * t.width + x + j) * channels + c) : zero_lanes();
    }
}

// One tile's transformed window (kWindow) or gradient (kTile), to place `slot` of all parts.
template <int kSide>
void transform_square(const float* features, const Tiling& t, int channels, int tile, int slot, std::ptrdiff_t part,
                      float* out) {
  const Place at(t, tile);
  const int before = kSide == kWindow ? 1 : 0;
  const float* image = features + (std::ptrdiff_t)at.image * t.height * t.width * channels;
  for (int c = 0; c < channels; c += kLanes) {
    Vec square[kSide * kSide], half[kWindow * kSide], whole[kParts];
    load_square(image, t, channels, at.y - before, at.x - before, c, kSide, square);
    for (int j = 0; j < kSide; ++j)
      (kSide == kWindow ? transform_window : transform_tile)(square + j, kSide, half + j, kSide);
    for (int i = 0; i < kWindow; ++i)
      (kSide == kWindow ? transform_window : transform_tile)(half + i * kSide, 1, whole + i * kWindow, 1);
    for (int p = 0; p < kParts; ++p) store_vector(out + p * part + (std::ptrdiff_t)slot * channels + c, whole[p]);
  }
}

// Sums of one tile back to its samples, with all that follows the convolution.
void finish_tile(const vst::Winograd& a, const Tiling& t, int tile, int slot, std::ptrdiff_t part, const float* sums) {
  const Place at(t, tile);
  const int rows = t.height - at.y < kTile ? t.height - at.y : kTile;
  const int columns = t.width - at.x < kTile ? t.width - at.x : kTile;
  for (int c = 0; c < a.outputs; c += kLanes) {
    Vec whole[kParts], half[kTile * kWindow], square[kTile * kTile];
    for (int p = 0; p < kParts; ++p) whole[p] = load_vector(sums + p * part + (std::ptrdiff_t)slot * a.outputs + c);
    for (int j = 0; j < kWindow; ++j) transform_sums(whole + j, kWindow, half + j, kWindow);
    for (int i = 0; i < kTile; ++i) transform_sums(half + i * kWindow, 1, square + i * kTile, 1);
    const Vec bias = a.bias ? load_vector(a.bias + c) : zero_lanes();
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) {
        const std::ptrdiff_t place =
            (((std::ptrdiff_t)at.image * t.height + at.y + i) * t.width + at.x + j) * a.outputs + c;
        Vec v = square[i * kTile + j] + bias;
        if (a.addend) v += load_vector(a.addend + place);
        if (a.relu) v = larger(v, zero_lanes());
        if (a.mask) v = where_positive(load_vector(a.mask + place), v);
        store_vector(a.output + place, v);
      }
  }
}

void winograd_block(const vst::Winograd& a, const Tiling& t, int first, float* windows, float* sums) {
  const int kRows = 6, count = t.count - first < kTiles ? t.count - first : kTiles;
  const std::ptrdiff_t in_part = kTiles * a.inputs + kStagger, out_part = kTiles * a.outputs + kStagger;
  for (int i = 0; i < count; ++i) transform_square<kWindow>(a.input, t, a.inputs, first + i, i, in_part, windows);
  for (int p = 0; p < kParts; ++p) {
    const float* kernel = a.kernel + (std::ptrdiff_t)p * a.inputs * a.outputs;
    for (int k = 0; k < a.outputs; k += kColumns)
      // rows beyond the count hold anything, and nobody reads their products
      for (int r = 0; r < count; r += kRows) {
        Part<kRows> part;
        clear_part(&part);
        add_product(&part, windows + p * in_part + (std::ptrdiff_t)r * a.inputs, a.inputs, 1, a.inputs, kernel + k,
                    a.outputs);
        store_part(part, sums + p * out_part + (std::ptrdiff_t)r * a.outputs + k, a.outputs);
      }
  }
  for (int i = 0; i < count; ++i) finish_tile(a, t, first + i, i, out_part, sums);
}

// The same place of both transforms multiplied and summed over a block's tiles.
void winograd_gradient_part(const vst::WinogradGradient& a, int count, const float* windows, const float* tiles, int p) {
  const int kRows = 4;
  float* out = a.output + (std::ptrdiff_t)p * a.inputs * a.outputs;
  const float* left = windows + p * ((std::ptrdiff_t)kGradientTiles * a.inputs + kStagger);
  const float* right = tiles + p * ((std::ptrdiff_t)kGradientTiles * a.outputs + kStagger);
  for (int k = 0; k < a.outputs; k += kColumns)
    for (int c = 0; c < a.inputs; c += kRows) {
      Part<kRows> part;
      load_part(&part, out + (std::ptrdiff_t)c * a.outputs + k, a.outputs);
      add_product(&part, left + c, 1, a.inputs, count, right + k, a.outputs);
      store_part(part, out + (std::ptrdiff_t)c * a.outputs + k, a.outputs);
    }
}

}  // namespace VST_NAMESPACE
