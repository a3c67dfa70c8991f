// The operators that the CPU extension offers, and the arguments they take. One table of functions is built per
// instruction set (kernels.inl); dispatch.cpp picks one at run time.
//
// Every operator gives the same bits for any number of threads: threads share out rows or planes, never a sum.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vst {

enum class Type : int { kFloat32 = 0, kBFloat16 = 1 };

// Rows of float32 planes with any stride between rows (in bytes); samples of a row are adjacent.
struct Planes {
  char* data[3];
  std::ptrdiff_t stride[3];
};

// Backward warp of (batch, channels, height, width) by flow (batch, 2, height, width), all contiguous float32.
struct Warp {
  const float* image;
  const float* flow;
  float* output;
  int batch, channels, height, width;
};

// Its gradient. Both results are written, not added to.
struct WarpBackward {
  const float* gradient;
  const float* image;
  const float* flow;
  float* image_gradient;
  float* flow_gradient;
  int batch, channels, height, width;
};

// The network's input in one pass: the LR frame, then space-to-depth of the previous output warped by the enlarged flow.
// (height, width) is LR; output is (height, width, 3 + 3 * scale * scale), channels last.
struct Recur {
  const float* lr;        // (3, height, width)
  const float* previous;  // (3, scale * height, scale * width), or null: the recurrent channels are zero
  const float* flow;      // (2, height, width) in LR pixels
  void* output;
  Type type;
  int height, width, scale, grid;
};

// Planar float32 to channels last: output[y][x][c] = planes[c][y][x].
struct Interleave {
  const float* const* planes;
  int channels, height, width;
  void* output;
  Type type;
};

// 3x3 convolution, zero padding, of channels-last rows to at most three planes in float32, plus bias, plus an enlarged
// image (`skip`, or null). `above` holds the two rows before `rows` (null at the top of the image). Produces the rows from
// first_row on; the last one given is a result only where `bottom` says that the image ends there.
struct NarrowConv {
  const void* above;
  const void* rows;
  const void* weight;  // (outputs, 9, inputs), same type as the rows
  const float* bias;
  Type type;
  int row_count, width, inputs, outputs;
  bool bottom;
  const float* skip;  // (outputs, skip_height, skip_width)
  int skip_height, skip_width, scale, grid;
  int first_row;
  float* output;  // (outputs, output_height, width)
  int output_height;
};

// Planes to a contiguous (3, height, width) tensor or the other way round. `clamp`: to [0, 1], on reading also NaN to 0.
struct Copy {
  Planes planes;
  float* tensor;
  int height, width;
  bool clamp;
};

// The samples of a line that each shrunk one is the weighted sum of: `count` from left[i] on; 0: the axis stays as it is.
struct PackTaps {
  const int* left;
  const float* weight;
  int count;
};

// An RGB image (3, height, width) into planes as they are coded; see color.h. `colour` is its array of numbers, `sample` 0
// to 3: 8 bits, 16 bits, half, float. Weights of `across` are (count, chroma_width), those of `down` (chroma_height, count).
struct Pack {
  const float* rgb;
  Planes planes;
  int height, width, chroma_height, chroma_width;
  int sample, mode;
  const float* colour;
  PackTaps across, down;
};

// Bilinear x2 of channels-last features (height, width, channels).
struct Double {
  const void* input;
  void* output;
  Type type;
  int height, width, channels, grid;
};

// A flow (2, height, width) brought nearer to current(p) = previous(p + flow(p)), in place; frames are (3, height, width),
// all contiguous float32. `scratch` has room for kRefinePlanes planes of height * width.
const int kRefinePlanes = 13;
struct Refine {
  const float* previous;
  const float* current;
  float* flow;
  float* scratch;
  int height, width, rounds;
};

// 3x3 convolution, zero padding, of (batch, height, width, inputs) to (batch, height, width, outputs), float32. What
// follows it, in this order, each left out if null or false: bias, `addend` of the output's shape, ReLU, zero where `mask`
// of the output's shape is not above zero.
struct Winograd {
  const float* input;
  const float* kernel;  // transformed, (36, inputs, outputs)
  const float* bias;
  const float* addend;
  const float* mask;
  float* output;
  int batch, height, width, inputs, outputs;
  bool relu;
};

// Gradient of its transformed kernel, (36, inputs, outputs), from that of the convolution's result.
struct WinogradGradient {
  const float* input;
  const float* gradient;
  float* output;
  int batch, height, width, inputs, outputs;
};

// Transposed 3x3 convolution of stride 2 with bias and ReLU, (batch, height, width, inputs) to (batch, output_height,
// output_width, outputs): the full output from row `top` and column `left` on.
struct Deconv {
  const float* input;
  const float* kernel;  // (9, inputs, outputs)
  const float* bias;
  float* output;
  int batch, height, width, inputs, outputs, top, left, output_height, output_width;
};

// Its gradients where the output has twice the input's sides and top = left = 1, from that of the sum before the ReLU.
struct DeconvBackward {
  const float* input;
  const float* gradient;
  const float* kernel;     // (9, outputs, inputs)
  float* input_gradient;   // or null
  float* kernel_gradient;  // (9, inputs, outputs)
  int batch, height, width, inputs, outputs;
};

struct Kernels {
  const char* name;
  void (*warp)(const Warp&, int threads);
  void (*warp_backward)(const WarpBackward&, int threads);
  void (*recur)(const Recur&, int threads);
  void (*interleave)(const Interleave&, int threads);
  void (*narrow_conv)(const NarrowConv&, int threads);
  void (*read_planes)(const Copy&, int threads);
  void (*write_planes)(const Copy&, int threads);
  void (*double_size)(const Double&, int threads);
  void (*pack)(const Pack&, int threads);
  void (*refine)(const Refine&, int threads);
  void (*winograd)(const Winograd&, int threads);
  void (*winograd_gradient)(const WinogradGradient&, int threads);
  void (*deconv)(const Deconv&, int threads);
  void (*deconv_backward)(const DeconvBackward&, int threads);
};

// Instruction sets of this machine, best first; never empty. `levels` receives at most `capacity` tables.
int available_kernels(const Kernels** levels, int capacity);

}  // namespace vst

namespace vst_base {
const vst::Kernels& table();
}
namespace vst_avx2 {
const vst::Kernels& table();
}
namespace vst_avx512 {
const vst::Kernels& table();
}
namespace vst_avx512bf16 {
const vst::Kernels& table();
}
