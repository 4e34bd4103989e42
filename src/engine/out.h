#pragma once
// A stage's only way to hand on, drop or refuse a batch, so that every item is counted.
#include <atomic>
#include <array>

#include "engine/component.h"

namespace weir::engine {

// Why items were dropped. The words are label values of weir_dropped_items.
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
  // Sends the batch to every stage behind this one; each gets all of it.
  void push(Batch batch);
  // Connectors: sends it to the pipeline StageContext::output_pipelines[port] only.
  void push_to(std::size_t port, Batch batch);
  // Connectors and aggregators: counts items that were made here as created and pushes them.
  void emit(Batch batch);
  // Drops a batch because of a rule or a limit: it is counted and the sender hears OK ...
  void drop(Batch batch, Reason reason);
  // ... unless `error` is given: then senders that still wait hear the error.
  void drop(Batch batch, Reason reason, Error error);
  // Counts `items` that were removed from a batch which goes on.
  void count_dropped(std::size_t items, Reason reason);
  // Count `items` that were made here, or merged into others, inside a batch which goes on.
  void count_created(std::size_t items);
  void count_consumed(std::size_t items);
  // Refuses a batch: the sender keeps it and hears `error`. If the batch is not refusable, its items are dropped.
  void refuse(Batch batch, Error error);
  // Ends a batch that has become too large for memory (otlp::Growth). It is refused or, when it never fits, dropped; if other parts of its
  // requests were accepted, its sender hears nothing of it.
  void outgrown(Batch batch, Error error);
  // Exporters: the backend has the batch.
  void delivered(Batch batch);
  // Counts `items` of a batch which goes on as delivered.
  void count_delivered(std::size_t items);
  // The batch stays on disk when this process ends; senders that still wait hear `error`.
  void stored(Batch batch, Error error);
  void count_stored(std::size_t items);
  // Connectors: the batch became part of an aggregate.
  void consumed(Batch batch);
  // Holding stages: answers the senders now. The batch goes on without receipts.
  void accept(Batch& batch);

  // Asks for a tick() at or after `when`; of several requests the earliest counts.
  void wake_at(TimePoint when);
  TimePoint now() const;
  UnixNanos wall() const;
  // True when a stage behind is full: holding stages then pass receipts on instead of answering.
  bool congested() const;

 private:
  friend struct Node;
  explicit Out(Shard& shard, Node& node) : shard_(&shard), node_(&node) {}
  Shard* shard_;
  Node* node_;
};

}  // namespace weir::engine
