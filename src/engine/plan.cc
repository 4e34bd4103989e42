#include "engine/plan.h"

#include "engine/key.h"

namespace weir::engine {

using Role = PlanNode::Role;
using config::ComponentId;

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, 5> names = {"receiver", "processor", "exporter", "connector", "extension"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view to_string(Durability durability) {
  constexpr std::array<std::string_view, 4> names = {"memory", "os", "disk", "delivered"};
  return names[static_cast<std::size_t>(durability)];
}

std::optional<Durability> StorageInfo::find(std::string_view extension) const {
  for (auto& [id, durability] : extensions)
    if (id.to_string() == extension) return durability;
  return {};
}

static bool is_keyed(const PlanNode& node) { return node.key != Key::none; }

std::string to_string(const Key& key) {
  constexpr std::array<std::string_view, 6> names = {"none", "trace_id", "service", "resource", "single", ""};
  return key.kind == Key::values ? fmt::format("{}", fmt::join(key.attributes, ", ")) : std::string(names[static_cast<std::size_t>(key.kind)]);
}

std::string_view to_string(Role role) {
  constexpr std::array<std::string_view, 5> names = {"receiver", "processor", "connector", "exporter", "exchange"};
  return names[static_cast<std::size_t>(role)];
}

std::string label(const PlanNode& node) {
  std::string name = node.component ? node.component->id.to_string() : fmt::format("by {}", to_string(node.key));
  if (node.role == Role::connector)
    return fmt::format("{} ({} to {})", name, to_string(node.signal), to_string(node.output_signal));
  return node.pipeline.empty() ? name : fmt::format("{} ({})", name, node.pipeline);
}

// Builds the nodes in three steps: instances and edges, their order, their keys.
class Planner {
 public:
  explicit Planner(PlanSpec spec) { plan_.spec_ = std::make_unique<PlanSpec>(std::move(spec)); }

  std::expected<Plan, std::vector<Error>> run() {
    for (auto& pipeline : plan_.spec_->pipelines) add_processors(pipeline);
    for (auto& pipeline : plan_.spec_->pipelines) add_sinks(pipeline);
    for (auto& pipeline : plan_.spec_->pipelines) link(pipeline);
    check_connectors();
    if (errors_.empty()) sort();
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    insert_exchanges();
    mark_answers();
    return std::move(plan_);
  }

 private:
  std::vector<PlanNode>& nodes() { return plan_.nodes_; }
  void error(std::string what) { errors_.push_back({Errc::config, std::move(what), {}}); }

  static const ComponentSpec* find(const std::vector<ComponentSpec>& specs, const ComponentId& id) {
    auto at = std::find_if(specs.begin(), specs.end(), [&](const ComponentSpec& s) { return s.id == id; });
    return at == specs.end() ? nullptr : &*at;
  }

  std::size_t add(PlanNode node) {
    nodes().push_back(std::move(node));
    return nodes().size() - 1;
  }

  void add_processors(const PipelineSpec& pipeline) {
    auto& mine = processors_[pipeline.id];
    for (auto& id : pipeline.processors) {
      const ComponentSpec* spec = find(plan_.spec_->processors, id);
      if (spec == nullptr) continue;
      if (!spec->factory->supports(pipeline.signal)) {
        error(fmt::format("service::pipelines::{}: processor \"{}\" does not support {}", pipeline.id, id.to_string(),
                          to_string(pipeline.signal)));
        continue;
      }
      check(*spec, pipeline);
      mine.push_back(add({.role = Role::processor,
                          .component = spec,
                          .pipeline = pipeline.id,
                          .signal = pipeline.signal,
                          .output_signal = pipeline.signal,
                          .key = spec->factory->key ? spec->factory->key(spec->config.get(), pipeline.signal) : Key::none}));
    }
  }

  void check(const ComponentSpec& spec, const PipelineSpec& pipeline) {
    if (spec.factory->check == nullptr) return;
    if (auto checked = spec.factory->check(spec.config.get(), pipeline.signal); !checked)
      error(fmt::format("{}s::{}: in pipeline {}: {}", to_string(spec.factory->kind), spec.id.to_string(), pipeline.id,
                        checked.error().what));
  }

  // Exporters exist once for each signal; connectors once for each conversion that pipelines ask for.
  void add_sinks(const PipelineSpec& pipeline) {
    auto& sinks = sinks_[pipeline.id];
    for (auto& id : pipeline.exporters) {
      if (auto* connector = find(plan_.spec_->connectors, id)) {
        for (std::size_t node : connector_nodes(*connector, pipeline)) sinks.push_back(node);
      } else if (auto* exporter = find(plan_.spec_->exporters, id)) {
        if (!exporter->factory->supports(pipeline.signal)) {
          error(fmt::format("service::pipelines::{}: exporter \"{}\" does not support {}", pipeline.id, id.to_string(),
                            to_string(pipeline.signal)));
          continue;
        }
        check(*exporter, pipeline);
        sinks.push_back(single(Role::exporter, *exporter, pipeline.signal, pipeline.signal));
      }
    }
  }

  std::vector<std::size_t> connector_nodes(const ComponentSpec& connector, const PipelineSpec& pipeline) {
    Signal from = pipeline.signal;
    std::vector<std::size_t> out;
    for (auto& conversion : connector.factory->conversions) {
      if (conversion.from != from || !is_source(connector.id, conversion.to)) continue;
      out.push_back(single(Role::connector, connector, from, conversion.to));
    }
    if (out.empty())
      error(fmt::format("service::pipelines::{}: connector \"{}\" used as exporter in {} pipeline but not used in any supported receiver pipeline",
                        pipeline.id, connector.id.to_string(), to_string(from)));
    return out;
  }

  bool is_source(const ComponentId& id, Signal signal) const {
    for (auto& pipeline : plan_.spec_->pipelines)
      if (pipeline.signal == signal && std::find(pipeline.receivers.begin(), pipeline.receivers.end(), id) != pipeline.receivers.end())
        return true;
    return false;
  }

  std::size_t single(Role role, const ComponentSpec& spec, Signal in, Signal out) {
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      auto& n = nodes()[i];
      if (n.role == role && n.component == &spec && n.signal == in && n.output_signal == out) return i;
    }
    Key key = spec.factory->key ? spec.factory->key(spec.config.get(), in) : Key::none;
    return add({.role = role, .component = &spec, .signal = in, .output_signal = out, .key = key});
  }

  // The first stage of a pipeline.
  const std::vector<std::size_t> entry(const PipelineSpec& pipeline) {
    auto& processors = processors_[pipeline.id];
    return processors.empty() ? sinks_[pipeline.id] : std::vector{processors.front()};
  }

  void link(const PipelineSpec& pipeline) {
    auto& processors = processors_[pipeline.id];
    for (std::size_t i = 0; i < processors.size(); ++i)
      nodes()[processors[i]].ports = {
          {pipeline.id, i + 1 < processors.size() ? std::vector{processors[i + 1]} : sinks_[pipeline.id]}};
    for (auto& id : pipeline.receivers) {
      if (auto* connector = find(plan_.spec_->connectors, id)) {
        bool fed = false;
        for (auto& n : nodes())
          if (n.role == Role::connector && n.component == connector && n.output_signal == pipeline.signal) {
            n.ports.push_back({pipeline.id, entry(pipeline)});
            fed = true;
          }
        if (!fed)
          error(fmt::format("service::pipelines::{}: connector \"{}\" used as receiver in {} pipeline but not used in any supported exporter pipeline",
                            pipeline.id, id.to_string(), to_string(pipeline.signal)));
      } else if (auto* receiver = find(plan_.spec_->receivers, id)) {
        if (!receiver->factory->supports(pipeline.signal)) {
          error(fmt::format("service::pipelines::{}: receiver \"{}\" does not support {}", pipeline.id, id.to_string(),
                            to_string(pipeline.signal)));
          continue;
        }
        check(*receiver, pipeline);
        std::size_t node = single(Role::receiver, *receiver, pipeline.signal, pipeline.signal);
        nodes()[node].ports.push_back({pipeline.id, entry(pipeline)});
      }
    }
  }

  void check_connectors() {
    for (auto& n : nodes()) {
      if (n.role != Role::connector) continue;
      std::string id = n.component->id.to_string();
      if (n.ports.empty()) error(fmt::format("connectors::{}: connector \"{}\" leads nowhere", id, id));
      auto* check = n.component->factory->check_outputs;
      if (check == nullptr) continue;
      std::vector<std::string> behind;
      for (auto& port : n.ports) behind.push_back(port.pipeline);
      if (auto checked = check(n.component->config.get(), behind); !checked) error(fmt::format("connectors::{}: {}", id, checked.error().what));
    }
  }

  void sort() {
    enum class Mark : std::uint8_t { fresh, open, done };
    std::vector<Mark> marks(nodes().size(), Mark::fresh);
    std::vector<std::size_t> order, path;
    auto visit = [&](auto& self, std::size_t at) -> bool {
      if (marks[at] == Mark::done) return true;
      path.push_back(at);
      if (marks[at] == Mark::open) return false;
      marks[at] = Mark::open;
      for (auto& port : nodes()[at].ports)
        for (std::size_t to : port.to)
          if (!self(self, to)) return false;
      marks[at] = Mark::done;
      path.pop_back();
      order.push_back(at);
      return true;
    };
    for (std::size_t i = 0; i < nodes().size(); ++i)
      if (!visit(visit, i)) return report_cycle(path);
    reorder({order.rbegin(), order.rend()});
  }

  void report_cycle(const std::vector<std::size_t>& path) {
    auto first = std::find(path.begin(), path.end(), path.back());
    std::string hops;
    for (auto at = first; at != path.end(); ++at) hops += (hops.empty() ? "" : " -> ") + label(nodes()[*at]);
    error("cycle detected: " + hops);
  }

  // `order[i]` is the old index of the node that comes i-th.
  void reorder(const std::vector<std::size_t>& order) {
    std::vector<std::size_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    std::vector<PlanNode> sorted;
    for (std::size_t old : order) sorted.push_back(std::move(nodes()[old]));
    for (auto& n : sorted)
      for (auto& port : n.ports)
        for (std::size_t& to : port.to) to = place[to];
    nodes() = std::move(sorted);
  }

  // The key by which a stream is cut when it leaves a node. `mixed`: several streams with different cuts.
  struct Cut {
    Key key = Key::none;
    bool known = false;
  };
  void join(Cut& into, const Key& key) {
    if (!into.known)
      into = {key, true};
    else if (into.key != key)
      into.key = Key::none;
  }

  Key after(const PlanNode& n, const Key& arriving) {
    if (n.role == Role::receiver || n.signal != n.output_signal) return Key::none;
    Key key = n.key != Key::none ? n.key : arriving;
    if (key.kind == Key::values) return Key::none;  // no stage says which attributes it changes
    const Factory& factory = *n.component->factory;
    if (factory.edits_resource && (key == Key::service || key == Key::resource)) return Key::none;
    if (factory.edits_trace_id && key == Key::trace_id) return Key::none;
    return key;
  }

  // Stages that need the same cut of the same stream; `feeds` are the edges over which it comes.
  struct Need {
    Key key, arriving;
    std::vector<std::pair<std::size_t, std::size_t>> feeds;  // node and port
    std::vector<std::size_t> targets;
  };

  // The nodes that feed a node. A receiver gives every batch to all of its ports, so its ports count as one.
  std::vector<std::pair<std::size_t, std::size_t>> feeds(std::size_t target) {
    std::vector<std::pair<std::size_t, std::size_t>> out;
    for (std::size_t i = 0; i < nodes().size(); ++i)
      for (std::size_t port = 0; port < nodes()[i].ports.size(); ++port) {
        auto& to = nodes()[i].ports[port].to;
        if (std::find(to.begin(), to.end(), target) == to.end()) continue;
        std::pair feed(i, nodes()[i].role == Role::receiver ? 0 : port);
        if (std::find(out.begin(), out.end(), feed) == out.end()) out.push_back(feed);
      }
    return out;
  }

  std::vector<Need> needs() {
    std::vector<Cut> arriving(nodes().size());
    std::vector<Need> out;
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      PlanNode& n = nodes()[i];
      if (n.key != Key::none && arriving[i].key != n.key) {
        Need need{n.key, arriving[i].key, feeds(i), {i}};
        auto same = [&](const Need& o) { return o.key == need.key && o.arriving == need.arriving && o.feeds == need.feeds; };
        if (auto at = std::find_if(out.begin(), out.end(), same); at != out.end())
          at->targets.push_back(i);
        else
          out.push_back(std::move(need));
      }
      n.cut = n.key != Key::none ? n.key : arriving[i].key;
      Key leaving = after(n, arriving[i].key);
      for (auto& port : n.ports)
        for (std::size_t to : port.to) join(arriving[to], leaving);
    }
    for (Need& need : out) order_as_configured(need);
    return out;
  }

