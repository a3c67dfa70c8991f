// Python bindings. Tensors come as addresses: vs_tecogan/ops checks shapes, types and layouts, and alone calls this.
// Numbers are checked here, so that no argument makes an operator read or write what is not its own.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <vector>

#include "checks.h"
#include "kernels.h"
#include "parallel.h"

namespace py = pybind11;

namespace {

using namespace checks;

const std::vector<const vst::Kernels*>& levels() {
  static const std::vector<const vst::Kernels*> all = [] {
    std::vector<const vst::Kernels*> found(8);
    found.resize(vst::available_kernels(found.data(), 8));
    return found;
  }();
  return all;
}

// Runs an operator of a level without the GIL.
template <typename Arguments>
void run(void (*vst::Kernels::*kernel)(const Arguments&, int), const Arguments& arguments, Integer threads,
         Integer level) {
  const int found = number("level", level, 0, static_cast<Integer>(levels().size()) - 1);
  const int count = number("threads", threads, 1, kMaxThreads);
  py::gil_scoped_release release;
  (levels()[found]->*kernel)(arguments, count);
}

void warp(Address image, Address flow, Address output, Integer n, Integer c, Integer h, Integer w, Integer threads,
          Integer level) {
  const vst::Warp a = {pointer<float>("image", image), pointer<float>("flow", flow), pointer<float>("output", output),
                       side("batch", n),               side("channels", c),          side("height", h),
                       side("width", w)};
  map(n, h, w, c);
  run(&vst::Kernels::warp, a, threads, level);
}

void warp_backward(Address gradient, Address image, Address flow, Address image_gradient, Address flow_gradient,
                   Integer n, Integer c, Integer h, Integer w, Integer threads, Integer level) {
  const vst::WarpBackward a = {pointer<float>("gradient", gradient),
                               pointer<float>("image", image),
                               pointer<float>("flow", flow),
                               optional_pointer<float>(image_gradient),
                               optional_pointer<float>(flow_gradient),
                               side("batch", n),
                               side("channels", c),
                               side("height", h),
                               side("width", w)};
  map(n, h, w, c);
  product("planes of a batch", kMost, {n, c});
  run(&vst::Kernels::warp_backward, a, threads, level);
}

void recur(Address lr, Address previous, Address flow, Address output, bool bfloat16, Integer h, Integer w,
           Integer scale, Integer grid, Integer threads, Integer level) {
  const vst::Recur a = {pointer<float>("lr", lr),
                        optional_pointer<float>(previous),
                        previous ? pointer<float>("flow", flow) : nullptr,
                        pointer<void>("output", output),
                        type_of(bfloat16),
                        side("height", h),
                        side("width", w),
                        number("scale", scale, 1, kMaxScale),
                        number("grid", grid, 0, 2)};
  map(1, h, w, 3 + 3 * scale * scale);
  run(&vst::Kernels::recur, a, threads, level);
}

void interleave(const std::vector<Address>& planes, Address output, bool bfloat16, Integer h, Integer w,
                Integer threads, Integer level) {
  const Integer channels = static_cast<Integer>(planes.size());
  std::vector<const float*> rows;
  for (const Address plane : planes) rows.push_back(pointer<float>("plane", plane));
  const vst::Interleave a = {rows.data(),       side("number of planes", channels), side("height", h),
                             side("width", w), pointer<void>("output", output),    type_of(bfloat16)};
  map(1, h, w, channels);
  run(&vst::Kernels::interleave, a, threads, level);
}

void narrow_conv(Address above, Address rows, Address weight, Address bias, bool bfloat16, Integer row_count,
                 Integer width, Integer inputs, Integer outputs, bool bottom, Address skip, Integer skip_height,
                 Integer skip_width, Integer scale, Integer grid, Integer first_row, Address output,
                 Integer output_height, Integer threads, Integer level) {
  const vst::NarrowConv a = {optional_pointer<void>(above),
                             pointer<void>("rows", rows),
                             pointer<void>("weight", weight),
                             pointer<float>("bias", bias),
                             type_of(bfloat16),
                             side("number of rows", row_count),
                             side("width", width),
                             side("inputs", inputs),
                             number("outputs", outputs, 2, 3),
                             bottom,
                             optional_pointer<float>(skip),
                             side("height of the skip", skip_height),
                             side("width of the skip", skip_width),
                             number("scale", scale, 1, kMaxScale),
                             number("grid", grid, 0, 2),
                             number("first row", first_row, 0, kLongest),
                             pointer<float>("output", output),
                             side("height of the output", output_height)};
  map(1, row_count, width, inputs);
  number("row after the last result", first_row + row_count + (above ? 1 : 0) - (bottom ? 0 : 1), first_row + 1,
         output_height);
  if (skip) {
    number("width of the enlarged skip", skip_width * scale, width, width);
    number("height of the enlarged skip", skip_height * scale, output_height, output_height);
  }
  run(&vst::Kernels::narrow_conv, a, threads, level);
}

void read_planes(const py::sequence& planes, Address tensor, Integer h, Integer w, bool clamp, Integer threads,
                 Integer level) {
  const int height = side("height", h), width = side("width", w);
  const HeldPlanes held(planes, std::vector<Shape>(3, {h, w}), 4, "f", false);
  run(&vst::Kernels::read_planes, {held.planes, pointer<float>("tensor", tensor), height, width, clamp}, threads, level);
}

void write_planes(Address tensor, const py::sequence& planes, Integer h, Integer w, bool clamp, Integer threads,
                  Integer level) {
  const int height = side("height", h), width = side("width", w);
  const HeldPlanes held(planes, std::vector<Shape>(3, {h, w}), 4, "f", true);
  run(&vst::Kernels::write_planes, {held.planes, pointer<float>("tensor", tensor), height, width, clamp}, threads,
      level);
}

// `sample`: 0 to 3; `mode`: 0 grey, 1 RGB, 2 luma and two colour differences, whose planes may be smaller.
void pack(Address rgb, const py::sequence& planes, const std::vector<Shape>& shapes, Integer sample, Integer mode,
          const py::object& colour, const py::object& across, const py::object& down, Integer threads, Integer level) {
  static const int bytes[] = {1, 2, 2, 4};
  vst::Pack a = {};
  a.rgb = pointer<float>("rgb", rgb);
  a.sample = number("sample", sample, 0, 3);
  a.mode = number("mode", mode, 0, 2);
  number("number of planes", static_cast<Integer>(shapes.size()), mode == 0 ? 1 : 3, mode == 0 ? 1 : 3);
  const Shape full = shapes.front(), chroma = mode == 2 ? shapes.back() : full;
  a.height = side("height", full.first), a.width = side("width", full.second);
  a.chroma_height = side("height of chroma", chroma.first), a.chroma_width = side("width of chroma", chroma.second);
  if (shapes.size() > 1 && (shapes[1] != shapes[2] || (mode == 1 && shapes[1] != full)))
    throw py::value_error("planes are not of one size where they should be");
  map(1, full.first, full.second, 3);
  const HeldPlanes held(planes, shapes, bytes[a.sample], nullptr, true);
  const py::buffer_info numbers = hold("colour", colour, {16}, 4, "f", false);
  const HeldTaps horizontal("taps across", across, full.second, chroma.second, false);
  const HeldTaps vertical("taps down", down, full.first, chroma.first, true);
  a.planes = held.planes;
  a.colour = static_cast<const float*>(numbers.ptr);
  a.across = horizontal.taps, a.down = vertical.taps;
  run(&vst::Kernels::pack, a, threads, level);
}

void refine(Address previous, Address current, Address flow, Address scratch, Integer h, Integer w, Integer rounds,
            Integer threads, Integer level) {
  const vst::Refine a = {pointer<float>("previous", previous),
                         pointer<float>("current", current),
                         pointer<float>("flow", flow),
                         pointer<float>("scratch", scratch),
                         side("height", h),
                         side("width", w),
                         number("rounds", rounds, 0, 1000)};
  map(1, h, w, vst::kRefinePlanes);
  run(&vst::Kernels::refine, a, threads, level);
}

void winograd(Address input, Address kernel, Address bias, Address addend, Address mask, Address output, Integer n,
              Integer h, Integer w, Integer inputs, Integer outputs, bool relu, Integer threads, Integer level) {
  const vst::Winograd a = {pointer<float>("input", input),
                           pointer<float>("kernel", kernel),
                           optional_pointer<float>(bias),
                           optional_pointer<float>(addend),
                           optional_pointer<float>(mask),
                           pointer<float>("output", output),
                           side("batch", n),
                           side("height", h),
                           side("width", w),
                           wide("inputs", inputs),
                           wide("outputs", outputs),
                           relu};
  map(n, h, w, inputs);
  map(n, h, w, outputs);
  product("tiles of a batch", kMost, {n, (h + 3) / 4, (w + 3) / 4});
  run(&vst::Kernels::winograd, a, threads, level);
}

void winograd_gradient(Address input, Address gradient, Address output, Integer n, Integer h, Integer w,
                       Integer inputs, Integer outputs, Integer threads, Integer level) {
  const vst::WinogradGradient a = {
      pointer<float>("input", input), pointer<float>("gradient", gradient), pointer<float>("output", output),
      side("batch", n),               side("height", h),                    side("width", w),
      wide("inputs", inputs),         wide("outputs", outputs)};
  map(n, h, w, inputs);
  map(n, h, w, outputs);
  product("tiles of a batch", kMost, {n, (h + 3) / 4, (w + 3) / 4});
  run(&vst::Kernels::winograd_gradient, a, threads, level);
}

void deconv(Address input, Address kernel, Address bias, Address output, Integer n, Integer h, Integer w,
            Integer inputs, Integer outputs, Integer top, Integer left, Integer output_height, Integer output_width,
            Integer threads, Integer level) {
  const vst::Deconv a = {pointer<float>("input", input),
                         pointer<float>("kernel", kernel),
                         pointer<float>("bias", bias),
                         pointer<float>("output", output),
                         side("batch", n),
                         side("height", h),
                         side("width", w),
                         wide("inputs", inputs),
                         wide("outputs", outputs),
                         number("top", top, 0, 2),
                         number("left", left, 0, 2),
                         number("height of the output", output_height, 1, 2 * h + 2 - top),
                         number("width of the output", output_width, 1, 2 * w + 2 - left)};
  map(n, h, w, inputs);
  map(n, output_height, output_width, outputs);
  run(&vst::Kernels::deconv, a, threads, level);
}

void deconv_backward(Address input, Address gradient, Address kernel, Address input_gradient, Address kernel_gradient,
                     Integer n, Integer h, Integer w, Integer inputs, Integer outputs, Integer threads,
                     Integer level) {
  const vst::DeconvBackward a = {pointer<float>("input", input),
                                 pointer<float>("gradient", gradient),
                                 pointer<float>("kernel", kernel),
                                 optional_pointer<float>(input_gradient),
                                 pointer<float>("gradient of the kernel", kernel_gradient),
                                 side("batch", n),
                                 side("height", h),
                                 side("width", w),
                                 wide("inputs", inputs),
                                 wide("outputs", outputs)};
  map(n, h, w, inputs);
  map(n, 2 * h, 2 * w, outputs);
  run(&vst::Kernels::deconv_backward, a, threads, level);
}

void double_size(Address input, Address output, bool bfloat16, Integer h, Integer w, Integer channels, Integer grid,
                 Integer threads, Integer level) {
  const vst::Double a = {pointer<void>("input", input), pointer<void>("output", output), type_of(bfloat16),
                         side("height", h),             side("width", w),                side("channels", channels),
                         number("grid", grid, 1, 2)};
  map(1, 2 * h, 2 * w, channels);
  run(&vst::Kernels::double_size, a, threads, level);
}

}  // namespace

PYBIND11_MODULE(_native, m, py::mod_gil_not_used()) {
  m.def("levels", [] {
    py::list names;
    for (const auto* level : levels()) names.append(level->name);
    return names;
  });
  m.def("shares_openmp", &vst::shares_openmp);
  m.def("rest_while_waiting", &vst::rest_while_waiting, py::call_guard<py::gil_scoped_release>());
  m.attr("refine_planes") = vst::kRefinePlanes;
  m.def("warp", &warp);
  m.def("warp_backward", &warp_backward);
  m.def("recur", &recur);
  m.def("interleave", &interleave);
  m.def("narrow_conv", &narrow_conv);
  m.def("read_planes", &read_planes);
  m.def("write_planes", &write_planes);
  m.def("pack", &pack);
  m.def("refine", &refine);
  m.def("winograd", &winograd);
  m.def("winograd_gradient", &winograd_gradient);
  m.def("deconv", &deconv);
  m.def("deconv_backward", &deconv_backward);
  m.def("double_size", &double_size);
}
