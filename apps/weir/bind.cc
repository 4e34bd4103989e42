#include <set>

#include "base/text.h"
#include "config/component_id.h"
#include "config/field.h"
#include "weir/load.h"
#include "weir/telemetry.h"

namespace weir::app {
namespace {

using config::ComponentId;
using config::Problems;
using config::Value;
using engine::Factory;
using engine::Kind;

constexpr std::array<std::string_view, 6> section_names = {"receivers", "processors", "exporters", "connectors", "extensions", "service"};

// Reports keys that nobody knows.
void check_keys(const Value& map, std::span<const std::string_view> known, Problems& problems) {
  for (auto& entry : map.entries()) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    std::string_view near = nearest(entry.key, known);
    problems.error(entry.mark, fmt::format("'' has invalid keys: {}{}", entry.key, near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  }
}

bool expect_map(const Value& value, Problems& problems) {
  if (value.is_map() || value.is_null()) return true;
  problems.error(value.mark(), fmt::format("expected a map, got {}", value.describe()));
  return false;
}

std::vector<std::string_view> types_of(Kind kind) {
  std::vector<std::string_view> out;
  for (auto& factory : engine::component_table()) {
    if (factory.kind != kind) continue;
    out.push_back(factory.type);
    out.insert(out.end(), factory.aliases.begin(), factory.aliases.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

const Factory* find_factory(Kind kind, std::string_view type) {
  for (auto& factory : engine::component_table())
    if (factory.kind == kind && factory.accepts(type)) return &factory;
  return nullptr;
}

// Receivers that the collector's Helm chart writes into every configuration, whether a pipeline uses them or not.
constexpr std::string_view chart_receivers[] = {"jaeger", "opencensus", "prometheus", "zipkin"};

// Some pipeline lists this receiver.
bool is_used(const Value& tree, std::string_view id) {
  const Value* pipelines = tree.find("service::pipelines");
  if (pipelines == nullptr) return false;
  for (auto& pipeline : pipelines->entries()) {
    const Value* list = pipeline.value.get("receivers");
    if (list == nullptr) continue;
    if (list->is_scalar() && list->text().contains(id)) return true;
    for (auto& item : list->items())
      if (trim(item.text()) == id) return true;
  }
  return false;
}

// One section of components; decodes all of them, used or not, so that every error shows.
class Section {
 public:
  Section(Kind kind, const Value& tree, Problems& problems) : kind_(kind), tree_(tree) {
    std::string key = fmt::format("{}s", to_string(kind));
    const Value* section = tree.get(key);
    Problems::Scope scope(problems, key);
    if (section == nullptr || !expect_map(*section, problems)) return;
    for (auto& entry : section->entries()) add(entry, problems);
  }

  bool has(const ComponentId& id) const { return names_.contains(id.to_string()); }
  std::vector<std::string> names() const { return {names_.begin(), names_.end()}; }
  std::vector<engine::ComponentSpec> specs;

 private:
  void add(const config::Entry& entry, Problems& problems) {
    Problems::Scope scope(problems, entry.key);
    auto id = config::parse_component_id(entry.key);
    if (!id) return problems.error(entry.mark, id.error().what);
    if (!names_.insert(id->to_string()).second) return problems.error(entry.mark, fmt::format("duplicate id \"{}\"", id->to_string()));
    const Factory* factory = find_factory(kind_, id->type);
    if (factory == nullptr) {
      bool of_chart = kind_ == Kind::receiver && std::find(std::begin(chart_receivers), std::end(chart_receivers), id->type) != std::end(chart_receivers);
      if (of_chart && !is_used(tree_, id->to_string()))
        return problems.warning(entry.mark, fmt::format("unknown type: \"{}\"; no pipeline uses it, so it is left out", id->type));
      auto types = types_of(kind_);
      std::string_view near = nearest(id->type, types);
      return problems.error(entry.mark, fmt::format("unknown type: \"{}\" for id: \"{}\"{} (valid values: [{}])", id->type, id->to_string(),
                                                    near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near), fmt::join(types, " ")));
    }
    // The key's place stands in for a component without a body.
    Value body = entry.value;
    if (body.mark().line == 0) body.set_mark(entry.mark);
    Factory::Config config = factory->decode ? factory->decode(&body, problems) : nullptr;
    specs.push_back({std::move(*id), factory, std::move(config)});
  }

  Kind kind_;
  const Value& tree_;  // only while it is made
  std::set<std::string> names_;
};

struct Sections {
  Section receivers, processors, exporters, connectors, extensions;

  Sections(const Value& tree, Problems& problems)
      : receivers(Kind::receiver, tree, problems),
        processors(Kind::processor, tree, problems),
        exporters(Kind::exporter, tree, problems),
        connectors(Kind::connector, tree, problems),
        extensions(Kind::extension, tree, problems) {}
};

// A list of component ids, or one id as a scalar.
std::vector<std::pair<ComponentId, config::Mark>> ids(const Value* list, Problems& problems) {
  std::vector<std::pair<ComponentId, config::Mark>> out;
  auto add = [&](const Value& item) {
    auto id = config::parse_component_id(item.text());
    if (!id) return problems.error(item.mark(), id.error().what);
    out.emplace_back(std::move(*id), item.mark());
  };
  if (list == nullptr || list->is_null()) return out;
  if (list->is_scalar()) return add(*list), out;
  if (!list->is_list()) {
    problems.error(list->mark(), fmt::format("expected a list of ids, got {}", list->describe()));
    return out;
  }
  for (auto& item : list->items()) add(item);
  return out;
}

void missing(Problems& problems, const config::Mark& mark, std::string_view what, const ComponentId& id, const std::vector<std::string>& known) {
  std::vector<std::string_view> views(known.begin(), known.end());
  std::string_view near = nearest(id.to_string(), views);
  problems.error(mark, fmt::format("references {} \"{}\" which is not configured{}", what, id.to_string(),
                                   near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

class Pipelines {
 public:
  Pipelines(const Sections& sections, Problems& problems) : sections_(sections), problems_(problems) {}

  std::vector<engine::PipelineSpec> read(const Value* pipelines) {
    Problems::Scope scope(problems_, "pipelines");
    std::vector<engine::PipelineSpec> out;
    if (pipelines == nullptr || pipelines->size() == 0) {
      problems_.error(pipelines ? pipelines->mark() : config::Mark{}, "service must have at least one pipeline");
      return out;
    }
    if (!expect_map(*pipelines, problems_)) return out;
    for (auto& entry : pipelines->entries())
      if (auto one = read_one(entry)) out.push_back(std::move(*one));
    return out;
  }

 private:
  std::optional<engine::PipelineSpec> read_one(const config::Entry& entry) {
    Problems::Scope scope(problems_, entry.key);
    auto id = config::parse_component_id(entry.key);
    if (!id) return problems_.error(entry.mark, id.error().what), std::nullopt;
    std::optional<otlp::Signal> signal;
    for (otlp::Signal s : otlp::all_signals)
      if (id->type == to_string(s)) signal = s;
    if (!signal) return problems_.error(entry.mark, fmt::format("unknown pipeline signal: \"{}\" (traces, metrics, logs, profiles)", id->type)), std::nullopt;
    if (!expect_map(entry.value, problems_)) return std::nullopt;
    constexpr std::array<std::string_view, 3> known = {"receivers", "processors", "exporters"};
    check_keys(entry.value, known, problems_);

    engine::PipelineSpec out{.id = entry.key, .signal = *signal};
    ends(entry, "receiver", sections_.receivers, out.receivers);
    for (auto& [processor, mark] : ids(entry.value.get("processors"), problems_)) {
      if (!sections_.processors.has(processor)) missing(problems_, mark, "processor", processor, sections_.processors.names());
      if (std::find(out.processors.begin(), out.processors.end(), processor) != out.processors.end())
        problems_.error(mark, fmt::format("references processor \"{}\" multiple times", processor.to_string()));
      out.processors.push_back(processor);
    }
    ends(entry, "exporter", sections_.exporters, out.exporters);
    return out;
  }

  // Receivers or exporters of a pipeline; connectors stand among both.
  void ends(const config::Entry& entry, std::string_view what, const Section& section, std::vector<ComponentId>& out) {
    for (auto& [id, mark] : ids(entry.value.get(fmt::format("{}s", what)), problems_)) {
      if (!section.has(id) && !sections_.connectors.has(id)) {
        auto names = section.names();
        auto more = sections_.connectors.names();
        names.insert(names.end(), more.begin(), more.end());
        missing(problems_, mark, what, id, names);
      }
      out.push_back(id);
    }
    if (out.empty()) problems_.error(entry.mark, fmt::format("must have at least one {}", what));
  }

  const Sections& sections_;
  Problems& problems_;
};

void check_ambiguous(const Value& tree, const Sections& sections, Problems& problems) {
  for (auto& spec : sections.connectors.specs)
    for (auto [section, kind] : {std::pair(&sections.receivers, "receiver"), std::pair(&sections.exporters, "exporter")})
      if (section->has(spec.id)) {
        Problems::Scope scope(problems, "connectors");
        problems.error(tree.get("connectors")->mark(),
                       fmt::format("ambiguous ID: Found both \"{0}\" {1} and \"{0}\" connector. Change one of the components' IDs to eliminate ambiguity", spec.id.to_string(), kind));
      }
}

std::vector<engine::ComponentSpec> used_extensions(const Value* service, const Sections& sections, Problems& problems) {
  std::vector<engine::ComponentSpec> out;
  Problems::Scope scope(problems, "extensions");
  for (auto& [id, mark] : ids(service ? service->get("extensions") : nullptr, problems)) {
    auto at = std::find_if(sections.extensions.specs.begin(), sections.extensions.specs.end(), [&](auto& s) { return s.id == id; });
    if (at != sections.extensions.specs.end())
      out.push_back(*at);
    else if (!sections.extensions.has(id))
      missing(problems, mark, "extension", id, sections.extensions.names());
  }
  return out;
}

}  // namespace

std::optional<Loaded> bind(Value tree, Problems& problems) {
  if (tree.is_null() || (tree.is_map() && tree.size() == 0)) return problems.error(tree.mark(), "empty configuration file"), std::nullopt;
  if (!expect_map(tree, problems)) return std::nullopt;
  check_keys(tree, section_names, problems);
  for (auto [section, word] : {std::pair("receivers", "receiver"), std::pair("exporters", "exporter")}) {
    const Value* there = tree.get(section);
    const Value* connectors = tree.get("connectors");
    if ((there == nullptr || there->size() == 0) && (connectors == nullptr || connectors->size() == 0))
      problems.error(tree.mark(), fmt::format("no {} configuration specified in config", word));
  }
  Sections read(tree, problems);
  check_ambiguous(tree, read, problems);

  Loaded out;
  const Value* service = tree.get("service");
  {
    Problems::Scope scope(problems, "service");
    constexpr std::array<std::string_view, 3> known = {"extensions", "pipelines", "telemetry"};
    if (service != nullptr && expect_map(*service, problems)) check_keys(*service, known, problems);
    out.spec.extensions = used_extensions(service, read, problems);
    out.spec.pipelines = Pipelines(read, problems).read(service ? service->get("pipelines") : nullptr);
    out.own = read_telemetry(service ? service->get("telemetry") : nullptr, problems);
  }
  out.spec.receivers = std::move(read.receivers.specs);
  out.spec.processors = std::move(read.processors.specs);
  out.spec.exporters = std::move(read.exporters.specs);
  out.spec.connectors = std::move(read.connectors.specs);
  if (problems.failed()) return std::nullopt;
  if (auto plan = engine::Plan::build(out.spec); !plan) {
    const Value* pipelines = service ? service->get("pipelines") : nullptr;
    for (auto& error : plan.error()) problems.error(pipelines ? pipelines->mark() : config::Mark{}, error.what);
    return std::nullopt;
  }
  out.tree = std::move(tree);
  return out;
}

}  // namespace weir::app