  // The targets in the order of the first node that feeds them.
  void order_as_configured(Need& need) {
    if (need.feeds.empty()) return;
    std::vector<std::size_t> ordered;
    for (auto& port : nodes()[need.feeds.front().first].ports)
      for (std::size_t to : port.to)
        if (std::find(need.targets.begin(), need.targets.end(), to) != need.targets.end() &&
            std::find(ordered.begin(), ordered.end(), to) == ordered.end())
          ordered.push_back(to);
    need.targets = std::move(ordered);
  }

  std::string reason(const Need& need) {
    std::string who;
    for (std::size_t i = 0; i < need.targets.size(); ++i)
      who += (i == 0 ? "" : i + 1 < need.targets.size() ? ", " : " and ") + label(nodes()[need.targets[i]]);
    std::string input = need.arriving == Key::none ? "not cut by any key" : fmt::format("cut by {}", to_string(need.arriving));
    bool one = need.targets.size() == 1;
    return fmt::format("{} {} state by {}; {} input is {}", who, one ? "keeps" : "keep", to_string(need.key), one ? "its" : "their", input);
  }

  void insert_exchanges() {
    std::vector<Need> needed = needs();
    for (const Need& need : needed) {
      const PlanNode& first = nodes()[need.targets.front()];
      PlanNode exchange{.role = Role::exchange,
                        .pipeline = first.pipeline,
                        .signal = first.signal,
                        .output_signal = first.signal,
                        .key = need.key,
                        .why = reason(need),
                        .ports = {{first.pipeline, need.targets}}};
      std::size_t fresh = nodes().size();
      for (auto& other : nodes())
        for (auto& port : other.ports) replace(port.to, need.targets, fresh);
      nodes().push_back(std::move(exchange));
    }
    if (!needed.empty()) sort();
  }

