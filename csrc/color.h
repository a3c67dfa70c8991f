// Samples of video <-> RGB: ranges, matrices, and the resampling of chroma by weights that the host has computed
// (vs_tecogan/colour/coding.py), as zimg does it.
#pragma once

#include "half.h"
#include "portable.h"

namespace VST_NAMESPACE {

enum ColourMode {
  kColourGrey = 0,    // one plane of luma
  kColourRgb = 1,     // three planes, no matrix
  kColourMatrix = 2,  // luma and two colour differences
};

// One direction of conversion. Reading: (code - offset) * scale, then `matrix`. Writing: `matrix`, then value * scale +
// offset, to [0, peak]. The same for all samples, so it is an array in memory: see kColourFloats.
struct Colour {
  float offset[3];
  float scale[3];
  float matrix[9];
  float peak;
};
enum { kColourFloats = 16 };

// The samples of one axis that a resampled one is the weighted sum of: `count` from left[i] on, weights row by row. A
// count of 0: the axis is not resampled.
struct Taps {
  const int* left;
  const float* weight;
  int count;
};

VST_FN float dot3(const float* row, float a, float b, float c) { return row[0] * a + row[1] * b + row[2] * c; }

// Sample (y, x) of the enlarged chroma plane, less the offset; still to be scaled.
template <typename Code>
VST_FN float chroma_at(const Code* plane, int width, int y, int x, const Taps& across, const Taps& down, float offset) {
  const int first_x = across.count ? across.left[x] : x, first_y = down.count ? down.left[y] : y;
  const int columns = across.count ? across.count : 1, rows = down.count ? down.count : 1;
  float sum = 0.0f;
  for (int j = 0; j < rows; ++j) {
    const Code* line = plane + (long long)(first_y + j) * width + first_x;
    float part = 0.0f;
    for (int i = 0; i < columns; ++i) {
      const float value = widen(line[i]) - offset;
      part += across.count ? across.weight[(long long)x * columns + i] * value : value;
    }
    sum += down.count ? down.weight[(long long)y * rows + j] * part : part;
  }
  return sum;
}

// RGB of luma sample (y, x) of contiguous planes; chroma planes have rows of `chroma_width`.
template <typename Code>
VST_FN void read_pixel(const Code* first, const Code* second, const Code* third, int width, int chroma_width, int y,
                       int x, const Taps& across, const Taps& down, const Colour& colour, int mode, float rgb[3]) {
  const long long at = (long long)y * width + x;
  const float a = (widen(first[at]) - colour.offset[0]) * colour.scale[0];
  if (mode == kColourGrey) {
    rgb[0] = rgb[1] = rgb[2] = a;
  } else if (mode == kColourRgb) {
    rgb[0] = a;
    rgb[1] = (widen(second[at]) - colour.offset[1]) * colour.scale[1];
    rgb[2] = (widen(third[at]) - colour.offset[2]) * colour.scale[2];
  } else {
    const float b = chroma_at(second, chroma_width, y, x, across, down, colour.offset[1]) * colour.scale[1];
    const float c = chroma_at(third, chroma_width, y, x, across, down, colour.offset[2]) * colour.scale[2];
    for (int k = 0; k < 3; ++k) rgb[k] = dot3(colour.matrix + 3 * k, a, b, c);
  }
}

// A value in the kind of sample that `to` points at: integers rounded to the nearest, ties to even, and clamped; floats
// as they are. NaN becomes 0 in integers.
VST_FN float code_of(float v, const Colour& colour, int plane) {
  const float code = v * colour.scale[plane] + colour.offset[plane];
  return round_even(code > 0.0f ? (code < colour.peak ? code : colour.peak) : 0.0f);
}
VST_FN void put(unsigned char* to, float v, const Colour& colour, int plane) {
  *to = (unsigned char)code_of(v, colour, plane);
}
VST_FN void put(unsigned short* to, float v, const Colour& colour, int plane) {
  *to = (unsigned short)code_of(v, colour, plane);
}
VST_FN void put(Half* to, float v, const Colour&, int) { store(to, v); }
VST_FN void put(float* to, float v, const Colour&, int) { store(to, v); }

// The planes of pixel `at` of an RGB image whose chroma is not resampled.
template <typename Code>
VST_FN void write_pixel(const float* rgb, long long plane, long long at, const Colour& colour, int mode, Code* first,
                        Code* second, Code* third) {
  const float r = rgb[at], g = rgb[plane + at], b = rgb[2 * plane + at];
  if (mode == kColourRgb) {
    put(first + at, r, colour, 0);
    put(second + at, g, colour, 1);
    put(third + at, b, colour, 2);
    return;
  }
  put(first + at, dot3(colour.matrix, r, g, b), colour, 0);
  if (mode == kColourGrey) return;
  put(second + at, dot3(colour.matrix + 3, r, g, b), colour, 1);
  put(third + at, dot3(colour.matrix + 6, r, g, b), colour, 2);
}

// First pass over row y of an RGB image: chroma column x of the row, filtered along it, and the luma samples of its cell.
// `rows` is two planes of (height, chroma_width), colour differences before scale and offset.
template <typename Code>
VST_FN void write_row_cell(const float* rgb, int height, int width, int chroma_width, int y, int x, const Taps& across,
                           const Colour& colour, Code* luma, float* rows) {
  const long long plane = (long long)height * width;
  const float* line = rgb + (long long)y * width;
  const int step = width / chroma_width;
  for (int i = x * step; i < (x + 1) * step; ++i)
    put(luma + (long long)y * width + i, dot3(colour.matrix, line[i], line[plane + i], line[2 * plane + i]), colour, 0);
  float r = 0.0f, g = 0.0f, b = 0.0f;
  if (across.count) {
    const float* from = line + across.left[x];
    for (int i = 0; i < across.count; ++i) {
      const float weight = across.weight[(long long)x * across.count + i];
      r += weight * from[i];
      g += weight * from[plane + i];
      b += weight * from[2 * plane + i];
    }
  } else {
    r = line[x];
    g = line[plane + x];
    b = line[2 * plane + x];
  }
  const long long at = (long long)y * chroma_width + x;
  rows[at] = dot3(colour.matrix + 3, r, g, b);
  rows[(long long)height * chroma_width + at] = dot3(colour.matrix + 6, r, g, b);
}

// Second pass: chroma sample (y, x), filtered down the columns of the first pass's result.
template <typename Code>
VST_FN void write_chroma(const float* rows, int height, int chroma_width, int y, int x, const Taps& down,
                         const Colour& colour, Code* second, Code* third) {
  const long long plane = (long long)height * chroma_width, at = (long long)y * chroma_width + x;
  const float* from = rows + (long long)(down.count ? down.left[y] : y) * chroma_width + x;
  float u = 0.0f, v = 0.0f;
  for (int j = 0; j < (down.count ? down.count : 1); ++j) {
    const float weight = down.count ? down.weight[(long long)y * down.count + j] : 1.0f;
    u += weight * from[(long long)j * chroma_width];
    v += weight * from[plane + (long long)j * chroma_width];
  }
  put(second + at, u, colour, 1);
  put(third + at, v, colour, 2);
}

}  // namespace VST_NAMESPACE
