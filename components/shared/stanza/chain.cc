#include "components/shared/stanza/chain.h"

#include "base/text.h"

namespace weir::stanza {
namespace {

constexpr std::size_t most_operators = 1000;

const OperatorType* find_type(std::string_view type) {
  for (auto& known : operator_types())
    if (known.type == type) return &known;
  return nullptr;
}

std::string hint_for(std::string_view type) {
  std::vector<std::string_view> names;
  for (auto& known : operator_types()) names.push_back(known.type);
  std::string_view near = nearest(type, names);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

}  // namespace

Result<Operators> Operators::decode(const config::Value& value, config::Context& context) {
  Operators out;
  if (value.is_null()) return out;
  if (!value.is_list()) return fail(Errc::config, "expected a list of operators, got {}", value.describe());
  if (value.size() > most_operators) return fail(Errc::config, "more than {} operators", most_operators);
  std::size_t before = context.problems().errors();
  for (std::size_t i = 0; i < value.size(); ++i) {
    const config::Value& one = value.items()[i];
    config::Problems::Scope scope(context.problems(), fmt::format("{}", i));
    const config::Value* type = one.get("type");
    if (type == nullptr || !type->is_scalar()) {
      context.error(one, "missing required field 'type'");
      continue;
    }
    const OperatorType* known = find_type(type->text());
    if (known == nullptr) {
      context.error(*type, "unsupported type '{}'{}", type->text(), hint_for(type->text()));
      continue;
    }
    if (auto settings = known->read(one, context)) {
      std::string id = settings->common->id.empty() ? settings->common->type : settings->common->id;
      out.steps_.push_back({std::move(id), std::move(settings), {}});
    }
  }
  if (context.problems().errors() != before) return fail(Errc::config, "");
  WEIR_TRY(out.link());
  return out;
}

// Ids that are types get a number when there are several, names become numbers of steps.
Result<> Operators::link() {
  auto taken = [&](std::string_view id) { return std::any_of(steps_.begin(), steps_.end(), [&](auto& s) { return s.id == id; }); };
  std::map<std::string, int, std::less<>> counts;
  for (auto& step : steps_) {
    const std::string& type = step.settings->common->type;
    if (step.id != type) continue;
    int& count = counts[type];
    if (count++ == 0) continue;
    std::string id = fmt::format("{}{}", type, count - 1);
    while (taken(id)) id = fmt::format("{}{}", type, count++);
    step.id = id;
  }
  std::map<std::string_view, std::size_t> numbers;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (!numbers.emplace(steps_[i].id, i).second) return fail(Errc::config, "operator with id '{}' already exists", steps_[i].id);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (auto& id : steps_[i].settings->outputs()) {
      auto found = numbers.find(id);
      if (found == numbers.end()) return fail(Errc::config, "operator '{}' does not exist, which '{}' has as output", id, steps_[i].id);
      steps_[i].outputs.push_back(found->second);
    }
    if (steps_[i].outputs.empty() && steps_[i].settings->goes_on()) steps_[i].outputs.push_back(i + 1 < steps_.size() ? i + 1 : the_end);
  }
  return check_cycles();
}

Result<> Operators::check_cycles() const {
  enum class Mark : std::uint8_t { fresh, open, done };
  std::vector<Mark> marks(steps_.size());
  std::function<bool(std::size_t)> visit = [&](std::size_t at) {
    if (at == the_end || marks[at] == Mark::done) return true;
    if (marks[at] == Mark::open) return false;
    marks[at] = Mark::open;
    for (std::size_t next : steps_[at].outputs)
      if (!visit(next)) return false;
    marks[at] = Mark::done;
    return true;
  };
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (!visit(i)) return fail(Errc::config, "operators have a circular dependency at '{}'", steps_[i].id);
  return {};
}

config::Value Operators::encode() const {
  auto out = config::Value::list();
  for (auto& step : steps_) out.push_back(step.settings->encode());
  return out;
}

std::vector<std::string> Operators::types() const {
  std::vector<std::string> out;
  for (auto& step : steps_) out.push_back(step.settings->common->type);
  return out;
}

ChainCounters ChainCounters::of(telemetry::Registry& registry, std::string_view component) {
  auto counter = [&](std::string_view reason) {
    return &registry.counter("weir_operator_dropped_entries", "Entries that ended in an operator: filtered by the user's rule, or dropped after an error.",
                             {{"component", std::string(component)}, {"reason", std::string(reason)}});
  };
  return {counter("filtered"), counter("error")};
}

Result<std::unique_ptr<Chain>> Chain::make(const Operators& operators, Sink& sink, std::string component, ChainCounters counters,
                                           std::unique_ptr<Operator> first) {
  std::unique_ptr<Chain> out(new Chain(sink, std::move(component), counters));
  std::size_t shift = first ? 1 : 0;
  if (first) out->nodes_.push_back({std::move(first), "", {operators.steps_.empty() ? Operators::the_end : 1}});
  for (auto& step : operators.steps_) {
    WEIR_ASSIGN(auto op, step.settings->make());
    std::vector<std::size_t> outputs = step.outputs;
    for (auto& output : outputs)
      if (output != Operators::the_end) output += shift;
    out->nodes_.push_back({std::move(op), step.id, std::move(outputs)});
  }
  return out;
}

void Chain::process(Entry& entry, UnixNanos wall) {
  now = wall;
  go(nodes_.empty() ? Operators::the_end : 0, entry);
  arena.reset();
}

void Chain::go(std::size_t at, Entry& entry) {
  while (at != Operators::the_end) {
    Node& node = nodes_[at];
    if (node.op->process(entry, *this) != Operator::Then::next) return;
    if (node.outputs.size() != 1) return send(node, entry);
    at = node.outputs[0];
  }
  sink_.emit(entry);
}

void Chain::send(const Node& from, Entry& entry) {
  if (from.outputs.empty()) return filtered();
  for (std::size_t i = 0; i + 1 < from.outputs.size(); ++i) {
    Entry copy = copy_of(entry, arena);
    go(from.outputs[i], copy);
  }
  go(from.outputs.back(), entry);
}

const Chain::Node& Chain::node_of(const Operator& op) const {
  for (auto& node : nodes_)
    if (node.op.get() == &op) return node;
  WEIR_CHECK(false, "an operator of another chain");
  return nodes_.front();
}

void Chain::forward(const Operator& from, Entry& entry) { send(node_of(from), entry); }
void Chain::forward_to(const Operator& from, std::size_t output, Entry& entry) { go(node_of(from).outputs[output], entry); }

void Chain::failed(const Operator& from, const Error& error, bool dropped) {
  if (dropped && counters_.failed) counters_.failed->add(1);
  long long more = 0;
  if (error.what.empty() || !lines_.allow(more)) return;
  log::error("Failed to process entry", {{"component", component_}, {"operator_id", node_of(from).id}, {"error", error.what}, {"action", dropped ? "drop" : "send"}, {"suppressed", more}});
}

void Chain::filtered() {
  if (counters_.filtered) counters_.filtered->add(1);
}

void Chain::tick(UnixNanos wall) {
  now = wall;
  for (auto& node : nodes_)
    if (node.op->holds()) node.op->tick(*this);
  arena.reset();
}

void Chain::drain(UnixNanos wall) {
  now = wall;
  // In order: what one sends on may be held by those behind it.
  for (auto& node : nodes_) node.op->drain(*this);
  arena.reset();
}

std::optional<std::uint64_t> Chain::oldest(std::uint64_t source) const {
  std::optional<std::uint64_t> out;
  for (auto& node : nodes_)
    if (auto held = node.op->oldest(source)) out = std::min(out.value_or(*held), *held);
  return out;
}

bool Chain::holds() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](auto& node) { return node.op->holds(); });
}

}  // namespace weir::stanza