  // Replaces the first of `targets` in `to` by `fresh`.
  static void replace(std::vector<std::size_t>& to, const std::vector<std::size_t>& targets, std::size_t fresh) {
    auto is_target = [&](std::size_t node) { return std::find(targets.begin(), targets.end(), node) != targets.end(); };
    auto at = std::find_if(to.begin(), to.end(), is_target);
    if (at == to.end()) return;
    *at = fresh;
    to.erase(std::remove_if(at + 1, to.end(), is_target), to.end());
  }

  StorageInfo storage() const {
    StorageInfo out{.data_directory = plan_.spec_->data_directory, .extensions = {}};
    for (auto& extension : plan_.spec_->extensions)
      if (auto* durability = extension.factory->durability) out.extensions.emplace_back(extension.id, durability(extension.config.get(), {}));
    return out;
  }

  void mark_answers() {
    StorageInfo disks = storage();
    for (std::size_t i = nodes().size(); i-- > 0;) {
      PlanNode& n = nodes()[i];
      n.least_answer = n.best_answer = Durability::memory;
      bool first = true;
      for (auto& port : n.ports)
        for (std::size_t to : port.to) {
          n.least_answer = first ? nodes()[to].least_answer : std::min(n.least_answer, nodes()[to].least_answer);
          n.best_answer = std::max(n.best_answer, nodes()[to].best_answer);
          first = false;
        }
      n.best_answer_behind = n.best_answer;
      auto* own = n.component ? n.component->factory->durability : nullptr;
      if (!own) continue;
      // What a stage has kept it keeps until what is behind has taken it: after that its OK is worth what that is.
      Durability worth = own(n.component->config.get(), disks);
      n.least_answer = n.ports.empty() ? worth : std::min(worth, n.least_answer);
      n.best_answer = n.ports.empty() ? worth : std::min(worth, n.best_answer);
    }
  }

