#include "parallel.h"

#ifndef _OPENMP
#include <atomic>
#include <thread>
#include <vector>
#endif

namespace vst {

void parallel_chunks(int count, int grain, int threads, void (*body)(void*, int, int), void* context) {
  const int chunks = (count + grain - 1) / grain;
  const auto run = [&](int chunk) {
    const int begin = chunk * grain, end = begin + grain;
    body(context, begin, end < count ? end : count);
  };
  if (threads > chunks) threads = chunks;
  if (threads <= 1) {
    for (int i = 0; i < chunks; ++i) run(i);
    return;
  }
#ifdef _OPENMP
  // The same runtime as torch's where both use libgomp: its threads are awake already between two convolutions.
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (int i = 0; i < chunks; ++i) run(i);
#else
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int i = next++; i < chunks; i = next++) run(i);
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (auto& helper : helpers) helper.join();
#endif
}

}  // namespace vst
