// Python bindings. Tensors come as addresses: vs_tecogan/ops/native.py checks shapes, types and layouts, and alone calls this.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels.h"

namespace py = pybind11;

namespace {

using Address = std::uintptr_t;

const std::vector<const vst::Kernels*>& levels() {
  static const std::vector<const vst::Kernels*> all = [] {
    std::vector<const vst::Kernels*> found(8);
    found.resize(vst::available_kernels(found.data(), 8));
    return found;
  }();
  return all;
}

const vst::Kernels& kernels(int level) { return *levels().at(static_cast<std::size_t>(level)); }

template <typename T>
T* pointer(Address address) {
  return reinterpret_cast<T*>(address);
}

vst::Type type_of(bool bfloat16) { return bfloat16 ? vst::Type::kBFloat16 : vst::Type::kFloat32; }

using Shape = std::pair<int, int>;  // rows, columns

// Holds the buffers of one to three planes while the GIL is away. `format` is that of Python's struct, null for any.
struct HeldPlanes {
  HeldPlanes(const py::sequence& sequence, const std::vector<Shape>& shapes, int itemsize, const char* format,
             bool writable) {
    if (py::len(sequence) != shapes.size() || shapes.empty() || shapes.size() > 3)
      throw std::invalid_argument("expected " + std::to_string(shapes.size()) + " planes");
    for (std::size_t c = 0; c < shapes.size(); ++c) {
      buffers[c] = py::reinterpret_borrow<py::buffer>(sequence[c]).request(writable);
      const py::buffer_info& b = buffers[c];
      const auto [rows, columns] = shapes[c];
      if (b.itemsize != itemsize || (format && b.format != format) || b.ndim != 2 || b.shape[0] != rows ||
          b.shape[1] != columns || (b.strides[1] != itemsize && columns > 1))
        throw std::invalid_argument("plane " + std::to_string(c) + " is not of " + std::to_string(rows) + " rows of " +
                                    std::to_string(columns) + " samples of " + std::to_string(itemsize) + " bytes");
      planes.data[c] = static_cast<char*>(b.ptr);
      planes.stride[c] = b.strides[0];
    }
  }
  py::buffer_info buffers[3];
  vst::Planes planes = {};
};

// Three float32 planes of one size.
HeldPlanes hold_rgb(const py::sequence& sequence, int height, int width, bool writable) {
  return {sequence, std::vector<Shape>(3, {height, width}), 4, "f", writable};
}

}  // namespace

