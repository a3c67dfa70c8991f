// What the per-pixel headers need to compile both as C++ and as CUDA (NVRTC, so no standard headers there).
//
// Every translation unit is built for one instruction set and defines VST_NAMESPACE accordingly: the inline functions
// below then exist once per instruction set and the linker cannot hand AVX-512 code to a CPU without it.
#pragma once

#ifndef VST_NAMESPACE
#define VST_NAMESPACE vst_device
#endif

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define VST_FN __device__ __forceinline__ static
#elif defined(_MSC_VER) && !defined(__clang__)
#define VST_FN static __forceinline
#elif defined(__GNUC__) || defined(__clang__)
#define VST_FN __attribute__((always_inline)) static inline
#else
#define VST_FN static inline
#endif

namespace VST_NAMESPACE {

VST_FN int clamp_index(int i, int size) { return i < 0 ? 0 : (i < size ? i : size - 1); }

VST_FN float clamp(float v, float low, float high) { return v < low ? low : (v > high ? high : v); }

// [0, 1], and 0 for NaN: every comparison with NaN is false.
VST_FN float clean(float v) { return v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f; }

}  // namespace VST_NAMESPACE
