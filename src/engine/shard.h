#pragma once
// One core's share of the engine: its operators and receivers.
#include <mutex>

#include "engine/intake.h"

namespace weir::engine {

class Shard;

// The shards of one engine, and their shared state.
class Shards {
 public:
  // All arguments must outlive it.
  Shards(const std::vector<io::Executor*>& executors, Host& host, std::uint64_t seed);
  ~Shards();

  // Runs `work` on every core. `done` is called on the first core once every core has called the function that it was given.
  void on_all(std::function<void(Shard&, io::Task)> work, io::Task done);
  // The same for work that is complete when it returns.
  void on_all(std::function<void(Shard&)> work, io::Task done);
  std::size_t size() const { return shards_.size(); }
  Shard& at(std::size_t i) { return *shards_[i]; }
  io::Executor& home();

  Host& host;
  const EqualShares owners;
  std::atomic<std::size_t> exchange_credit{32 * 1024 * 1024};  // some 90,000 spans: more only waits longer
  // Must be held to change the set of operators and to read those of another core. Never held while a component is called.
  std::mutex roster;
  // Keeps the sums of the ledger of an operator that is destroyed. Called with the lock held.
  std::function<void(const Operator&)> remember;

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
};

// Owned by Shards. Used on the core of its executor, except operators(), which needs the roster's lock.
class Shard {
 public:
  Shard(Shards& all, std::uint16_t index, io::Executor& executor, std::uint64_t seed);
  ~Shard();

  // Makes and starts the new operators of a revision, last stages first. Operators that stay are not touched.
  Result<> make(const Revision& revision);
  Result<> start_receivers(const Revision& revision);
  // Of receivers that fetch data.
  void begin_receivers(const std::vector<LifeId>& lives);
  // Wires the operators that stay as the revision says. Cannot fail.
  void commit(const Revision& revision);

  // Of operators that leave.
  void share_listeners(const Gone& gone);
  void stop_receivers(const Gone& gone, io::Task done);
  void drain(OperatorId id);
  void drain_exporters(const Gone& gone);
  bool idle(const Gone& gone) const;
  // Number of requests of its receivers that are not answered yet.
  std::size_t open_requests(const Gone& gone) const;
  // Pushes held data once more and drops the rest. From now on all data that arrives is refused.
  void abandon(const Gone& gone);
  void destroy_stages(const Gone& gone);
  void destroy(const Gone& gone);

  // True when a stage that a request reaches at once behind this operator would refuse it or a part of it.
  bool refuses(const Operator& at) const;
  // Batches with a larger otlp::Cost::bytes go in pieces.
  std::size_t piece_bytes() const { return std::clamp<std::size_t>(all_.host.budget().limit() / 4, 256 * 1024, 64 * 1024 * 1024); }
  void fan_out(const std::vector<Operator*>& targets, Batch batch);
  std::shared_ptr<const otlp::Sought> sought() const { return sought_; }
  io::Executor& executor() { return executor_; }
  Host& host() { return all_.host; }
  std::uint16_t index() const { return index_; }
  const std::map<OperatorId, std::unique_ptr<Operator>>& operators() const { return operators_; }

 private:
  friend class Out;
  // A receiver and its intake.
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
