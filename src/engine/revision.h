#pragma once
// What a reload keeps: a plan, and for each of its nodes the operator that stays or is new. Data without behaviour; Engine carries it out.
#include "engine/plan.h"

namespace weir::engine {

// Names an operator on every core. Never used again for another one.
struct OperatorId {
  std::uint32_t value = 0;
  auto operator<=>(const OperatorId&) const = default;
};

// Names a component's life: from the plan that brought it to the plan that does not have it or has other settings for it.
struct LifeId {
  std::uint32_t value = 0;
  auto operator<=>(const LifeId&) const = default;
};

// The source of ids. Owned by the engine.
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

// The operators that one revision has and another does not.
struct Gone {
  std::vector<OperatorId> operators;  // what feeds stands before what is fed
  std::vector<LifeId> receivers;
  bool empty() const { return operators.empty() && receivers.empty(); }
};

// A component stays if its settings are equal, if nothing that its stages were told at their start has changed (the pipelines behind a
// connector, whether an OK may come before delivery), and if the data they hold is cut as the new plan requires. It stays with all of
// its stages or with none, because they share state.
Revision revise(Plan plan, const Revision* before, Numbers& numbers);

Gone gone(const Revision& before, const Revision& after);
// All of its operators.
Gone gone(const Revision& before);
// The operators that were made for this revision.
Gone made(const Revision& revision);

}  // namespace weir::engine
