#pragma once
// The way of log lines from the network into the pipelines: attributes, operators, batches, and waiting while they are full.
#include <deque>

#include "components/shared/stanza/record_writer.h"
#include "engine/component.h"

namespace weir::stanza {

// Settings of every log receiver.
struct InputConfig {
  std::map<std::string, std::string> attributes, resource;
  Operators operators;
  struct Retry {
    bool enabled = false;
    Duration initial_interval = 1s, max_interval = 30s, max_elapsed_time = 5min;
    static std::span<const config::FieldInfo> fields();
  } retry_on_failure;
  config::Value storage;

  static std::span<const config::FieldInfo> fields();
  static std::span<const config::FieldInfo> fields_but_storage();
  void check(config::Context& context) const;
};

// One core. Memory is bounded: above max_unsettled bytes under way it is full, and whoever can, waits.
class Input {
 public:
  static Result<std::unique_ptr<Input>> make(const InputConfig& config, const engine::ReceiverContext& context, std::string_view transport,
                                             std::unique_ptr<Operator> first = nullptr);
  ~Input();

  // Before an entry is filled: where its texts may be made.
  Arena& memory() { return chain_->memory(); }
  // A line with its own attributes, which are in memory() or outlive the call.
  void take(Value body, std::span<const otlp::KeyValue> attributes = {});
  // The same for an entry that has more than that; attributes and resource of the settings are added where it has none.
  void take(Entry& entry);
  // What was taken so far goes on its way now; without it, after 100 ms. `done` is called when all that was taken since
  // the last flush with a `done` has arrived, or was dropped for good: then with why.
  void flush(std::move_only_function<void(Outcome)> done = nullptr);
  // Operators keep entries back.
  bool holds() const { return chain_->holds(); }

  bool full() const { return unsettled_bytes_ >= max_unsettled; }
  // Called once when there is room again.
  void on_room(io::Task task) { room_ = std::move(task); }
  // No more lines; `done` when all have arrived or were given up.
  void stop(io::Task done);

  static constexpr std::size_t max_unsettled = 8 << 20;

 private:
  struct Unsettled {
    std::uint64_t number;
    Bytes request;
    std::size_t items;
    TimePoint began;
    unsigned attempts = 0;
  };
  // Whoever wants to know when batches [first, end) are settled.
  struct Waiter {
    std::uint64_t first, end;
    std::size_t left;
    std::move_only_function<void(Outcome)> done;
    Outcome outcome;
  };
  Input(const engine::ReceiverContext& context, std::string_view transport) : context_(context), transport_(transport), name_(context.id.to_string()) {}
  void send();
  void push(std::uint64_t number);
  void settled(std::uint64_t number, Outcome outcome);
  void plan();
  void tick();
  void maybe_stopped();

  engine::ReceiverContext context_;
  std::string transport_, name_;
  InputConfig::Retry retry_;
  RecordWriter writer_;
  std::unique_ptr<Chain> chain_;
  std::vector<std::pair<std::string, Template>> attributes_, resource_;
  std::deque<Unsettled> unsettled_;
  std::size_t unsettled_bytes_ = 0;
  std::vector<Waiter> waiters_;
  std::uint64_t next_number_ = 1, waited_for_ = 1;  // batches from waited_for_ on have no waiter yet
  Outcome unclaimed_;                                 // why some of those were lost
  io::TimerId timer_ = 0;
  io::Task room_, stopped_;
  bool stopping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with callbacks that may come when we are gone
  log::RateLimit lines_;
};

}  // namespace weir::stanza
