// Sharing out a range of independent items among threads.
#pragma once

namespace vst {

// Calls body(context, begin, end) over disjoint parts of [0, count), `grain` items or fewer each.
void parallel_chunks(int count, int grain, int threads, void (*body)(void*, int, int), void* context);

}  // namespace vst
