#include "levels.h"

#ifdef VST_X86_LEVELS
// The target is set before any header, so that everything here, and nothing elsewhere, is built for it. MSVC has no such
// pragma: setup.py gives it the flag for this file.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#endif
#define VST_NAMESPACE vst_avx512
#define VST_LEVEL_NAME "avx512"
#define VST_VECTOR_BYTES 64
#include "kernels.inl"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
