// Sharing out a range of independent items among threads.
#pragma once

namespace vst {

// Calls body(context, begin, end) over disjoint parts of [0, count), `grain` items or fewer each. Exceptions of the body
// end the program: it is C.
void parallel_chunks(int count, int grain, int threads, void (*body)(void*, int, int), void* context);

// Lets OpenMP's threads sleep while they wait for work, from the first call on; for the calling thread's own teams.
void rest_while_waiting();

// Whether the threads are those of the OpenMP runtime that torch has loaded, else this extension's own.
bool shares_openmp();

}  // namespace vst
