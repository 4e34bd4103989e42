#include "components/extensions/pprof/heap.h"

#include <execinfo.h>

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <new>
#include <unordered_map>

#include "base/rng.h"

namespace weir::extensions::pprof {
namespace {

constexpr double mean_bytes = 512 * 1024;
constexpr int max_depth = 64;
// note(), the operator itself.
constexpr int own_frames = 2;

// What a sampled allocation stands for: the smaller it is, the more others were not sampled.
struct Weight {
  double count = 0, bytes = 0;
};

struct Site {
  Weight allocated, in_use;
};
using Sites = std::map<std::vector<std::uintptr_t>, Site>;

struct Live {
  Site* site;
  Weight weight;
};

// Everything that is noted. Never destroyed: memory is given back until the very end of the process.
struct Table {
  std::mutex mutex;  // guards the rest
  Sites sites;
  std::unordered_map<void*, Live> live;
};
Table& table() {
  static Table* const only = new Table;
  return *only;
}

std::atomic<bool> sampling{false};
// How many noted addresses have this hash: nearly everything that is freed was never noted, and needs no lock to know.
std::array<std::atomic<std::uint8_t>, 65'536> noted;

thread_local std::int64_t until_next = 0;
thread_local bool busy = false;  // what the bookkeeping allocates is not noted
thread_local std::uint64_t random_state = 0;

std::atomic<std::uint8_t>& noted_at(void* p) { return noted[(reinterpret_cast<std::uintptr_t>(p) * 0x9e3779b97f4a7c15ULL) >> 48]; }

double random_unit() {
  if (random_state == 0) random_state = reinterpret_cast<std::uintptr_t>(&random_state) | 1;
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return static_cast<double>(random_state >> 11) * 0x1p-53;
}

Weight weight_of(std::size_t size) {
  double chance = 1 - std::exp(-static_cast<double>(size) / mean_bytes);
  return {1 / chance, static_cast<double>(size) / chance};
}

__attribute__((noinline)) void note(void* p, std::size_t size) {
  if (busy || (until_next -= static_cast<std::int64_t>(size)) > 0) return;
  busy = true;
  until_next = static_cast<std::int64_t>(-std::log(1 - random_unit()) * mean_bytes);
  std::array<void*, max_depth> frames;
  int depth = backtrace(frames.data(), max_depth);
  std::vector<std::uintptr_t> stack;
  for (int i = own_frames; i < depth; ++i) stack.push_back(reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)]) - 1);
  {
    Table& t = table();
    std::lock_guard lock(t.mutex);
    if (sampling.load(std::memory_order_relaxed) && noted_at(p).load(std::memory_order_relaxed) < 255) {
      Weight weight = weight_of(std::max<std::size_t>(size, 1));
      Site& site = t.sites[std::move(stack)];
      for (Weight* sum : {&site.allocated, &site.in_use}) {
        sum->count += weight.count;
        sum->bytes += weight.bytes;
      }
      t.live.insert_or_assign(p, Live{&site, weight});
      noted_at(p).fetch_add(1, std::memory_order_relaxed);
    }
  }
  busy = false;
}

__attribute__((noinline)) void forget(void* p) {
  if (busy || noted_at(p).load(std::memory_order_relaxed) == 0) return;
  busy = true;
  {
    Table& t = table();
    std::lock_guard lock(t.mutex);
    if (auto at = t.live.find(p); at != t.live.end()) {
      at->second.site->in_use.count -= at->second.weight.count;
      at->second.site->in_use.bytes -= at->second.weight.bytes;
      t.live.erase(at);
      noted_at(p).fetch_sub(1, std::memory_order_relaxed);
    }
  }
  busy = false;
}

std::uint64_t rounded(double value) { return static_cast<std::uint64_t>(std::max(0.0, std::round(value))); }

}  // namespace

bool HeapSampler::start() {
  Table& t = table();
  std::array<void*, 4> warm_up;
  backtrace(warm_up.data(), static_cast<int>(warm_up.size()));
  busy = true;
  {
    std::lock_guard lock(t.mutex);
    running_ = !sampling.load(std::memory_order_relaxed);
    if (running_) {
      t.live.clear();
      t.sites.clear();
      for (auto& count : noted) count = 0;
      sampling = true;
    }
  }
  busy = false;
  return running_;
}

void HeapSampler::stop() {
  if (std::exchange(running_, false)) sampling = false;
}

Profile HeapSampler::profile() {
  Profile out{.types = {{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}},
              .period_type = {"space", "bytes"},
              .period = static_cast<std::uint64_t>(mean_bytes),
              .samples = {}};
  busy = true;
  {
    Table& t = table();
    std::lock_guard lock(t.mutex);
    for (auto& [stack, site] : t.sites)
      if (!stack.empty())
        out.samples[stack] = {rounded(site.allocated.count), rounded(site.allocated.bytes), rounded(site.in_use.count), rounded(site.in_use.bytes)};
  }
  busy = false;
  return out;
}

// Called by the operators below.
void* allocate(std::size_t size) {
  for (;;) {
    if (void* p = std::malloc(size == 0 ? 1 : size)) {
      if (sampling.load(std::memory_order_relaxed)) [[unlikely]]
        note(p, size);
      return p;
    }
    std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void release(void* p) noexcept {
  if (p != nullptr && sampling.load(std::memory_order_relaxed)) [[unlikely]]
    forget(p);
  std::free(p);
}

}  // namespace weir::extensions::pprof

// All other forms, but those for over-aligned types, call these.
#if WEIR_SAMPLES_HEAP
void* operator new(std::size_t size) { return weir::extensions::pprof::allocate(size); }
void operator delete(void* p) noexcept { weir::extensions::pprof::release(p); }
void operator delete(void* p, std::size_t) noexcept { weir::extensions::pprof::release(p); }
#endif
