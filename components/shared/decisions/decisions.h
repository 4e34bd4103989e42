#pragma once
// What the samplers of this process decided, for those who want to know whether a trace was kept: exemplars that lead
// somewhere. One board for the process, found through Host::shared with board_of().
#include <atomic>
#include <mutex>

#include "engine/component.h"

namespace weir::decisions {

enum class Verdict : std::uint8_t { unknown, kept, dropped };

struct Decision {
  otlp::TraceId id;
  bool kept = false;
};

// Remembers the newest decisions: about `capacity` of them, eight bytes each. Usable from every core at once, without
// locks. When full, the oldest decisions are forgotten, dropped traces before kept ones.
// Where several samplers decide on one trace, it was kept if one of them kept it.
class Board {
 public:
  static constexpr std::size_t default_capacity = 1 << 20;  // 90 s of 10,000 traces a second; 8 MiB once all is in use

  // Somebody who decides. Hold it as long as decisions may come; then find() says more than `unknown`.
  class Sampler {
   public:
    explicit Sampler(std::shared_ptr<Board> board);
    Sampler(Sampler&&) = default;
    Sampler& operator=(Sampler&&) = delete;
    ~Sampler();

    void publish(const otlp::TraceId& id, bool kept, TimePoint when) { board_->publish({{{id, kept}}}, when); }
    // Many at once, as of one tick.
    void publish(std::span<const Decision> decisions, TimePoint when) { board_->publish(decisions, when); }

   private:
    std::shared_ptr<Board> board_;  // shared by all samplers and readers of the process; null when moved from
  };

  explicit Board(std::size_t capacity = default_capacity) : capacity_(capacity) {}
  Board(const Board&) = delete;

  // Somebody is going to ask: from now on decisions are remembered. Before, they cost nothing.
  void watch();
  // True while a sampler runs in this process.
  bool decides() const { return samplers_.load(std::memory_order_acquire) > 0; }
  Verdict find(const otlp::TraceId& id) const;

 private:
  // Traces whose hashes are alike share a set: one cache line of decisions. A word of zero is free.
  static constexpr std::size_t ways = 8;
  struct alignas(64) Set {
    std::array<std::atomic<std::uint64_t>, ways> words{};
  };
  struct Place {
    Set* set;
    std::uint64_t print;  // tells traces of one set apart
  };

  void publish(std::span<const Decision> decisions, TimePoint when);
  void put(Set* sets, const Decision& decision, std::uint64_t second);
  Place place(Set* sets, const otlp::TraceId& id) const;

  std::size_t capacity_;
  std::size_t mask_ = 0;
  std::once_flag prepared_;
  std::unique_ptr<Set[]> owned_;
  std::atomic<Set*> sets_{nullptr};  // null as long as nobody watches
  std::atomic<std::uint32_t> samplers_{0};
};

// The board of this process.
std::shared_ptr<Board> board_of(engine::Host& host);

}  // namespace weir::decisions
