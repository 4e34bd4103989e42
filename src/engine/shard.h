#pragma once
// One core's share of the engine: its operators and receivers.
#include <mutex>

#include "engine/intake.h"

namespace weir::engine {

class Shard;

// The shards of one engine, and what they have in common.
class Shards {
 public:
  // All arguments outlive it.
  Shards(const std::vector<io::Executor*>& executors, Host& host, std::uint64_t seed);
  ~Shards();

  // Runs `work` on every core; `done` on the first one when the last has called what it was given.
  void on_all(std::function<void(Shard&, io::Task)> work, io::Task done);
  // The same for work that is over when it returns.
  void on_all(std::function<void(Shard&)> work, io::Task done);
  std::size_t size() const { return shards_.size(); }
  Shard& at(std::size_t i) { return *shards_[i]; }
  io::Executor& home();

  Host& host;
  const EqualShares owners;
  std::atomic<std::size_t> exchange_credit{32 * 1024 * 1024};  // some 90,000 spans: more only waits longer
  // Held to change which operators there are, and to look at those of another core. Never while calling a component.
  std::mutex roster;
  // Called with it held: the ledger of an operator that is gone, to keep its sums.
  std::function<void(const Operator&)> remember;

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
};

// Owned by Shards. On the core of its executor, but for operators() with the roster held.
class Shard {
 public:
  Shard(Shards& all, std::uint16_t index, io::Executor& executor, std::uint64_t seed);
  ~Shard();

  // Makes and starts what is fresh in a revision, what is behind first. Those that go on are left as they are.
  Result<> make(const Revision& revision);
  Result<> start_receivers(const Revision& revision);
  // Of those that fetch for themselves.
  void begin_receivers(const std::vector<LifeId>& lives);
  // Those that go on are wired as the revision says. Cannot fail.
  void commit(const Revision& revision);

  // Of those that leave.
  void share_listeners(const Gone& gone);
  void stop_receivers(const Gone& gone, io::Task done);
  void drain(OperatorId id);
  void drain_exporters(const Gone& gone);
  bool idle(const Gone& gone) const;
  // Requests of its receivers that nobody has answered yet.
  std::size_t open_requests(const Gone& gone) const;
  // What is held is pushed on once more, what cannot be is dropped; from now on whatever comes is turned away.
  void abandon(const Gone& gone);
  void destroy_stages(const Gone& gone);
  void destroy(const Gone& gone);

  // True when a request that goes to this operator would be refused, or a part of it, by a stage that it comes to at once.
  bool refuses(const Operator& at) const;
  // What a batch may take when it is taken apart (otlp::Cost::bytes); more goes in pieces.
  std::size_t piece_bytes() const { return std::clamp<std::size_t>(all_.host.budget().limit() / 4, 256 * 1024, 64 * 1024 * 1024); }
  void fan_out(const std::vector<Operator*>& targets, Batch batch);
  std::shared_ptr<const otlp::Sought> sought() const { return sought_; }
  io::Executor& executor() { return executor_; }
  Host& host() { return all_.host; }
  std::uint16_t index() const { return index_; }
  const std::map<OperatorId, std::unique_ptr<Operator>>& operators() const { return operators_; }

 private:
  friend class Out;
  // A receiver with its intake.
  struct Hosted {
    std::shared_ptr<ReceiverIntake> intake;  // shared with its open requests
    std::unique_ptr<Receiver> receiver;      // gone before its intake
  };

  Operator* find(OperatorId id) const;
  void check_core() const;
  Result<> make_stage(Operator& made, const PlanNode& node, const Revision& revision);
  Result<> start_receiver(const ComponentSpec& spec, const Revision& revision);
  void wire(const Revision& revision, std::size_t node);
  void wire_intake(const ComponentSpec& spec, const Revision& revision);
  std::shared_ptr<const otlp::Sought> ask_stages(const Revision& revision);

  void deliver(Operator& to, Batch batch);
  void deliver_in_pieces(Operator& to, Batch batch);
  void take(Operator& to, Batch batch);
  void make_small(Batch& batch) const;
  void turn_away(Operator& at, Batch batch);
  void exchange(Operator& at, Batch batch);
  void arrive(OperatorId exchange, Batch part, Charge& room);
  bool congested(const Operator& at) const;
  void arm(Operator& at, TimePoint when);
  void fire(Operator& at);

  Shards& all_;
  std::uint16_t index_;
  io::Executor& executor_;
  std::uint64_t seed_;
  std::map<OperatorId, std::unique_ptr<Operator>> operators_;
  std::map<LifeId, Hosted> receivers_;
  std::shared_ptr<const otlp::Sought> sought_;  // by the stages that take spans; one for all cores, null: nothing
};

}  // namespace weir::engine
