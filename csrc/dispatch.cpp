#include "kernels.h"

namespace vst {

int available_kernels(const Kernels** levels, int capacity) {
  int count = 0;
  const auto add = [&](const Kernels& table) {
    if (count < capacity) levels[count++] = &table;
  };
#ifdef VST_X86_LEVELS
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && __builtin_cpu_supports("avx512bf16")) add(vst_avx512bf16::table());
  if (avx512) add(vst_avx512::table());
  if (avx2) add(vst_avx2::table());
#endif
  add(vst_base::table());
  return count;
}

}  // namespace vst
