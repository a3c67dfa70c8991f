// The kernels against plain loops, without Python: for machines that a test run reaches only by an emulator.
//
// Built and run by scripts/check_compilers.sh. Every level of the machine, one and three threads, sizes that are no
// multiples of a vector. Prints each operator's largest difference, and fails where one is above its tolerance; then how
// many times faster than the plain loop it is, on one thread.
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

// An operator both ways on the same data.
struct Warp {
  int height, width, channels, plane = height * width;
  Values image = noise((std::size_t)channels * plane), flow, mine = Values(image.size()), plain = mine;
  Warp(int h, int w, int c, float reach) : height(h), width(w), channels(c), flow(smooth_flow(h, w, reach)) {}
  void run(const vst::Kernels& kernels, int threads) {
    kernels.warp({image.data(), flow.data(), mine.data(), 1, channels, height, width}, threads);
  }
  void run_plain() {
    for (int c = 0; c < channels; ++c)
      for (int i = 0; i < plane; ++i)
        plain[(std::size_t)c * plane + i] = sample(image.data() + (std::size_t)c * plane, height, width,
                                                   i / width + flow[plane + i], i % width + flow[i]);
  }
};

struct Recur {
  int height, width, scale, grid, plane = height * width, channels = 3 + 3 * scale * scale;
  int tall = scale * height, wide = scale * width;
  Values lr = noise((std::size_t)3 * plane), previous = noise((std::size_t)3 * tall * wide, 0, 1, 7), flow;
  Values mine = Values((std::size_t)plane * channels), plain = mine;
  Recur(int h, int w, float reach, int s, int g)
      : height(h), width(w), scale(s), grid(g), flow(smooth_flow(h, w, reach)) {}
  void run(const vst::Kernels& kernels, int threads) {
    kernels.recur({lr.data(), previous.data(), flow.data(), mine.data(), vst::Type::kFloat32, height, width, scale, grid},
                  threads);
  }
  void run_plain() {
    for (int i = 0; i < plane; ++i) {
      const int y = i / width, x = i % width;
      float* to = plain.data() + (std::size_t)i * channels;
      for (int c = 0; c < 3; ++c) to[c] = lr[c * plane + i];
      for (int k = 0; k < scale * scale; ++k) {
        const int row = y * scale + k / scale, column = x * scale + k % scale;
        const float move_x = upsample_at(flow.data(), height, width, row, column, grid, scale);
        const float move_y = upsample_at(flow.data() + plane, height, width, row, column, grid, scale);
        for (int c = 0; c < 3; ++c)
          to[3 + 3 * k + c] = sample(previous.data() + (std::size_t)c * tall * wide, tall, wide, row + scale * move_y,
                                     column + scale * move_x);
      }
    }
  }
};

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

struct NarrowConv {
  int height, width, inputs, outputs;
  Values features = noise((std::size_t)height * width * inputs, -0.5f, 0.5f), bias = noise(3);
  Values weight = noise((std::size_t)outputs * 9 * inputs, -0.5f, 0.5f, 5);
  Values mine = Values((std::size_t)outputs * height * width), plain = mine;
  NarrowConv(int h, int w, int i, int o) : height(h), width(w), inputs(i), outputs(o) {}
  void run(const vst::Kernels& kernels, int threads) {
    vst::NarrowConv a = {};
    a.rows = features.data(), a.weight = weight.data(), a.bias = bias.data(), a.output = mine.data();
    a.row_count = a.output_height = height, a.width = width, a.inputs = inputs, a.outputs = outputs;
    a.bottom = true, a.scale = 1;
    kernels.narrow_conv(a, threads);
  }
  void run_plain() {
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < height * width; ++i)
        plain[(std::size_t)o * height * width + i] =
            (float)(bias[o] + plain_conv(features, weight, height, width, inputs, i / width, i % width, o));
  }
};

// What a 3x3 kernel becomes along one axis, as vs_tecogan/ops/winograd.py has it.
const double kWinograd[6][3] = {{0.25, 0, 0},           {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1}};

