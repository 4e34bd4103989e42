#pragma once
// Turns a configuration into a plan: the component instances, the edges between them, the key of each stage, and where batches must be
// cut and exchanged between cores. A plan is data; Engine runs it.
#include <string>
#include <vector>

#include "engine/component.h"

namespace weir::engine {

struct ComponentSpec {
  config::ComponentId id;
  const Factory* factory = nullptr;
  Factory::Config config;  // shared with the stages made from it
  std::string settings;    // equal for equal settings, secrets included; empty: equal if `config` is the same object
};

struct PipelineSpec {
  std::string id;  // "traces/by-service"
  Signal signal{};
  std::vector<config::ComponentId> receivers, processors, exporters;  // connectors stand among either
};

struct PlanSpec {
  std::vector<ComponentSpec> receivers, processors, exporters, connectors, extensions;
  std::vector<PipelineSpec> pipelines;
  bool data_directory = false;  // there is one
};

struct PlanNode {
  enum class Role : std::uint8_t { receiver, processor, connector, exporter, exchange };
  Role role;
  const ComponentSpec* component = nullptr;  // null: exchange
  std::string pipeline;                      // processor, and exchange before one
  Signal signal{};                           // what arrives; receivers have one node for each signal
  Signal output_signal{};                    // what leaves
  Key key = Key::none;                       // what the stage needs; exchange: what it cuts by
  Key cut = Key::none;                       // what its input is cut by, whether it needs that or not
  std::string why;                           // exchange: the reason, for explain

  struct Port {
    std::string pipeline;          // connectors and receivers: the pipeline behind
    std::vector<std::size_t> to;   // nodes
  };
  std::vector<Port> ports;
  // The durability of an OK from here. Least and best, because the ways behind may differ.
  Durability least_answer = Durability::memory, best_answer = Durability::memory;
  Durability best_answer_behind = Durability::memory;  // see StageContext
};

class Plan {
 public:
  // Reports all errors at once, each in one line without its place (the configuration layer knows places).
  static std::expected<Plan, std::vector<Error>> build(PlanSpec spec);
  Plan(Plan&&) = default;
  Plan& operator=(Plan&&) = default;

  // In topological order: a node comes before the nodes that it feeds.
  const std::vector<PlanNode>& nodes() const { return nodes_; }
  const PlanSpec& spec() const { return *spec_; }
  // The plan as indented text: pipelines, stages, keys, exchanges and the reason for each exchange.
  std::string explain() const;

 private:
  friend class Planner;
  Plan() = default;
  std::unique_ptr<PlanSpec> spec_;  // nodes point into it
  std::vector<PlanNode> nodes_;
};

std::string_view to_string(PlanNode::Role role);
// "otlp/in", "batch (traces/a)", "by trace_id (traces/a)"
std::string label(const PlanNode& node);

}  // namespace weir::engine
