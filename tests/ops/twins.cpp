// The kernels against plain loops, without Python: for machines that a test run reaches only by an emulator.
//
// Built and run by scripts/check_compilers.sh. Every level of the machine, one and three threads, sizes that are no
// multiples of a vector. Prints each operator's largest difference, and fails where one is above its tolerance.
#define VST_NAMESPACE twins
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "color.h"
#include "kernels.h"
#include "resample.h"
#include "warp.h"

namespace {

using namespace twins;
using Values = std::vector<float>;

int failures = 0;

// Numbers in [low, high), the same everywhere.
Values noise(std::size_t count, float low = 0, float high = 1, unsigned seed = 1) {
  Values values(count);
  for (float& v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = low + (high - low) * (float)(seed >> 8) / 16777216.0f;
  }
  return values;
}

// Flow as networks give it: neighbours move alike.
Values smooth_flow(int height, int width, float reach) {
  Values flow((std::size_t)2 * height * width);
  for (int c = 0; c < 2; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        flow[((std::size_t)c * height + y) * width + x] = reach * sinf(0.11f * x + 0.07f * y + c) + 0.3f * c;
  return flow;
}

void compare(const char* name, const Values& mine, const Values& plain, double tolerance) {
  double worst = 0;
  for (std::size_t i = 0; i < mine.size(); ++i)
    if (!(std::fabs((double)mine[i] - plain[i]) <= worst)) worst = std::fabs((double)mine[i] - plain[i]);
  const bool fine = worst <= tolerance;
  if (!fine) ++failures;
  printf("  %-22s %.2e%s\n", name, worst, fine ? "" : "  ABOVE ITS TOLERANCE");
}

float sample(const float* plane, int height, int width, float y, float x) {
  const Sample across = sample_position(x, width), down = sample_position(y, height);
  const float *upper = plane + (std::size_t)down.lower * width, *lower = plane + (std::size_t)down.upper * width;
  return bilinear(upper[across.lower], upper[across.upper], lower[across.lower], lower[across.upper], across.fraction,
                  down.fraction);
}

void check_warp(const vst::Kernels& kernels, int threads, float reach) {
  const int height = 21, width = 37, channels = 5, plane = height * width;
  const Values image = noise((std::size_t)channels * plane), flow = smooth_flow(height, width, reach);
  Values mine(image.size()), plain(image.size());
  kernels.warp({image.data(), flow.data(), mine.data(), 1, channels, height, width}, threads);
  for (int c = 0; c < channels; ++c)
    for (int i = 0; i < plane; ++i)
      plain[(std::size_t)c * plane + i] = sample(image.data() + (std::size_t)c * plane, height, width,
                                                 i / width + flow[plane + i], i % width + flow[i]);
  compare("warp", mine, plain, 1e-5);
}

void check_recur(const vst::Kernels& kernels, int threads, float reach, int scale, int grid) {
  const int height = 21, width = 37, plane = height * width, channels = 3 + 3 * scale * scale;
  const int tall = scale * height, wide = scale * width;
  const Values lr = noise(3 * plane), flow = smooth_flow(height, width, reach);
  const Values previous = noise((std::size_t)3 * tall * wide, 0, 1, 7);
  Values mine((std::size_t)plane * channels), plain(mine.size());
  kernels.recur({lr.data(), previous.data(), flow.data(), mine.data(), vst::Type::kFloat32, height, width, scale, grid},
                threads);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      float* to = plain.data() + (std::size_t)(y * width + x) * channels;
      for (int c = 0; c < 3; ++c) to[c] = lr[c * plane + y * width + x];
      for (int k = 0; k < scale * scale; ++k) {
        const int row = y * scale + k / scale, column = x * scale + k % scale;
        const float move_x = upsample_at(flow.data(), height, width, row, column, grid, scale);
        const float move_y = upsample_at(flow.data() + plane, height, width, row, column, grid, scale);
        for (int c = 0; c < 3; ++c)
          to[3 + 3 * k + c] = sample(previous.data() + (std::size_t)c * tall * wide, tall, wide, row + scale * move_y,
                                     column + scale * move_x);
      }
    }
  compare("recurrent input", mine, plain, 2e-4);
}

// Sum over the kernel's nine taps, zero outside the image; `weight` is (outputs, 9, inputs).
double plain_conv(const Values& features, const Values& weight, int height, int width, int inputs, int y, int x, int o) {
  double sum = 0;
  for (int t = 0; t < 9; ++t) {
    const int row = y + t / 3 - 1, column = x + t % 3 - 1;
    if (row < 0 || column < 0 || row >= height || column >= width) continue;
    for (int c = 0; c < inputs; ++c)
      sum += (double)features[(std::size_t)(row * width + column) * inputs + c] * weight[(std::size_t)(o * 9 + t) * inputs + c];
  }
  return sum;
}

void check_narrow_conv(const vst::Kernels& kernels, int threads, int inputs, int outputs) {
  const int height = 9, width = 41;
  const Values features = noise((std::size_t)height * width * inputs, -0.5f, 0.5f), bias = noise(3);
  const Values weight = noise((std::size_t)outputs * 9 * inputs, -0.5f, 0.5f, 5);
  Values mine((std::size_t)outputs * height * width), plain(mine.size());
  vst::NarrowConv a = {};
  a.rows = features.data(), a.weight = weight.data(), a.bias = bias.data(), a.output = mine.data();
  a.row_count = a.output_height = height, a.width = width, a.inputs = inputs, a.outputs = outputs;
  a.bottom = true, a.scale = 1;
  kernels.narrow_conv(a, threads);
  for (int o = 0; o < outputs; ++o)
    for (int i = 0; i < height * width; ++i)
      plain[(std::size_t)o * height * width + i] =
          (float)(bias[o] + plain_conv(features, weight, height, width, inputs, i / width, i % width, o));
  compare("narrow convolution", mine, plain, 3e-5);
}

// What a 3x3 kernel becomes along one axis, as vs_tecogan/ops/winograd.py has it.
const double kWinograd[6][3] = {{0.25, 0, 0},           {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1}};

void check_winograd(const vst::Kernels& kernels, int threads) {
  const int height = 13, width = 18, channels = 64;
  const Values features = noise((std::size_t)height * width * channels, -0.5f, 0.5f), bias = noise(channels, -1, 1, 3);
  const Values weight = noise((std::size_t)channels * 9 * channels, -0.5f, 0.5f, 5);
  Values kernel((std::size_t)36 * channels * channels), mine(features.size()), plain(features.size());
  for (int p = 0; p < 36; ++p)
    for (int i = 0; i < channels; ++i)
      for (int o = 0; o < channels; ++o) {
        double sum = 0;
        for (int t = 0; t < 9; ++t)
          sum += kWinograd[p / 6][t / 3] * kWinograd[p % 6][t % 3] * weight[(std::size_t)(o * 9 + t) * channels + i];
        kernel[((std::size_t)p * channels + i) * channels + o] = (float)sum;
      }
  vst::Winograd a = {};
  a.input = features.data(), a.kernel = kernel.data(), a.bias = bias.data(), a.output = mine.data();
  a.batch = 1, a.height = height, a.width = width, a.inputs = a.outputs = channels, a.relu = true;
  kernels.winograd(a, threads);
  for (int i = 0; i < height * width; ++i)
    for (int o = 0; o < channels; ++o)
      plain[(std::size_t)i * channels + o] = (float)std::max(
          bias[o] + plain_conv(features, weight, height, width, channels, i / width, i % width, o), 0.0);
  compare("winograd", mine, plain, 2e-4);
}

void check_deconv(const vst::Kernels& kernels, int threads) {
  const int height = 5, width = 13, channels = 64, tall = 2 * height, wide = 2 * width;
  const Values features = noise((std::size_t)height * width * channels, -0.5f, 0.5f), bias = noise(channels, -1, 1, 3);
  const Values kernel = noise((std::size_t)9 * channels * channels, -0.5f, 0.5f, 5);
  Values mine((std::size_t)tall * wide * channels);
  kernels.deconv({features.data(), kernel.data(), bias.data(), mine.data(), 1, height, width, channels, channels, 1, 1,
                  tall, wide},
                 threads);
  std::vector<double> sums(mine.size());
  for (int i = 0; i < height * width; ++i)
    for (int t = 0; t < 9; ++t) {
      const int y = 2 * (i / width) + t / 3 - 1, x = 2 * (i % width) + t % 3 - 1;
      if (y < 0 || x < 0 || y >= tall || x >= wide) continue;
      for (int c = 0; c < channels; ++c)
        for (int o = 0; o < channels; ++o)
          sums[(std::size_t)(y * wide + x) * channels + o] +=
              (double)features[(std::size_t)i * channels + c] * kernel[((std::size_t)t * channels + c) * channels + o];
    }
  Values plain(mine.size());
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = (float)std::max(sums[i] + bias[i % channels], 0.0);
  compare("transposed convolution", mine, plain, 1e-4);
}

// 4:2:0 of 8 or 16 bits against color.h, which computes sample by sample.
template <typename Code>
void check_pack(const vst::Kernels& kernels, int threads, int sample_kind) {
  const int height = 12, width = 44, small = width / 2, low = height / 2, taps = 3;
  const Values rgb = noise((std::size_t)3 * height * width, -0.1f, 1.1f);
  const float peak = sizeof(Code) == 1 ? 255.0f : 65535.0f, half = (peak + 1) / 2;
  const Colour colour = {{0, half, half},
                         {peak, peak, peak},
                         {0.2126f, 0.7152f, 0.0722f, -0.1146f, -0.3854f, 0.5f, 0.5f, -0.4542f, -0.0458f},
                         peak};
  std::vector<int> left_x, left_y;
  Values columns, weights((std::size_t)small * taps), rows;
  const float kernel[taps] = {0.25f, 0.5f, 0.25f};
  for (int i = 0; i < small; ++i) left_x.push_back(std::min(std::max(2 * i - 1, 0), width - taps));
  for (int i = 0; i < low; ++i) left_y.push_back(std::min(std::max(2 * i - 1, 0), height - taps));
  for (int k = 0; k < taps; ++k)
    for (int i = 0; i < small; ++i) columns.push_back(kernel[k]), weights[(std::size_t)i * taps + k] = kernel[k];
  for (int i = 0; i < low; ++i) rows.insert(rows.end(), kernel, kernel + taps);
  std::vector<Code> mine((std::size_t)height * width + 2 * low * small), plain(mine.size());
  const auto second = [&](std::vector<Code>& all) { return all.data() + height * width; };
  const auto third = [&](std::vector<Code>& all) { return second(all) + low * small; };
  vst::Pack a = {};
  a.rgb = rgb.data(), a.height = height, a.width = width, a.chroma_height = low, a.chroma_width = small;
  a.sample = sample_kind, a.mode = kColourMatrix, a.colour = colour.offset;
  a.across = {left_x.data(), columns.data(), taps}, a.down = {left_y.data(), rows.data(), taps};
  Code* planes[3] = {mine.data(), second(mine), third(mine)};
  for (int c = 0; c < 3; ++c) {
    a.planes.data[c] = reinterpret_cast<char*>(planes[c]);
    a.planes.stride[c] = (std::ptrdiff_t)((c ? small : width) * sizeof(Code));
  }
  kernels.pack(a, threads);
  Values between((std::size_t)2 * height * small);
  const Taps across = {left_x.data(), weights.data(), taps}, down = {left_y.data(), rows.data(), taps};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < small; ++x)
      write_row_cell(rgb.data(), height, width, small, y, x, across, colour, plain.data(), between.data());
  for (int y = 0; y < low; ++y)
    for (int x = 0; x < small; ++x)
      write_chroma(between.data(), height, small, y, x, down, colour, second(plain), third(plain));
  compare(sizeof(Code) == 1 ? "picture of 8 bits" : "picture of 16 bits", Values(mine.begin(), mine.end()),
          Values(plain.begin(), plain.end()), 1);
}

