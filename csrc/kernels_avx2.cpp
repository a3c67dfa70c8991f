#include "levels.h"

#ifdef VST_X86_LEVELS
// The target is set before any header, so that everything here, and nothing elsewhere, is built for it. MSVC has no such
// pragma: setup.py gives it the flag for this file.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC target("avx2,fma")
#endif
#define VST_NAMESPACE vst_avx2
#define VST_LEVEL_NAME "avx2"
#define VST_VECTOR_BYTES 32
#include "kernels.inl"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
