#pragma once
// Who holds the memory: while somebody wants to know, about one in 512 KiB of what `new` gives out is noted with its stack, until
// it is given back. Costs a branch for each allocation otherwise.
#include "components/extensions/pprof/profile.h"

// Sanitizers bring operators of their own, which must stay together: heap profiles are empty with them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_SAMPLES_HEAP 0
#elif defined(__has_feature)
#define WEIR_SAMPLES_HEAP !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer))
#else
#define WEIR_SAMPLES_HEAP 1
#endif

namespace weir::extensions::pprof {

// One at a time in a process. What was allocated before start() is not seen, nor is what libraries in C allocate.
class HeapSampler {
 public:
  // False while another one runs.
  bool start();
  void stop();
  ~HeapSampler() { stop(); }

  // Estimates of what was allocated since start() and of what of it is still in use, by stack.
  static Profile profile();

 private:
  bool running_ = false;
};

}  // namespace weir::extensions::pprof
