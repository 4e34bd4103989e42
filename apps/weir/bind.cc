#include <sys/stat.h>

#include <set>

#include "base/text.h"
#include "config/component_id.h"
#include "config/field.h"
#include "weir/load.h"
#include "weir/telemetry.h"
#include "weir/upstream_types.h"

namespace weir::app {
namespace {

using config::ComponentId;
using config::Problems;
using config::Value;
using engine::Factory;
using engine::Kind;

constexpr std::array<std::string_view, 6> section_names = {"receivers", "processors", "exporters", "connectors", "extensions", "service"};

// "pipelines" of "service::pipelines"; the whole configuration has no name.
std::string_view last_step(std::string_view path) {
  auto at = path.rfind("::");
  return at == path.npos ? path : path.substr(at + 2);
}

// Reports keys that nobody knows.
void check_keys(const Value& map, std::span<const std::string_view> known, Problems& problems) {
  for (auto& entry : map.entries()) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    std::string_view near = nearest(entry.key, known);
    problems.error(entry.mark, fmt::format("'{}' has invalid keys: {}{}", last_step(problems.path()), entry.key,
                                           near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
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

// The ids that pipelines and service::extensions name.
class Used {
 public:
  explicit Used(const Value& tree) {
    const Value* service = tree.get("service");
    if (service == nullptr) return;
    add(service->get("extensions"), extensions_);
    if (const Value* pipelines = service->get("pipelines"))
      for (auto& pipeline : pipelines->entries())
        for (auto list : {"receivers", "processors", "exporters"}) add(pipeline.value.get(list), in_pipelines_);
  }
  bool has(Kind kind, const ComponentId& id) const {
    return (kind == Kind::extension ? extensions_ : in_pipelines_).contains(id.to_string());
  }

 private:
  static void add(const Value* list, std::set<std::string>& to) {
    if (list == nullptr) return;
    for (auto& item : list->items())
      if (auto id = config::parse_component_id(item.text())) to.insert(id->to_string());
  }
  std::set<std::string> in_pipelines_, extensions_;
};

// Files that settings name are read at the start only; other contents make other settings.
void add_file_stamps(const Value& value, std::string& out) {
  for (auto& item : value.items()) add_file_stamps(item, out);
  for (auto& entry : value.entries()) {
    add_file_stamps(entry.value, out);
    struct stat info{};
    if (!entry.key.ends_with("_file") || !entry.value.is_scalar() || ::stat(entry.value.text().c_str(), &info) != 0) continue;
    out += fmt::format(" {}@{}.{}:{}", entry.key, info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size);
  }
}

// Equal for equal settings, secrets included: never shown.
std::string settings_text(const Value& value) {
  std::string out = config::to_json(value);
  add_file_stamps(value, out);
  return out;
}

// One section of components; decodes all of them, used or not, so that every error shows.
class Section {
 public:
  Section(Kind kind, const Value* section, const Used& used, Problems& problems) : kind_(kind), used_(used) {
    Problems::Scope scope(problems, fmt::format("{}s", to_string(kind)));
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
    std::optional<Problems::Unused> unused;
    if (!used_.has(kind_, *id)) unused.emplace(problems);
    const Factory* factory = find_factory(kind_, id->type);
    if (factory == nullptr) return lacking(*id, entry.mark, unused.has_value(), problems);
    // The key's place stands in for a component without a body.
    Value body = entry.value;
    if (body.mark().line == 0) body.set_mark(entry.mark);
    Factory::Config config = factory->decode ? factory->decode(&body, problems) : nullptr;
    specs.push_back({std::move(*id), factory, std::move(config), settings_text(body)});
  }

  void lacking(const ComponentId& id, const config::Mark& mark, bool unused, Problems& problems) const {
    if (is_upstream_type(kind_, id.type)) {
      std::string what = fmt::format("the collector has a {} \"{}\", this build does not", to_string(kind_), id.type);
      if (unused) return problems.warning(mark, what + "; nothing uses it, so it is left out");
      return problems.error(mark, fmt::format("unknown type: \"{}\" for id: \"{}\": {}", id.type, id.to_string(), what));
    }
    auto types = types_of(kind_);
    std::string_view near = nearest(id.type, types);
    problems.error(mark, fmt::format("unknown type: \"{}\" for id: \"{}\"{} (valid values: [{}])", id.type, id.to_string(),
                                     near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near), fmt::join(types, " ")));
  }

  Kind kind_;
  const Used& used_;
  std::set<std::string> names_;
};

struct Sections {
  Section receivers, processors, exporters, connectors, extensions;

  Sections(const Value& tree, const Used& used, Problems& problems)
      : receivers(Kind::receiver, tree.get("receivers"), used, problems),
        processors(Kind::processor, tree.get("processors"), used, problems),
        exporters(Kind::exporter, tree.get("exporters"), used, problems),
        connectors(Kind::connector, tree.get("connectors"), used, problems),
        extensions(Kind::extension, tree.get("extensions"), used, problems) {}
};

// A list of component ids.
std::vector<std::pair<ComponentId, config::Mark>> ids(const Value* list, Problems& problems) {
  std::vector<std::pair<ComponentId, config::Mark>> out;
  auto add = [&](const Value& item) {
    auto id = config::parse_component_id(item.text());
    if (!id) return problems.error(item.mark(), id.error().what);
    out.emplace_back(std::move(*id), item.mark());
  };
  if (list == nullptr || list->is_null()) return out;
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

// Settings that name an extension: it must run, and be able to do what is asked for.
void check_references(const engine::PlanSpec& spec, Problems& problems) {
  for (auto& reference : problems.references()) {
    Problems::Scope scope(problems, reference.path);
    auto id = config::parse_component_id(reference.id);
    if (!id) {
      problems.error(reference.mark, id.error().what);
      continue;
    }
    auto at = std::find_if(spec.extensions.begin(), spec.extensions.end(), [&](auto& s) { return s.id == *id; });
    if (at == spec.extensions.end()) {
      problems.error(reference.mark, fmt::format("extension \"{}\" is not in service::extensions", reference.id));
      continue;
    }
    auto offers = at->factory->offers;
    if (at->config && (offers == nullptr || !offers(at->config.get(), reference.role)))
      problems.error(reference.mark, fmt::format("extension \"{}\" does not offer {}", reference.id, reference.role));
  }
}

// Without the components that have errors of their own.
engine::PlanSpec sound(engine::PlanSpec spec) {
  for (auto* all : {&spec.receivers, &spec.processors, &spec.exporters, &spec.connectors, &spec.extensions})
    std::erase_if(*all, [](auto& one) { return one.config == nullptr; });
  return spec;
}

// The place of what the planner found: its messages begin with a path into the configuration.
const config::Entry* entry_at(const Value& tree, std::string_view& message, std::string& path) {
  const Value* at = &tree;
  const config::Entry* found = nullptr;
  while (at->is_map()) {
    const config::Entry* next = nullptr;
    for (auto& entry : at->entries())
      if (message.starts_with(entry.key) && (message.substr(entry.key.size()).starts_with("::") || message.substr(entry.key.size()).starts_with(": ")))
        next = &entry;
    if (next == nullptr) break;
    message.remove_prefix(next->key.size() + 2);
    path += (path.empty() ? "" : "::") + next->key;
    found = next;
    at = &next->value;
  }
  return found;
}

// The list item of a pipeline that a message names in quotes.
config::Mark place_of(const config::Entry& entry, std::string_view message) {
  for (auto& list : entry.value.entries())
    for (auto& item : list.value.items())
      if (message.find(fmt::format("\"{}\"", item.text())) != message.npos) return item.mark();
  return entry.mark;
}

void check_plan(const engine::PlanSpec& spec, const Value& tree, Problems& problems) {
  auto plan = engine::Plan::build(sound(spec));
  if (plan) return;
  for (auto& error : plan.error()) {
    std::string_view message = error.what;
    std::string path;
    const config::Entry* entry = entry_at(tree, message, path);
    if (entry == nullptr) entry = tree.get("service") ? tree.get("service")->entry("pipelines") : nullptr;
    Problems::Scope scope(problems, path);
    problems.error(entry ? place_of(*entry, message) : config::Mark{}, std::string(message));
  }
}

// A configuration of about 0.89 says so by what later collectors removed.
bool is_old_dialect(const Value& tree) {
  auto has = [&](std::string_view section, std::string_view type) {
    const Value* found = tree.get(section);
    return found && std::any_of(found->entries().begin(), found->entries().end(),
                                [&](auto& entry) { return entry.key == type || entry.key.starts_with(fmt::format("{}/", type)); });
  };
  return tree.find("service::telemetry::metrics::address") || has("extensions", "memory_ballast") || has("exporters", "logging");
}

// Until 0.104 servers listened on every address unless told otherwise.
void old_default(Value& settings, const config::Mark& mark, std::string_view endpoint, Problems& problems, std::vector<std::string>& notes) {
  if (settings.get("endpoint")) return;
  if (settings.mark().line == 0) settings.set_mark(mark);
  settings.set("endpoint", Value::string(std::string(endpoint), mark), mark);
  std::string what = fmt::format("listens on {}, as in the collectors this configuration was written for (it has telemetry.metrics.address, "
                                 "memory_ballast or logging); newer ones listen on localhost: name an endpoint", endpoint);
  notes.push_back(fmt::format("{} {}", problems.path(), what));
  problems.warning(mark, std::move(what));
}

void old_defaults(Value& tree, Problems& problems, std::vector<std::string>& notes) {
  auto each = [&](std::string_view section, std::string_view type, auto f) {
    Value* found = tree.get(section);
    if (found == nullptr) return;
    for (auto& entry : found->entries())
      if (entry.key == type || entry.key.starts_with(fmt::format("{}/", type))) {
        Problems::Scope scope(problems, fmt::format("{}::{}", section, entry.key));
        f(entry);
      }
  };
  each("extensions", "health_check", [&](config::Entry& entry) {
    if (entry.value.is_null() || (entry.value.is_map() && !entry.value.get("use_v2"))) old_default(entry.value, entry.mark, "0.0.0.0:13133", problems, notes);
  });
  for (auto type : {"k8sattributes", "k8s_attributes"})
    each("processors", type, [&](config::Entry& entry) {
      if (entry.value.is_null() || (entry.value.is_map() && !entry.value.get("connection_ip"))) entry.value.set("connection_ip", Value::of(true, entry.mark), entry.mark);
    });
  each("receivers", "otlp", [&](config::Entry& entry) {
    Value* protocols = entry.value.get("protocols");
    if (protocols == nullptr) return;
    for (auto& protocol : protocols->entries())
      if (protocol.value.is_null() || protocol.value.is_map()) old_default(protocol.value, protocol.mark, protocol.key == "grpc" ? "0.0.0.0:4317" : "0.0.0.0:4318", problems, notes);
  });
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
  Loaded out;
  if (is_old_dialect(tree)) old_defaults(tree, problems, out.notes);
  Used used(tree);
  Sections read(tree, used, problems);
  check_ambiguous(tree, read, problems);

  const Value* service = tree.get("service");
  {
    Problems::Scope scope(problems, "service");
    constexpr std::array<std::string_view, 3> known = {"extensions", "pipelines", "telemetry"};
    if (service != nullptr && expect_map(*service, problems)) check_keys(*service, known, problems);
    out.spec.extensions = used_extensions(service, read, problems);
    out.spec.pipelines = Pipelines(read, problems).read(service ? service->get("pipelines") : nullptr);
    const Value* telemetry = service ? service->get("telemetry") : nullptr;
    out.own = read_telemetry(telemetry, problems);
    out.own.settings = telemetry ? settings_text(*telemetry) : "none";
  }
  out.spec.receivers = std::move(read.receivers.specs);
  out.spec.processors = std::move(read.processors.specs);
  out.spec.exporters = std::move(read.exporters.specs);
  out.spec.connectors = std::move(read.connectors.specs);
  check_references(out.spec, problems);
  check_plan(out.spec, tree, problems);
  if (problems.failed()) return std::nullopt;
  out.tree = std::move(tree);
  return out;
}

}  // namespace weir::app