struct Winograd {
  int height, width, channels;
  Values features = noise((std::size_t)height * width * channels, -0.5f, 0.5f), bias = noise(channels, -1, 1, 3);
  Values weight = noise((std::size_t)channels * 9 * channels, -0.5f, 0.5f, 5);
  Values kernel = Values((std::size_t)36 * channels * channels), mine = Values(features.size()), plain = mine;
  Winograd(int h, int w, int c) : height(h), width(w), channels(c) {
    for (int p = 0; p < 36; ++p)
      for (int i = 0; i < channels; ++i)
        for (int o = 0; o < channels; ++o) {
          double sum = 0;
          for (int t = 0; t < 9; ++t)
            sum += kWinograd[p / 6][t / 3] * kWinograd[p % 6][t % 3] * weight[(std::size_t)(o * 9 + t) * channels + i];
          kernel[((std::size_t)p * channels + i) * channels + o] = (float)sum;
        }
  }
  void run(const vst::Kernels& kernels, int threads) {
    vst::Winograd a = {};
    a.input = features.data(), a.kernel = kernel.data(), a.bias = bias.data(), a.output = mine.data();
    a.batch = 1, a.height = height, a.width = width, a.inputs = a.outputs = channels, a.relu = true;
    kernels.winograd(a, threads);
  }
  void run_plain() {
    for (int i = 0; i < height * width; ++i)
      for (int o = 0; o < channels; ++o)
        plain[(std::size_t)i * channels + o] = (float)std::max(
            bias[o] + plain_conv(features, weight, height, width, channels, i / width, i % width, o), 0.0);
  }
};

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
struct Pack {
  static const int taps = 3;
  int height, width, sample_kind, small = width / 2, low = height / 2;
  Values rgb = noise((std::size_t)3 * height * width, -0.1f, 1.1f), columns, weights, rows;
  Values between = Values((std::size_t)2 * height * small);
  std::vector<int> left_x, left_y;
  Colour colour;
  std::vector<Code> codes = std::vector<Code>((std::size_t)height * width + 2 * low * small), plain_codes = codes;
  Values mine, plain;
  Pack(int h, int w, int kind) : height(h), width(w), sample_kind(kind) {
    const float peak = sizeof(Code) == 1 ? 255.0f : 65535.0f, half = (peak + 1) / 2;
    colour = {{0, half, half},
              {peak, peak, peak},
              {0.2126f, 0.7152f, 0.0722f, -0.1146f, -0.3854f, 0.5f, 0.5f, -0.4542f, -0.0458f},
              peak};
    const float kernel[taps] = {0.25f, 0.5f, 0.25f};
    weights.resize((std::size_t)small * taps);
    for (int i = 0; i < small; ++i) left_x.push_back(std::min(std::max(2 * i - 1, 0), width - taps));
    for (int i = 0; i < low; ++i) left_y.push_back(std::min(std::max(2 * i - 1, 0), height - taps));
    for (int k = 0; k < taps; ++k)
      for (int i = 0; i < small; ++i) columns.push_back(kernel[k]), weights[(std::size_t)i * taps + k] = kernel[k];
    for (int i = 0; i < low; ++i) rows.insert(rows.end(), kernel, kernel + taps);
  }
  Code* second(std::vector<Code>& all) { return all.data() + height * width; }
  Code* third(std::vector<Code>& all) { return second(all) + low * small; }
  void run(const vst::Kernels& kernels, int threads) {
    vst::Pack a = {};
    a.rgb = rgb.data(), a.height = height, a.width = width, a.chroma_height = low, a.chroma_width = small;
    a.sample = sample_kind, a.mode = kColourMatrix, a.colour = colour.offset;
    a.across = {left_x.data(), columns.data(), taps}, a.down = {left_y.data(), rows.data(), taps};
    Code* planes[3] = {codes.data(), second(codes), third(codes)};
    for (int c = 0; c < 3; ++c) {
      a.planes.data[c] = reinterpret_cast<char*>(planes[c]);
      a.planes.stride[c] = (std::ptrdiff_t)((c ? small : width) * sizeof(Code));
    }
    kernels.pack(a, threads);
    mine.assign(codes.begin(), codes.end());
  }
  void run_plain() {
    const Taps across = {left_x.data(), weights.data(), taps}, down = {left_y.data(), rows.data(), taps};
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < small; ++x)
        write_row_cell(rgb.data(), height, width, small, y, x, across, colour, plain_codes.data(), between.data());
    for (int y = 0; y < low; ++y)
      for (int x = 0; x < small; ++x)
        write_chroma(between.data(), height, small, y, x, down, colour, second(plain_codes), third(plain_codes));
    plain.assign(plain_codes.begin(), plain_codes.end());
  }
};

template <typename Operator>
void check(const char* name, Operator both, const vst::Kernels& kernels, int threads, double tolerance) {
  both.run(kernels, threads);
  both.run_plain();
  compare(name, both.mine, both.plain, tolerance);
}

template <typename Task>
double least_seconds(Task task) {
  double least = 1e9;
  for (int k = 0; k < 4; ++k) {  // the first also has an emulator translate the code
    const auto start = std::chrono::steady_clock::now();
    task();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

template <typename Operator>
void race(const char* name, Operator both, const vst::Kernels& kernels) {
  const double mine = least_seconds([&] { both.run(kernels, 1); }), plain = least_seconds([&] { both.run_plain(); });
  printf("%s: %s is %.1f times as fast as its plain loop\n", kernels.name, name, plain / mine);
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
        check("warp", Warp(21, 37, 5, reach), kernels, threads, 1e-5);
        check("recurrent input", Recur(21, 37, reach, 4, kBicubicLegacy), kernels, threads, 2e-4);
        check("recurrent input", Recur(21, 37, reach, 2, kBilinearCentred), kernels, threads, 2e-4);
      }
      for (const int outputs : {2, 3})
        for (const int inputs : {20, 64})
          check("narrow convolution", NarrowConv(9, 41, inputs, outputs), kernels, threads, 3e-5);
      check("winograd", Winograd(13, 18, 64), kernels, threads, 2e-4);
      check_deconv(kernels, threads);
      check("picture of 8 bits", Pack<unsigned char>(12, 44, 0), kernels, threads, 1);
      check("picture of 16 bits", Pack<unsigned short>(12, 44, 1), kernels, threads, 1);
    }
  for (int level = 0; level < count; ++level) {
    const vst::Kernels& kernels = *levels[level];
    race("warp", Warp(72, 96, 12, 2), kernels);
    race("recurrent input", Recur(72, 96, 2, 4, kBicubicLegacy), kernels);
    race("picture of 8 bits", Pack<unsigned char>(144, 192, 0), kernels);
    race("narrow convolution", NarrowConv(24, 40, 64, 3), kernels);
    race("winograd", Winograd(12, 16, 64), kernels);
  }
  printf(failures ? "%d comparisons failed\n" : "all comparisons hold\n", failures);
  return failures ? 1 : 0;
}
