#pragma once
// One receiver's entrance on one core. Shared by the receiver's host and the requests that are not answered yet.
#include <list>

#include "engine/operator.h"
#include "otlp/slicer.h"

namespace weir::engine {

// Lets a request in if there is room for its decoded form, opens its receipt, counts it and feeds all pipelines of its signal. A request
// whose decoded form is large goes in pieces, one for each turn of the core's loop, so that others are served in between.
class ReceiverIntake final : public Intake, public std::enable_shared_from_this<ReceiverIntake> {
 public:
  ReceiverIntake(Shard& shard, std::string id);
  ~ReceiverIntake() override;

  // Where batches of each signal go from now on; null: nowhere. The stages behind exist already.
  void wire(const std::array<Operator*, otlp::all_signals.size()>& entries);
  // Number of requests that are not answered yet. The receiver must live until it is 0.
  std::size_t open() const { return open_; }

  bool takes(Signal signal) const override { return entry_of(signal).node != nullptr; }
  std::shared_ptr<const otlp::Sought> sought(Signal signal) const override;
  void push(Batch batch, std::string_view transport, std::move_only_function<void(Outcome)> done) override;
  void refused(Signal signal, std::string_view transport, std::size_t items) override;
  // The time for the shutdown is over: settles requests in pieces that are not complete. Called while their senders can still be answered.
  void abandon();

 private:
  // The abilities of the stages behind an entry.
  struct Entry {
    Operator* node = nullptr;
    bool opens = false;             // takes it apart
    std::size_t held_per_item = 0;  // by stages that copy what they hold
  };
  struct Counters {
    telemetry::Counter &accepted, &refused;
  };
  // A request that is cut into pieces.
  struct Slow {
    Operator* node;
    otlp::Slicer pieces;
    Charge room;
    std::size_t taken = 0;  // pieces
  };

  Entry& entry_of(Signal signal) { return entries_[static_cast<std::size_t>(signal)]; }
  const Entry& entry_of(Signal signal) const { return entries_[static_cast<std::size_t>(signal)]; }
  void look_behind(Entry& entry);
  // Charges `room` for the batch's decoded form, or returns why it is not let in.
  Outcome let_in(const Entry& entry, const Batch& batch, Charge& room);
  Receipt open_receipt(Signal signal, std::string_view transport, std::size_t items, std::move_only_function<void(Outcome)> done);
  void feed(Operator& node, Batch batch);
  void take_piece();
  Outcome try_piece(Slow& slow, Batch piece);
  std::move_only_function<void(const Outcome&)> span_of(Signal signal, std::string_view transport, std::size_t items);
  Counters& counters_for(Signal signal, std::string_view transport);

  Shard& shard_;
  std::string id_;
  std::array<Entry, otlp::all_signals.size()> entries_{};
  std::size_t open_ = 0;
  bool seekers_ = false;  // there are some behind the spans' entry
  std::list<std::pair<std::pair<Signal, std::string>, Counters>> counters_;  // stable references
  std::list<Slow> slow_;
  std::shared_ptr<ReceiverIntake*> self_;  // shared with the task that takes the next piece; null in it: gone
};

}  // namespace weir::engine
