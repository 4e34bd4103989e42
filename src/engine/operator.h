#pragma once
// One stage on one core, with everything that a reload keeps.
#include "base/rng.h"
#include "engine/exchange.h"
#include "engine/out.h"
#include "engine/revision.h"

namespace weir::engine {

struct Node;
using Operator = Node;

// Stage, Out, ledger, timer, random numbers and own metrics: they stay when a reload puts the stage into another plan. A plan changes only
// which stages come behind it (Shard::wire). Owned by a Shard, on its core; other cores may read the ledger.
struct Node {
  Node(OperatorId its_id, const PlanNode& node, Shard& shard, std::uint64_t seed)
      : id(its_id),
        role(node.role),
        signal(node.signal),
        label(engine::label(node)),
        config(node.component ? node.component->config : nullptr),
        rng(seed),
        out(shard, *this) {}

  const OperatorId id;
  const PlanNode::Role role;
  const Signal signal;
  const std::string label;
  const Factory::Config config;  // the stage may refer to it
  Rng rng;
  Ledger ledger;
  Out out;
  std::unique_ptr<Exchange> exchange;  // of exchanges only
  std::unique_ptr<Stage> stage;        // null: exchange, receiver, or not made yet
  io::TimerId timer = 0;
  TimePoint wake{};
  bool opens = true;    // see Stage::opens()
  bool closed = false;  // its time is over: whatever still comes is turned away

  // Wiring.
  std::vector<std::vector<Operator*>> ports;
  std::vector<Operator*> all;  // of every port, each once
};

}  // namespace weir::engine
