// What the bindings refuse, all by ValueError: numbers that an operator's loops and buffers are not made for.
//
// Addresses come from vs_tecogan/ops, which knows the tensors' sizes; here they are only told from none at all.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels.h"

namespace checks {

namespace py = pybind11;

using Address = std::uintptr_t;
using Integer = long long;                 // as wide as Python's may be here; in range, it fits int
using Shape = std::pair<Integer, Integer>;  // rows, columns

const Integer kLongest = 1 << 20;       // side of an image, number of images or channels
const Integer kMost = 0x7fffffff;       // rows of a batch, values of a row: counted in int
const Integer kMostValues = 1LL << 40;  // of one tensor
const Integer kMaxScale = 8, kMaxThreads = 4096, kWide = 64;

inline int number(const char* name, Integer value, Integer least, Integer most) {
  if (value < least || value > most)
    throw py::value_error(std::string(name) + " is " + std::to_string(value) + "; expected " + std::to_string(least) +
                          " to " + std::to_string(most));
  return static_cast<int>(value);
}

inline int side(const char* name, Integer value) { return number(name, value, 1, kLongest); }

// Channels of a wide convolution.
inline int wide(const char* name, Integer value) {
  const int channels = number(name, value, kWide, kLongest);
  if (channels % kWide)
    throw py::value_error(std::string(name) + " is " + std::to_string(value) + "; expected a multiple of " +
                          std::to_string(kWide));
  return channels;
}

// A product of numbers that were checked before.
inline void product(const char* name, Integer most, std::initializer_list<Integer> factors) {
  Integer value = 1;
  for (const Integer factor : factors) {
    if (factor > 0 && value > most / factor)
      throw py::value_error(std::string(name) + " are more than " + std::to_string(most));
    value *= factor;
  }
}

// A tensor of `channels` for each of batch * height * width pixels.
inline void map(Integer batch, Integer height, Integer width, Integer channels) {
  product("rows of a batch", kMost, {batch, height, 4});
  product("values of a row", kMost, {width, channels, 4});
  product("values of a tensor", kMostValues, {batch, height, width, channels});
}

template <typename T>
T* pointer(const char* name, Address address) {
  if (!address) throw py::value_error(std::string(name) + " has no memory");
  return reinterpret_cast<T*>(address);
}

template <typename T>
T* optional_pointer(Address address) {
  return reinterpret_cast<T*>(address);
}

inline vst::Type type_of(bool bfloat16) { return bfloat16 ? vst::Type::kBFloat16 : vst::Type::kFloat32; }

inline bool is_one_of(const std::string& format, const char* formats) {
  return format.size() == 1 && std::string(formats).find(format) != std::string::npos;
}

// A buffer of Python's that stays while the GIL is away. `formats`: letters of Python's struct, null for any.
inline py::buffer_info hold(const char* name, const py::handle& object, const std::vector<Integer>& shape,
                            Integer itemsize, const char* formats, bool writable) {
  if (!PyObject_CheckBuffer(object.ptr())) throw py::value_error(std::string(name) + " is not an array");
  py::buffer_info info = py::reinterpret_borrow<py::buffer>(object).request(writable);
  bool fits = info.itemsize == itemsize && (!formats || is_one_of(info.format, formats)) && info.ndim == (Integer)shape.size();
  for (std::size_t k = 0; fits && k < shape.size(); ++k) fits = info.shape[k] == shape[k];
  if (fits && shape.back() > 1) fits = info.strides.back() == itemsize;
  if (fits) return info;
  std::string expected;
  for (const Integer size : shape) expected += (expected.empty() ? "" : " x ") + std::to_string(size);
  throw py::value_error(std::string(name) + " is not of " + expected + " samples of " + std::to_string(itemsize) +
                        " bytes" + (formats ? std::string(" and format ") + formats[0] : "") + ", adjacent in a row");
}

// One to three planes.
struct HeldPlanes {
  HeldPlanes(const py::sequence& sequence, const std::vector<Shape>& shapes, Integer itemsize, const char* format,
             bool writable) {
    if (shapes.empty() || shapes.size() > 3 || py::len(sequence) != shapes.size())
      throw py::value_error(std::to_string(py::len(sequence)) + " planes for " + std::to_string(shapes.size()) +
                            " shapes; expected as many, one to three");
    for (std::size_t c = 0; c < shapes.size(); ++c) {
      const std::string name = "plane " + std::to_string(c);
      const py::object plane = sequence[c];
      buffers[c] = hold(name.c_str(), plane, {shapes[c].first, shapes[c].second}, itemsize, format, writable);
      planes.data[c] = static_cast<char*>(buffers[c].ptr);
      planes.stride[c] = buffers[c].strides[0];
    }
  }
  py::buffer_info buffers[3];
  vst::Planes planes = {};
};

// Which of `size` samples each of `length` shrunk ones is the weighted sum of: None, or a pair of int32 (length,) and
// float32, (count, length) or, by rows, (length, count).
struct HeldTaps {
  HeldTaps(const char* name, const py::object& pair, Integer size, Integer length, bool by_rows) {
    if (pair.is_none()) {
      if (size != length)
        throw py::value_error(std::string(name) + " is None; expected taps from " + std::to_string(size) + " to " +
                              std::to_string(length) + " samples");
      return;
    }
    if (!py::isinstance<py::tuple>(pair) || py::len(pair) != 2)
      throw py::value_error(std::string(name) + " is neither None nor a pair of arrays");
    const py::object first = pair[py::int_(0)], second = pair[py::int_(1)];
    if (length < 1 || size % length) throw py::value_error(std::string(name) + " shrinks by no whole number");
    left = hold(name, first, {length}, 4, "il", false);
    if (!PyObject_CheckBuffer(second.ptr())) throw py::value_error(std::string(name) + "'s weights are not an array");
    const py::buffer_info given = py::reinterpret_borrow<py::buffer>(second).request();
    if (given.ndim != 2) throw py::value_error(std::string(name) + "'s weights have not two axes");
    const Integer count = number("count of taps", given.shape[by_rows ? 1 : 0], 1, size);
    const std::vector<Integer> shape = by_rows ? std::vector<Integer>{length, count} : std::vector<Integer>{count, length};
    weight = hold(name, second, shape, 4, "f", false);
    if (shape[0] > 1 && weight.strides[0] != 4 * shape[1])
      throw py::value_error(std::string(name) + "'s weights are not contiguous");
    taps = {static_cast<const int*>(left.ptr), static_cast<const float*>(weight.ptr), static_cast<int>(count)};
    for (Integer i = 0; i < length; ++i) number(name, taps.left[i], 0, size - count);
  }
  py::buffer_info left, weight;
  vst::PackTaps taps = {};
};

}  // namespace checks