// Milliseconds of the recurrent input of one small frame.
double time_recur(const vst::Kernels& kernels) {
  const int height = 72, width = 96;
  const Values lr = noise(3 * height * width), flow = smooth_flow(height, width, 2);
  const Values previous = noise((std::size_t)3 * 16 * height * width);
  Values mine((std::size_t)height * width * 51);
  const auto start = std::chrono::steady_clock::now();
  for (int k = 0; k < 5; ++k)
    kernels.recur({lr.data(), previous.data(), flow.data(), mine.data(), vst::Type::kFloat32, height, width, 4, 0}, 1);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / 5;
}

}  // namespace

int main() {
  const vst::Kernels* levels[8];
  const int count = vst::available_kernels(levels, 8);
  for (int level = 0; level < count; ++level)
    for (const int threads : {1, 3}) {
      const vst::Kernels& kernels = *levels[level];
      printf("%s, %d threads\n", kernels.name, threads);
      for (const float reach : {0.0f, 3.0f, 25.0f}) {
        check_warp(kernels, threads, reach);
        check_recur(kernels, threads, reach, 4, kBicubicLegacy);
        check_recur(kernels, threads, reach, 2, kBilinearCentred);
      }
      for (const int outputs : {2, 3})
        for (const int inputs : {20, 64}) check_narrow_conv(kernels, threads, inputs, outputs);
      check_winograd(kernels, threads);
      check_deconv(kernels, threads);
      check_pack<unsigned char>(kernels, threads, 0);
      check_pack<unsigned short>(kernels, threads, 1);
      if (threads == 1) printf("  recurrent input takes   %.2f ms\n", time_recur(kernels));
    }
  printf(failures ? "%d comparisons failed\n" : "all comparisons hold\n", failures);
  return failures ? 1 : 0;
}
