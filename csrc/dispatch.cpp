#include "kernels.h"
#include "levels.h"

#ifdef VST_X86_LEVELS
#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace vst {

#ifdef VST_X86_LEVELS
namespace {

// Asked of the processor itself: compilers' own ways need run-time libraries that some of them lack.
struct Leaf {
  Leaf(unsigned leaf, unsigned subleaf) {
#ifdef _MSC_VER
    int registers[4];
    __cpuidex(registers, (int)leaf, (int)subleaf);
    eax = (unsigned)registers[0], ebx = (unsigned)registers[1], ecx = (unsigned)registers[2];
#else
    unsigned edx;
    __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
#endif
  }
  unsigned eax, ebx, ecx;
};

bool has(unsigned word, int bit) { return word >> bit & 1; }

// Registers that the operating system saves when it switches threads; only where the processor has XGETBV.
unsigned saved_registers() {
#ifdef _MSC_VER
  return (unsigned)_xgetbv(0);
#else
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
#endif
}

struct Features {
  bool avx2 = false, avx512 = false, avx512bf16 = false;
  Features() {
    if (Leaf(0, 0).eax < 7) return;
    const Leaf first(1, 0), seventh(7, 0);
    const unsigned vectors = 0x6, large_vectors = 0xe6;  // SSE and AVX; also masks and the rest of AVX-512's registers
    if (!has(first.ecx, 27) || (saved_registers() & vectors) != vectors) return;
    avx2 = has(first.ecx, 28) && has(first.ecx, 12) && has(seventh.ebx, 5);  // AVX, FMA, AVX2
    if ((saved_registers() & large_vectors) != large_vectors) return;
    avx512 = avx2 && has(seventh.ebx, 16) && has(seventh.ebx, 17) && has(seventh.ebx, 30) && has(seventh.ebx, 31);
    avx512bf16 = avx512 && seventh.eax >= 1 && has(Leaf(7, 1).eax, 5);
  }
};

}  // namespace
#endif

int available_kernels(const Kernels** levels, int capacity) {
  int count = 0;
  const auto add = [&](const Kernels& table) {
    if (count < capacity) levels[count++] = &table;
  };
#ifdef VST_X86_LEVELS
  const Features found;
  if (found.avx512bf16) add(vst_avx512bf16::table());
  if (found.avx512) add(vst_avx512::table());
  if (found.avx2) add(vst_avx2::table());
#endif
  add(vst_base::table());
  return count;
}

}  // namespace vst
