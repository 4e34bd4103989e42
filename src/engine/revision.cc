#include "engine/revision.h"

#include <set>

namespace weir::engine {
namespace {

using Role = PlanNode::Role;
constexpr std::size_t none = SIZE_MAX;

bool same_settings(const ComponentSpec& a, const ComponentSpec& b) {
  if (a.factory != b.factory || a.id != b.id) return false;
  return a.settings.empty() ? b.settings.empty() && a.config == b.config : a.settings == b.settings;
}

bool same_place(const PlanNode& a, const PlanNode& b) {
  return a.role == b.role && a.pipeline == b.pipeline && a.signal == b.signal && a.output_signal == b.output_signal;
}

// Whether the stage of `old` can serve as that of `fresh`: it would be told the same when it is made, and the data that it holds may go
// where `fresh` leads. Data that came in uncut may not, if the new way requires a cut.
bool can_be(const PlanNode& fresh, const PlanNode& old) {
  if (fresh.role == Role::receiver || fresh.role == Role::exporter) return true;
  auto same_pipeline = [](const PlanNode::Port& x, const PlanNode::Port& y) { return x.pipeline == y.pipeline; };
  bool told_the_same = fresh.best_answer_behind == old.best_answer_behind && std::ranges::equal(fresh.ports, old.ports, same_pipeline);
  return told_the_same && (fresh.cut == old.cut || fresh.cut == Key::none);
}

// Matches the nodes of a plan with those of the one before.
class Matching {
 public:
  Matching(const Plan& plan, const Revision* before) : plan_(plan), before_(before), taken_(before ? before->operators.size() : 0) {}

  // The component's spec in the revision before, if the component stays.
  const ComponentSpec* kept(const ComponentSpec& spec) const {
    const ComponentSpec* old = nullptr;
    for (auto& node : old_nodes())
      if (node.component != nullptr && same_settings(*node.component, spec)) old = node.component;
    if (old == nullptr) return nullptr;
    for (auto& node : plan_.nodes()) {
      if (node.component != &spec) continue;
      std::size_t at = find(node, old);
      if (at != none && !can_be(node, old_nodes()[at])) return nullptr;
    }
    return old;
  }

  // A receiver with this id, whatever its settings.
  bool was_there(const config::ComponentId& id) const {
    return std::ranges::any_of(old_nodes(), [&](auto& node) { return node.role == Role::receiver && node.component->id == id; });
  }

  // The node's counterpart in the plan before; each is found once.
  std::size_t take(const PlanNode& node, const ComponentSpec* old) {
    std::size_t at = find(node, old);
    if (at != none) taken_[at] = true;
    return at;
  }

  // An exchange stays if it leads to the same operators: parts that are on their way between cores must come to the operators for which
  // they were cut, or they would be lost or counted twice.
  std::size_t take_exchange(const PlanNode& node, const std::vector<OperatorId>& targets) {
    for (std::size_t i = 0; i < old_nodes().size(); ++i) {
      const PlanNode& there = old_nodes()[i];
      if (taken_[i] || there.role != Role::exchange || there.key != node.key || !same_place(node, there)) continue;
      if (targets_of(there, before_->operators) != targets) continue;
      taken_[i] = true;
      return i;
    }
    return none;
  }

  static std::vector<OperatorId> targets_of(const PlanNode& node, const std::vector<OperatorId>& operators) {
    std::vector<OperatorId> out;
    for (auto& port : node.ports)
      for (std::size_t to : port.to) out.push_back(operators[to]);
    return out;
  }

 private:
  std::span<const PlanNode> old_nodes() const { return before_ ? std::span(before_->plan.nodes()) : std::span<const PlanNode>(); }

  std::size_t find(const PlanNode& node, const ComponentSpec* old) const {
    for (std::size_t i = 0; i < old_nodes().size(); ++i) {
      const PlanNode& there = old_nodes()[i];
      if (!taken_[i] && there.component == old && same_place(node, there)) return i;
    }
    return none;
  }

  const Plan& plan_;
  const Revision* before_;
  std::vector<bool> taken_;
};

}  // namespace

Revision revise(Plan plan, const Revision* before, Numbers& numbers) {
  Revision out{std::move(plan), {}, {}, {}, {}, {}, {}};
  Matching matching(out.plan, before);
  std::map<const ComponentSpec*, const ComponentSpec*> kept;
  for (auto& node : out.plan.nodes()) {
    if (node.component == nullptr || out.lives.contains(node.component)) continue;
    const ComponentSpec* old = kept[node.component] = matching.kept(*node.component);
    out.lives[node.component] = old ? before->lives.at(old) : LifeId{++numbers.last_life.value};
    if (node.role != Role::receiver || old != nullptr) continue;
    out.new_receivers.push_back(node.component);
    (matching.was_there(node.component->id) ? out.replacing_receivers : out.first_receivers).push_back(out.lives[node.component]);
  }
  std::size_t count = out.plan.nodes().size();
  out.operators.resize(count);
  out.fresh.resize(count);
  for (std::size_t i = count; i-- > 0;) {  // what is behind first: an exchange depends on it
    const PlanNode& node = out.plan.nodes()[i];
    const ComponentSpec* old = node.component ? kept[node.component] : nullptr;
    std::size_t at = node.role == Role::exchange ? matching.take_exchange(node, Matching::targets_of(node, out.operators))
                     : old != nullptr            ? matching.take(node, old)
                                                 : none;
    out.operators[i] = at != none ? before->operators[at] : OperatorId{++numbers.last_operator.value};
    out.fresh[i] = at == none;
  }
  return out;
}

Gone gone(const Revision& before, const Revision& after) {
  std::set<OperatorId> there(after.operators.begin(), after.operators.end());
  std::set<LifeId> alive;
  for (auto& [spec, life] : after.lives) alive.insert(life);
  Gone out = gone(before);
  std::erase_if(out.operators, [&](OperatorId id) { return there.contains(id); });
  std::erase_if(out.receivers, [&](LifeId id) { return alive.contains(id); });
  return out;
}

Gone gone(const Revision& before) {
  Gone out{before.operators, {}};
  for (auto& [spec, life] : before.lives)
    if (spec->factory->kind == Kind::receiver) out.receivers.push_back(life);
  return out;
}

Gone made(const Revision& revision) {
  Gone out;
  for (std::size_t i = 0; i < revision.operators.size(); ++i)
    if (revision.fresh[i]) out.operators.push_back(revision.operators[i]);
  for (auto* spec : revision.new_receivers) out.receivers.push_back(revision.lives.at(spec));
  return out;
}

}  // namespace weir::engine
