// One team of threads with torch's operators, wherever there is one to share.
//
// Torch brings GNU's OpenMP runtime on Linux and LLVM's on macOS. Both have GOMP_parallel, which is what GCC makes of
// "#pragma omp parallel". It is looked up here when the extension is loaded, after torch: so the extension is built by any
// compiler, needs no OpenMP library to be installed, and can never bring a second one with threads of its own. Where
// nothing is found, on Windows above all, threads of this file do the work.
//
// Torch is asked first: its builds for ARM show their OpenMP runtime to nobody else.
#include "parallel.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>

#ifndef _WIN32
#include <dlfcn.h>
#include <pthread.h>
#endif

namespace vst {

namespace {

using Parallel = void (*)(void (*body)(void*), void* context, unsigned threads, unsigned flags);

#ifndef _WIN32
// A function of the OpenMP runtime that torch is linked with, or that is there for all.
void* openmp_function(const char* name) {
  static void* const torch = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  void* const found = torch ? dlsym(torch, name) : nullptr;
  return found ? found : dlsym(RTLD_DEFAULT, name);
}
#endif

Parallel find_openmp() {
#if defined(_WIN32) || defined(VST_OWN_THREADS)
  return nullptr;
#else
  return reinterpret_cast<Parallel>(openmp_function("GOMP_parallel"));
#endif
}

const Parallel openmp = find_openmp();

// Chunks of one call, taken by whichever thread is free.
struct Work {
  int count, grain, chunks;
  void (*body)(void*, int, int);
  void* context;
  std::atomic<int> next{0};

  void run() {
    for (int i = next.fetch_add(1, std::memory_order_relaxed); i < chunks;
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      const int begin = i * grain, rest = count - begin;
      body(context, begin, rest < grain ? count : begin + grain);
    }
  }
};

// Threads that sleep between two calls. One caller has them at a time; another works alone meanwhile.
class Pool {
 public:
  // Never destroyed: its threads may outlive every static object.
  static Pool& instance() {
    static Pool* pool = new Pool;
#ifndef _WIN32
    // A forked child has none of its parent's threads.
    static const int watched = pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
    (void)watched;
#endif
    return *pool;
  }

  void run(Work& work, int helpers) {
    std::unique_lock<std::mutex> mine(busy_, std::try_to_lock);
    if (!mine.owns_lock()) return work.run();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (; size_ < helpers; ++size_) std::thread([this] { serve(); }).detach();
      work_ = &work;
      wanted_ = helpers;
    }
    for (int i = 0; i < helpers; ++i) wake_.notify_one();
    work.run();
    std::unique_lock<std::mutex> lock(mutex_);
    wanted_ = 0;  // whoever has not woken by now is not needed
    done_.wait(lock, [this] { return active_ == 0; });
    work_ = nullptr;
  }

 private:
  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return wanted_ > 0; });
      --wanted_;
      ++active_;
      Work& work = *work_;
      lock.unlock();
      work.run();
      lock.lock();
      if (--active_ == 0) done_.notify_one();
    }
  }

  std::mutex busy_, mutex_;
  std::condition_variable wake_, done_;
  Work* work_ = nullptr;
  int size_ = 0, wanted_ = 0, active_ = 0;
};

}  // namespace

void rest_while_waiting() {
#ifndef _WIN32
  if (!openmp || std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;  // whoever sets them knows why
  // LLVM's and Intel's OpenMP can be told, a thread at a time: milliseconds before a thread sleeps.
  if (const auto tell = reinterpret_cast<void (*)(int)>(openmp_function("kmp_set_blocktime"))) return tell(0);
  // GNU's cannot. Its threads spin for milliseconds, of which an encoder beside them is robbed, unless there are more of
  // them than processors: then they sleep almost at once. So there are: a team that never works.
  static const bool crowded = [] {
    const unsigned processors = std::thread::hardware_concurrency();
    if (processors > 64) return false;  // there is room beside each other, and threads are not for free
    std::promise<void> ready;
    std::thread([&ready, processors] {
      openmp([](void*) {}, nullptr, processors + 1, 0);
      ready.set_value();
      for (;;) std::this_thread::sleep_for(std::chrono::hours(24));
    }).detach();
    ready.get_future().wait();
    return true;
  }();
  (void)crowded;
#endif
}

bool shares_openmp() { return openmp != nullptr; }

void parallel_chunks(int count, int grain, int threads, void (*body)(void*, int, int), void* context) {
  if (count < 1) return;
  if (grain < 1) grain = 1;
  const int chunks = count / grain + (count % grain != 0);
  Work work{count, grain, chunks, body, context};
  if (threads > chunks) threads = chunks;
  if (threads <= 1)
    work.run();
  else if (openmp)
    openmp([](void* w) { static_cast<Work*>(w)->run(); }, &work, static_cast<unsigned>(threads), 0);
  else
    Pool::instance().run(work, threads - 1);
}

}  // namespace vst
