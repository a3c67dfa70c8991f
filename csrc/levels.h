// Whether instruction sets beyond the compiler's baseline are built; see kernels_*.cpp. No code, so that it may come before
// the target is set.
#if (defined(__x86_64__) || defined(_M_X64)) && !defined(VST_ONE_LEVEL)
#define VST_X86_LEVELS 1
#endif
