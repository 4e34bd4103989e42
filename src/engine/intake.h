#pragma once
// One receiver's way in on one core. Shared by who hosts the receiver and the requests that are not answered yet.
#include <list>

#include "engine/operator.h"
#include "otlp/slicer.h"

namespace weir::engine {

// Lets a request in when there is room for all that it becomes, opens its receipt, counts it and feeds all pipelines of its
// signal. A request that takes much when taken apart goes in pieces, one for each turn of the core's loop, so that others are
// served in between.
class ReceiverIntake final : public Intake, public std::enable_shared_from_this<ReceiverIntake> {
 public:
  ReceiverIntake(Shard& shard, std::string id);
  ~ReceiverIntake() override;

  // Where batches go from now on, for each signal; null: nowhere. The stages behind exist already.
  void wire(const std::array<Operator*, otlp::all_signals.size()>& entries);
  // Requests that are not answered yet. A receiver must not go before.
  std::size_t open() const { return open_; }

  bool takes(Signal signal) const override { return entry_of(signal).node != nullptr; }
  std::shared_ptr<const otlp::Sought> sought(Signal signal) const override;
  void push(Batch batch, std::string_view transport, std::move_only_function<void(Outcome)> done) override;
  void refused(Signal signal, std::string_view transport, std::size_t items) override;
  // Shutdown's time is over: settles what is not taken yet of requests in pieces. While whoever waits for answers is still there.
  void abandon();

 private:
  // What the stages behind an entry may do with a request.
  struct Entry {
    Operator* node = nullptr;
    bool opens = false;             // takes it apart
    std::size_t held_per_item = 0;  // by stages that copy what they hold
  };
  struct Counters {
    telemetry::Counter &accepted, &refused;
  };
  // A request that goes in pieces.
  struct Slow {
    Operator* node;
    otlp::Slicer pieces;
    Charge room;
    std::size_t taken = 0;  // pieces
  };

  Entry& entry_of(Signal signal) { return entries_[static_cast<std::size_t>(signal)]; }
  const Entry& entry_of(Signal signal) const { return entries_[static_cast<std::size_t>(signal)]; }
  void look_behind(Entry& entry);
  // Charges `room` for what the batch becomes, or says why it stays outside.
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
