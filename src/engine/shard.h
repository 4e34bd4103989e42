#pragma once
// The plan on one core: one instance of each stage, their ledgers and timers.
#include "engine/out.h"
#include "engine/plan.h"

namespace weir::engine {

class Engine;
class ReceiverIntake;

// A plan node that lives on one core.
struct Node {
  Node(const PlanNode& p, std::size_t i, Shard& shard) : plan(p), index(i), out(shard, *this) {}
  const PlanNode& plan;
  std::size_t index;
  Ledger ledger;
  Out out;
  std::vector<std::vector<Node*>> ports;
  std::vector<Node*> all;  // every port, each target once
  std::unique_ptr<Stage> stage;        // null: exchange, receiver
  bool is_stage() const { return plan.role != PlanNode::Role::exchange && plan.role != PlanNode::Role::receiver; }
  std::unique_ptr<Intake> intake;      // receivers only
  bool opens = true;                   // see Stage::opens()
  io::TimerId timer = 0;
  TimePoint wake{};
  std::atomic<std::size_t> in_flight{0};  // exchange: bytes on their way to other cores
};

// Owned by Engine; everything but the ledgers belongs to the core of its executor.
class Shard {
 public:
  Shard(Engine& engine, const Plan& plan, std::uint16_t index, io::Executor& executor, std::uint64_t seed);
  ~Shard();

  // On the core: makes and starts all stages, what is behind first.
  Result<> start_stages();
  Result<> start_receivers();
  void stop_receivers(io::Task done);
  void drain(std::size_t node);
  bool idle() const;
  void abandon();
  void destroy();

  // True when a request that goes to this node would be refused, or a part of it, by a stage that it comes to at once.
  bool refuses(const Node& node) const;

  io::Executor& executor() { return executor_; }
  std::uint16_t index() const { return index_; }
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }

 private:
  friend class Out;
  void deliver(Node& to, Batch batch);
  void deliver_in_pieces(Node& to, Batch batch);
  void take(Node& to, Batch batch);
  void make_small(Batch& batch) const;
  void fan_out(const std::vector<Node*>& targets, Batch batch);
  void exchange(Node& node, Batch batch);
  bool congested(const Node& node) const;
  void arm(Node& node, TimePoint when);
  void fire(Node& node);
  Result<> make_stage(Node& node);
  std::shared_ptr<const otlp::Sought> ask_stages();

  friend class ReceiverIntake;
  Engine& engine_;
  const Plan& plan_;
  std::uint16_t index_;
  io::Executor& executor_;
  Rng rng_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::shared_ptr<const otlp::Sought> sought_;  // by the stages that take spans; one for all cores, null: nothing
  std::vector<std::unique_ptr<ReceiverIntake>> intakes_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
};

}  // namespace weir::engine
