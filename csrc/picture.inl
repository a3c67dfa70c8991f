// An RGB image into the planes of a coded picture: matrix, chroma shrunk, ranges and rounding, in one pass over its rows.
// What color.h does pixel by pixel, but down the columns first, where neighbours are vectors.
#pragma once

#include "color.h"
#include "rows.inl"

namespace VST_NAMESPACE {

// Lines of one chunk of work, as long as the image is wide.
struct PictureLines {
  PictureLines(int width, int count) : length((std::size_t)width), buffer(length * count) {}
  float* line(int k) const { return buffer.data + k * length; }
  std::size_t length;
  Buffer buffer;
};

template <typename Code>
Code* row_of(const vst::Pack& a, int plane, int y) {
  return reinterpret_cast<Code*>(a.planes.data[plane] + y * a.planes.stride[plane]);
}

// As code_of of color.h for many. Adding 2^23 to a float rounds it to the nearest, ties to even, and leaves the whole number
// in its low bits.
VST_FN VecInt codes(Vec v, const Colour& colour, int plane) {
  const Vec code = fused(v, all_lanes(colour.scale[plane]), all_lanes(colour.offset[plane]));
  const Vec inside = smaller(larger(code, zero_lanes()), all_lanes(colour.peak));
  return bits_of(inside + 8388608.0f) & all_ints(0xffff);
}

// Samples from `to` on; float samples are stored as they are.
VST_FN void put_vector(unsigned char* to, Vec v, const Colour& colour, int plane) {
  store_bytes(to, codes(v, colour, plane));
}
VST_FN void put_vector(unsigned short* to, Vec v, const Colour& colour, int plane) {
  store_shorts(to, codes(v, colour, plane));
}
VST_FN void put_vector(Half* to, Vec v, const Colour&, int) {
  float lanes[kLanes];
  store_vector(lanes, v);
  for (int i = 0; i < kLanes; ++i) store(to + i, lanes[i]);
}
VST_FN void put_vector(float* to, Vec v, const Colour&, int) { store_vector(to, v); }

// A line of plane `c`, from its values before scale and offset.
template <typename Code>
VST_FN void put_line(Code* to, const float* from, int width, const Colour& colour, int c) {
  int x = 0;
  for (; x + kLanes <= width; x += kLanes) put_vector(to + x, load_vector(from + x), colour, c);
  for (; x < width; ++x) put(to + x, from[x], colour, c);
}

// A row of the matrix times r, g and b, in zimg's order: the same bits where both fuse.
VST_FN Vec product(const float* m, Vec r, Vec g, Vec b) {
  return fused(all_lanes(m[2]), b, fused(all_lanes(m[1]), g, all_lanes(m[0]) * r));
}

// Row `y` of plane `c` by the matrix.
template <typename Code>
VST_FN void put_product(Code* to, const float* r, std::ptrdiff_t plane, int width, const Colour& colour, int c) {
  const float *g = r + plane, *b = g + plane, *m = colour.matrix + 3 * c;
  int x = 0;
  for (; x + kLanes <= width; x += kLanes)
    put_vector(to + x, product(m, load_vector(r + x), load_vector(g + x), load_vector(b + x)), colour, c);
  for (; x < width; ++x) put(to + x, dot3(m, r[x], g[x], b[x]), colour, c);
}

// Row `y` of the planes that are as large as the image: luma alone unless `all`.
template <typename Code>
VST_FN void pack_full_row(const vst::Pack& a, const Colour& colour, int y, bool all) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  const float* r = a.rgb + (std::ptrdiff_t)y * a.width;
  for (int c = 0; c < (all ? 3 : 1); ++c) {
    if (a.mode == kColourRgb)
      put_line(row_of<Code>(a, c, y), r + c * plane, a.width, colour, c);
    else
      put_product(row_of<Code>(a, c, y), r, plane, a.width, colour, c);
  }
}

// Both colour differences for chroma row `y`, filtered down the columns, as wide as the image still.
VST_FN void differences(const vst::Pack& a, const Colour& colour, int y, float* u, float* v) {
  const std::ptrdiff_t plane = (std::ptrdiff_t)a.height * a.width;
  const int count = a.down.count ? a.down.count : 1, first = a.down.count ? a.down.left[y] : y;
  const float one = 1.0f;
  const float* weight = a.down.count ? a.down.weight + (std::ptrdiff_t)y * count : &one;
  const float* from = a.rgb + (std::ptrdiff_t)first * a.width;
  int x = 0;
  for (; x + kLanes <= a.width; x += kLanes) {
    Vec r = zero_lanes(), g = r, b = r;
    for (int j = 0; j < count; ++j) {
      const float* at = from + (std::ptrdiff_t)j * a.width + x;
      r += weight[j] * load_vector(at);
      g += weight[j] * load_vector(at + plane);
      b += weight[j] * load_vector(at + 2 * plane);
    }
    store_vector(u + x, product(colour.matrix + 3, r, g, b));
    store_vector(v + x, product(colour.matrix + 6, r, g, b));
  }
  for (; x < a.width; ++x) {
    float r = 0.0f, g = 0.0f, b = 0.0f;
    for (int j = 0; j < count; ++j) {
      const float* at = from + (std::ptrdiff_t)j * a.width + x;
      r += weight[j] * at[0];
      g += weight[j] * at[plane];
      b += weight[j] * at[2 * plane];
    }
    u[x] = dot3(colour.matrix + 3, r, g, b);
    v[x] = dot3(colour.matrix + 6, r, g, b);
  }
}