  Plan plan_;
  std::vector<Error> errors_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> processors_, sinks_;
};

std::expected<Plan, std::vector<Error>> Plan::build(PlanSpec spec) { return Planner(std::move(spec)).run(); }

namespace {

std::string_view meaning(Durability durability) {
  constexpr std::array<std::string_view, 4> texts = {"in memory", "written", "on the disk", "delivered"};
  return texts[static_cast<std::size_t>(durability)];
}

}  // namespace

std::string Plan::explain() const {
  std::string out;
  std::vector<bool> shown(nodes_.size(), false);
  auto show = [&](auto& self, std::size_t at, int depth) -> void {
    const PlanNode& n = nodes_[at];
    out += std::string(static_cast<std::size_t>(depth) * 2, ' ');
    out += fmt::format("{} {}", to_string(n.role), label(n));
    if (n.role == Role::exchange)
      out += "  because " + n.why;
    else if (is_keyed(n))
      out += fmt::format("  keyed by {}", to_string(n.key));
    bool answers = n.role == Role::exporter || n.role == Role::receiver || (n.component && n.component->factory->durability);
    if (answers) out += fmt::format("  OK is {}", meaning(n.least_answer));
    if (n.role == Role::receiver && n.least_answer != n.best_answer) out += fmt::format(" to {}", meaning(n.best_answer));
    if (shown[at] && !n.ports.empty()) {
      out += "  (shown above)\n";
      return;
    }
    out += '\n';
    shown[at] = true;
    for (auto& port : n.ports) {
      if (n.role == Role::receiver || n.role == Role::connector)
        out += std::string(static_cast<std::size_t>(depth) * 2 + 2, ' ') + fmt::format("pipeline {}\n", port.pipeline);
      int indent = n.role == Role::receiver || n.role == Role::connector ? 2 : 1;
      for (std::size_t to : port.to) self(self, to, depth + indent);
    }
  };
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].role == Role::receiver) show(show, i, 0);
  return out;
}

}  // namespace weir::engine
