#pragma once
// What a reload keeps: a plan, and for each of its nodes the operator that goes on or is made for it. Data without
// behaviour; Engine carries it out.
#include "engine/plan.h"

namespace weir::engine {

// One operator; the same on every core, never used for another one.
struct OperatorId {
  std::uint32_t value = 0;
  auto operator<=>(const OperatorId&) const = default;
};

// One life of a component: from the plan it came with to the one that has it no more, or with other settings.
struct LifeId {
  std::uint32_t value = 0;
  auto operator<=>(const LifeId&) const = default;
};

// Where ids come from. Owned by the engine.
struct Numbers {
  OperatorId last_operator{};
  LifeId last_life{};
};

struct Revision {
  Plan plan;
  std::vector<OperatorId> operators;                // of each node
  std::vector<bool> fresh;                          // of each node: made for this revision
  std::map<const ComponentSpec*, LifeId> lives;     // of components that have nodes
  std::vector<const ComponentSpec*> new_receivers;  // whose lives begin with this revision
  std::vector<LifeId> first_receivers, replacing_receivers;  // of those: with an id that was not there before, and the others
};

// What one revision has and another has not.
struct Gone {
  std::vector<OperatorId> operators;  // what feeds stands before what is fed
  std::vector<LifeId> receivers;
  bool empty() const { return operators.empty() && receivers.empty(); }
};

// A component goes on when its settings are equal, its stages were told nothing at their start that is different now (the
// pipelines behind a connector, whether an OK may come before delivery), and what they hold is cut as the new plan counts
// on; then with all of its stages, because they share state, otherwise with none.
Revision revise(Plan plan, const Revision* before, Numbers& numbers);

Gone gone(const Revision& before, const Revision& after);
// Everything.
Gone gone(const Revision& before);
// What was made for this revision.
Gone made(const Revision& revision);

}  // namespace weir::engine