PYBIND11_MODULE(_native, m, py::mod_gil_not_used()) {
  m.def("levels", [] {
    py::list names;
    for (const auto* level : levels()) names.append(level->name);
    return names;
  });
  m.def("has_openmp", [] {
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
  });
  m.def("warp", [](Address image, Address flow, Address output, int n, int c, int h, int w, int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).warp({pointer<float>(image), pointer<float>(flow), pointer<float>(output), n, c, h, w}, threads);
  });
  m.def("warp_backward", [](Address gradient, Address image, Address flow, Address image_gradient,
                            Address flow_gradient, int n, int c, int h, int w, int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).warp_backward({pointer<float>(gradient), pointer<float>(image), pointer<float>(flow),
                                  pointer<float>(image_gradient), pointer<float>(flow_gradient), n, c, h, w},
                                 threads);
  });
  m.def("recur", [](Address lr, Address previous, Address flow, Address output, bool bfloat16, int h, int w, int scale,
                    int grid, int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).recur({pointer<float>(lr), pointer<float>(previous), pointer<float>(flow), pointer<void>(output),
                          type_of(bfloat16), h, w, scale, grid},
                         threads);
  });
  m.def("interleave", [](const std::vector<Address>& planes, Address output, bool bfloat16, int h, int w, int threads,
                         int level) {
    py::gil_scoped_release release;
    std::vector<const float*> rows;
    for (Address plane : planes) rows.push_back(pointer<float>(plane));
    kernels(level).interleave(
        {rows.data(), static_cast<int>(rows.size()), h, w, pointer<void>(output), type_of(bfloat16)}, threads);
  });
  m.def("narrow_conv", [](Address above, Address rows, Address weight, Address bias, bool bfloat16, int row_count,
                          int width, int inputs, int outputs, bool bottom, Address skip, int skip_height,
                          int skip_width, int scale, int grid, int first_row, Address output, int output_height,
                          int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).narrow_conv(
        {pointer<void>(above), pointer<void>(rows), pointer<void>(weight), pointer<float>(bias), type_of(bfloat16),
         row_count, width, inputs, outputs, bottom, pointer<float>(skip), skip_height, skip_width, scale, grid,
         first_row, pointer<float>(output), output_height},
        threads);
  });
  m.def("read_planes", [](const py::sequence& planes, Address tensor, int h, int w, bool clamp, int threads,
                          int level) {
    const HeldPlanes held = hold_rgb(planes, h, w, false);
    py::gil_scoped_release release;
    kernels(level).read_planes({held.planes, pointer<float>(tensor), h, w, clamp}, threads);
  });
  m.def("write_planes", [](Address tensor, const py::sequence& planes, int h, int w, bool clamp, int threads,
                           int level) {
    const HeldPlanes held = hold_rgb(planes, h, w, true);
    py::gil_scoped_release release;
    kernels(level).write_planes({held.planes, pointer<float>(tensor), h, w, clamp}, threads);
  });
  m.def("pack", [](Address rgb, const py::sequence& planes, const std::vector<Shape>& shapes, int sample,
                   int mode, Address colour, std::array<Address, 2> left, std::array<Address, 2> weight,
                   std::array<int, 2> count, int threads, int level) {
    static const int bytes[] = {1, 2, 2, 4};
    const HeldPlanes held(planes, shapes, bytes[sample], nullptr, true);
    vst::Pack pack = {};
    pack.planes = held.planes;
    pack.rgb = pointer<float>(rgb);
    pack.height = shapes.front().first;
    pack.width = shapes.front().second;
    pack.chroma_height = shapes.back().first;
    pack.chroma_width = shapes.back().second;
    pack.sample = sample;
    pack.mode = mode;
    pack.colour = pointer<float>(colour);
    pack.across = {pointer<int>(left[0]), pointer<float>(weight[0]), count[0]};
    pack.down = {pointer<int>(left[1]), pointer<float>(weight[1]), count[1]};
    py::gil_scoped_release release;
    kernels(level).pack(pack, threads);
  });
  m.def("refine", [](Address previous, Address current, Address flow, Address scratch, int h, int w, int rounds,
                     int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).refine(
        {pointer<float>(previous), pointer<float>(current), pointer<float>(flow), pointer<float>(scratch), h, w, rounds},
        threads);
  });
  m.def("winograd", [](Address input, Address kernel, Address bias, Address addend, Address mask, Address output, int n,
                       int h, int w, int inputs, int outputs, bool relu, int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).winograd({pointer<float>(input), pointer<float>(kernel), pointer<float>(bias), pointer<float>(addend),
                             pointer<float>(mask), pointer<float>(output), n, h, w, inputs, outputs, relu},
                            threads);
  });
  m.def("winograd_gradient", [](Address input, Address gradient, Address output, int n, int h, int w, int inputs,
                                int outputs, int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).winograd_gradient(
        {pointer<float>(input), pointer<float>(gradient), pointer<float>(output), n, h, w, inputs, outputs}, threads);
  });
  m.def("deconv", [](Address input, Address kernel, Address bias, Address output, int n, int h, int w, int inputs,
                     int outputs, int top, int left, int output_height, int output_width, int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).deconv({pointer<float>(input), pointer<float>(kernel), pointer<float>(bias), pointer<float>(output),
                           n, h, w, inputs, outputs, top, left, output_height, output_width},
                          threads);
  });
  m.def("deconv_backward", [](Address input, Address gradient, Address kernel, Address input_gradient,
                              Address kernel_gradient, int n, int h, int w, int inputs, int outputs, int threads,
                              int level) {
    py::gil_scoped_release release;
    kernels(level).deconv_backward(
        {pointer<float>(input), pointer<float>(gradient), pointer<float>(kernel), pointer<float>(input_gradient),
         pointer<float>(kernel_gradient), n, h, w, inputs, outputs},
        threads);
  });
  m.attr("refine_planes") = vst::kRefinePlanes;
  m.def("double_size", [](Address input, Address output, bool bfloat16, int h, int w, int channels, int grid,
                          int threads, int level) {
    py::gil_scoped_release release;
    kernels(level).double_size(
        {pointer<void>(input), pointer<void>(output), type_of(bfloat16), h, w, channels, grid}, threads);
  });
}