// Columns that read as their neighbour does, `step` samples further and by the same weights: all but those at the borders.
// Taps that weigh nothing are left out.
struct Interior {
  static const int kMost = 24;  // taps of Spline36 stretched by 4

  Interior(const vst::PackTaps& across, int width, int step) {
    if (across.count > kMost || (step != 2 && step != 4)) return;
    const int middle = width / 2, offset = across.left[middle] - step * middle;
    const auto alike = [&](int i) {
      bool same = across.left[i] == step * i + offset;
      for (int k = 0; k < across.count; ++k)
        same = same && across.weight[(std::ptrdiff_t)k * width + i] == across.weight[(std::ptrdiff_t)k * width + middle];
      return same;
    };
    for (begin = middle; begin > 0 && alike(begin - 1);) --begin;
    for (end = middle; end < width && alike(end);) ++end;
    for (int k = 0; k < across.count; ++k) {
      const float tap = across.weight[(std::ptrdiff_t)k * width + middle];
      if (tap == 0.0f) continue;
      const int at = across.left[begin] + k;
      weight[count] = tap;
      phase[count] = at % step;
      first[count++] = at / step;
    }
  }

  int begin = 0, end = 0;
  int count = 0;  // of taps
  float weight[kMost];
  int phase[kMost], first[kMost];  // where column `begin` reads: every step-th sample from `phase` on, and in them the first-th
};

// Every step-th sample of a line from each of the first ones on, a line each.
VST_FN void split_phases(const float* line, int width, int step, const PictureLines& lines, int phases) {
  int i = 0;
  if (step == 2) {
    float *even = lines.line(phases), *odd = lines.line(phases + 1);
    for (; i + kLanes <= width; i += kLanes) {
      const Vec a = load_vector(line + 2 * i), b = load_vector(line + 2 * i + kLanes);
      store_vector(even + i, even_lanes(a, b));
      store_vector(odd + i, odd_lanes(a, b));
    }
  }
  for (; i < width; ++i)
    for (int p = 0; p < step; ++p) lines.line(phases + p)[i] = line[step * i + p];
}

// A line filtered along itself, to `width` samples. The lines from `phases` on are scratch, one for each of `step`.
VST_FN void shrink_line(const vst::PackTaps& across, const Interior& inside, int width, int step, const float* line,
                        const PictureLines& lines, int phases, float* out) {
  const auto one = [&](int i) {
    float sum = 0.0f;
    for (int k = 0; k < across.count; ++k)
      sum += across.weight[(std::ptrdiff_t)k * width + i] * line[across.left[i] + k];
    out[i] = sum;
  };
  int i = 0;
  for (; i < inside.begin; ++i) one(i);
  if (inside.begin + kLanes <= inside.end) split_phases(line, width, step, lines, phases);
  const float* from[Interior::kMost];
  for (int k = 0; k < inside.count; ++k) from[k] = lines.line(phases + inside.phase[k]) + inside.first[k];
  for (; i + kLanes <= inside.end; i += kLanes) {
    Vec sum = zero_lanes();
    for (int k = 0; k < inside.count; ++k) sum += inside.weight[k] * load_vector(from[k] + (i - inside.begin));
    store_vector(out + i, sum);
  }
  for (; i < width; ++i) one(i);
}

template <typename Code>
void pack_rows(const vst::Pack& a, const Colour& shared, int begin, int end) {
  const Colour colour = shared;  // of which the compiler knows that no sample written changes it
  const bool subsampled = a.mode == kColourMatrix && (a.across.count || a.down.count);
  const int step_y = subsampled ? a.height / a.chroma_height : 1, step_x = a.across.count ? a.width / a.chroma_width : 1;
  if (!subsampled) {
    for (int y = begin; y < end; ++y) pack_full_row<Code>(a, colour, y, a.mode != kColourGrey);
    return;
  }
  const PictureLines lines(a.width, 3 + step_x);  // u, v, one of them shrunk, and its samples by phase
  const Interior inside = a.across.count ? Interior(a.across, a.chroma_width, step_x) : Interior({}, 0, 0);
  for (int y = begin; y < end; ++y) {
    for (int k = 0; k < step_y; ++k) pack_full_row<Code>(a, colour, step_y * y + k, false);
    differences(a, colour, y, lines.line(0), lines.line(1));
    for (int c = 1; c < 3; ++c) {
      float* line = lines.line(c - 1);
      float* shrunk = line;
      if (a.across.count) {
        shrunk = lines.line(2);
        shrink_line(a.across, inside, a.chroma_width, step_x, line, lines, 3, shrunk);
      }
      put_line(row_of<Code>(a, c, y), shrunk, a.chroma_width, colour, c);
    }
  }
}

}  // namespace VST_NAMESPACE
