#pragma once
// A stage's way out. Whatever happens to a batch goes through here, so that every item is counted where it went.
#include <atomic>
#include <array>

#include "engine/component.h"

namespace weir::engine {

// Why items ended here. The words are label values of weir_dropped_items.
enum class Reason : std::uint8_t {
  filtered,           // a rule of the user's: filter
  sampled_out,        // a rule of the user's: sampling decision
  late,               // arrived after the decision on its trace, which was "drop"
  evicted,            // pushed out by a limit on held items
  too_large,          // over a limit on one trace or item
  permanent_error,    // the backend refused it for good
  retries_exhausted,  // the backend did not take it within max_elapsed_time
  queue_full,         // sending_queue had no room and nobody to tell
  unroutable,         // no route matched
  cardinality,        // over a limit on series
  invalid,            // cannot be processed as it is
  shutdown,           // the time for draining was over
  count_
};
std::string_view to_string(Reason reason);

// in + created = out + consumed + delivered + refused + stored + sum(dropped) + held, at every quiescent point.
struct Ledger {
  using Cell = std::atomic<std::uint64_t>;  // written by one core
  Cell in{0}, out{0}, created{0}, consumed{0}, delivered{0}, refused{0};
  Cell stored{0};  // left on disk for the next start
  std::array<Cell, static_cast<std::size_t>(Reason::count_)> dropped{};

  static void add(Cell& cell, std::uint64_t n) {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  static std::uint64_t get(const Cell& cell) { return cell.load(std::memory_order_relaxed); }
};

class Shard;
struct Node;

class Out {
 public:
  // To everything behind the stage; each gets all of it.
  void push(Batch batch);
  // Connectors: to the pipeline StageContext::output_pipelines[port] only.
  void push_to(std::size_t port, Batch batch);
  // Connectors and aggregators: items that did not come in but were made here (counted as created, then pushed).
  void emit(Batch batch);
  // Ends here, by a rule or a limit: counted, and the sender hears OK ...
  void drop(Batch batch, Reason reason);
  // ... unless `error` is given: then whoever still waits for an answer hears it.
  void drop(Batch batch, Reason reason, Error error);
  // `items` were cut out of a batch that goes on.
  void count_dropped(std::size_t items, Reason reason);
  // `items` were made here, or became one with others, inside of a batch that goes on.
  void count_created(std::size_t items);
  void count_consumed(std::size_t items);
  // Not kept: the sender keeps it and hears `error`. Only for batches that are refusable, or the items are dropped.
  void refuse(Batch batch, Error error);
  // Exporters: the backend has it.
  void delivered(Batch batch);
  // `items` of a batch that goes on were delivered.
  void count_delivered(std::size_t items);
  // Stays on disk when this process ends; whoever still waits for an answer hears `error`.
  void stored(Batch batch, Error error);
  void count_stored(std::size_t items);
  // Connectors: it lives on in an aggregate.
  void consumed(Batch batch);
  // Holding stages: answers the senders now, keeps the data. The batch goes on without receipts.
  void accept(Batch& batch);

  // tick() comes at or after `when`; the earliest request counts.
  void wake_at(TimePoint when);
  TimePoint now() const;
  UnixNanos wall() const;
  // True when something behind is full: holding stages then pass receipts on instead of answering.
  bool congested() const;

 private:
  friend struct Node;
  explicit Out(Shard& shard, Node& node) : shard_(&shard), node_(&node) {}
  Shard* shard_;
  Node* node_;
};

}  // namespace weir::engine
