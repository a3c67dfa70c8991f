// Kernels for whatever the compiler takes as its baseline.
#define VST_NAMESPACE vst_base
#define VST_LEVEL_NAME "baseline"
#define VST_VECTOR_BYTES 16
#include "kernels.inl"
