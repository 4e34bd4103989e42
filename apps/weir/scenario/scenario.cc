#include "weir/scenario/scenario.h"

#include <filesystem>
#include <map>
#include <set>

#include "config/yaml.h"
#include "engine/testing.h"
#include "weir/load.h"
#include "weir/scenario/compare.h"
#include "weir/scenario/short_form.h"

namespace weir::app::scenario {
namespace {

using config::Value;
using otlp::Signal;

std::unexpected<Error> wrong(const Value& at, std::string text) { return fail(Errc::config, "{}: {}", at.mark().to_string(), text); }

// ---- from a case to a plan ----

const engine::Factory* find_component(std::string_view name) {
  auto slash = name.find('/');
  std::string_view kind = name.substr(0, slash), type = slash == name.npos ? name : name.substr(slash + 1);
  for (auto& factory : engine::component_table())
    if (factory.accepts(type) && (slash == name.npos || kind == to_string(factory.kind) || kind == fmt::format("{}s", to_string(factory.kind)))) return &factory;
  return nullptr;
}

// components/processors/batch/testdata/x.scenario is about processors/batch.
std::string component_of(const std::filesystem::path& file) {
  auto folder = std::filesystem::absolute(file).lexically_normal().parent_path();
  if (folder.filename() == "testdata") folder = folder.parent_path();
  return folder.parent_path().filename().string() + "/" + folder.filename().string();
}

Value list_of(std::string_view word) {
  Value out = Value::list();
  out.push_back(Value::string(std::string(word)));
  return out;
}

Value pipeline(std::string_view receiver, std::string_view processor, std::string_view exporter) {
  Value out = Value::map();
  out.set("receivers", list_of(receiver));
  if (!processor.empty()) out.set("processors", list_of(processor));
  out.set("exporters", list_of(exporter));
  return out;
}

// A configuration around one processor or connector.
Result<Value> around(const engine::Factory& factory, const Value& settings, Signal signal) {
  Value pipelines = Value::map(), tree = Value::map();
  auto section = [&](std::string_view name, std::string_view type, Value body) {
    Value components = Value::map();
    components.set(type, std::move(body), settings.mark());
    tree.set(name, std::move(components));
  };
  section("receivers", "nop", Value::map());
  section("exporters", "nop", Value::map());
  if (factory.kind == engine::Kind::processor) {
    section("processors", factory.type, settings);
    pipelines.set(to_string(signal), pipeline("nop", factory.type, "nop"));
  } else if (factory.kind == engine::Kind::connector) {
    section("connectors", factory.type, settings);
    for (auto& conversion : factory.conversions) {
      if (conversion.from != signal || conversion.to == Signal::profiles) continue;
      pipelines.set(fmt::format("{}/in", to_string(signal)), pipeline("nop", "", factory.type));
      pipelines.set(fmt::format("{}/out", to_string(conversion.to)), pipeline(factory.type, "", "nop"));
    }
  } else {
    return fail(Errc::config, "{} is neither a processor nor a connector; test it in a whole configuration", factory.type);
  }
  Value service = Value::map(), quiet = Value::map(), metrics = Value::map();
  metrics.set("level", Value::string("none"));
  quiet.set("metrics", std::move(metrics));
  service.set("pipelines", std::move(pipelines));
  service.set("telemetry", std::move(quiet));
  tree.set("service", std::move(service));
  return tree;
}

// The signal of the first thing that is pushed.
Result<Signal> first_signal(const Value& steps) {
  for (auto& step : steps.items())
    if (const Value* push = step.get("push")) {
      Moment moment{1};
      WEIR_ASSIGN(auto batch, read_batch(*push, moment));
      return batch.signal();
    }
  return wrong(steps, "nothing is pushed");
}

// Only this pipeline and what is behind it; its input comes from the test alone.
Result<> restrict(engine::PlanSpec& spec, const Value& wanted) {
  auto is_connector = [&](const config::ComponentId& id) {
    return std::any_of(spec.connectors.begin(), spec.connectors.end(), [&](auto& c) { return c.id == id; });
  };
  std::vector<engine::PipelineSpec> kept;
  std::vector<config::ComponentId> feeding;
  auto keep = [&](auto match) {
    for (auto& pipeline : spec.pipelines) {
      bool there = std::any_of(kept.begin(), kept.end(), [&](auto& k) { return k.id == pipeline.id; });
      if (there || !match(pipeline)) continue;
      kept.push_back(pipeline);
      for (auto& id : pipeline.exporters)
        if (is_connector(id)) feeding.push_back(id);
      return true;
    }
    return false;
  };
  auto is_fed = [&](const config::ComponentId& id) { return std::find(feeding.begin(), feeding.end(), id) != feeding.end(); };
  if (!keep([&](auto& pipeline) { return pipeline.id == wanted.text(); })) return wrong(wanted, fmt::format("there is no pipeline \"{}\"", wanted.text()));
  while (keep([&](auto& pipeline) { return std::any_of(pipeline.receivers.begin(), pipeline.receivers.end(), is_fed); })) continue;
  for (auto& pipeline : kept) std::erase_if(pipeline.receivers, [&](auto& id) { return !is_fed(id); });
  kept.front().receivers.push_back({"source", ""});
  std::erase_if(spec.connectors, [&](auto& c) { return !is_fed(c.id); });
  spec.pipelines = std::move(kept);
  return {};
}

// ---- running ----

class Case {
 public:
  Case(const Value& defaults, const Value& own, std::string file, std::size_t cores) : defaults_(defaults), own_(own), file_(std::move(file)), cores_(cores) {}

  std::string name() const {
    const Value* name = own_.get("name");
    return name ? name->text() : std::filesystem::path(file_).stem().string();
  }
  std::string place() const { return place_; }

  Result<> run() {
    for (auto& entry : own_.entries()) WEIR_TRY(known(entry, false));
    for (auto& entry : defaults_.entries()) WEIR_TRY(known(entry, true));
    const Value* steps = get("steps");
    if (steps == nullptr || !steps->is_list()) return wrong(own_, "a case needs steps");
    if (const Value* given = get("cores")) {
      cores_ = given->kind() == Value::Kind::integer ? static_cast<std::size_t>(given->as_int()) : 0;
      if (cores_ == 0 || cores_ > 64) return wrong(*given, "cores is a number from 1 to 64");
    }
    if (cores_ == 0) cores_ = 1;
    if (cores_ > 64) return wrong(own_, "at most 64 cores");
    WEIR_ASSIGN(engine::PlanSpec spec, plan(*steps));
    receivers_ = used(spec, &engine::PipelineSpec::receivers, spec.connectors);
    exporters_ = used(spec, &engine::PipelineSpec::exporters, spec.connectors);
    world_ = std::make_unique<engine::testing::World>(cores_, 1);
    world_->host().directory = "";  // nothing outlives a case
    world_->use(std::move(spec));
    WEIR_TRY(world_->try_start());
    for (auto& step : steps->items()) WEIR_TRY(run_step(step));
    return left_over();
  }

 private:
  // `shared`: beside the list of cases.
  static Result<> known(const config::Entry& entry, bool shared) {
    if (shared && entry.key == "cases") return {};
    constexpr std::array<std::string_view, 6> keys = {"name", "config", "component", "pipeline", "cores", "steps"};
    if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) return {};
    return fail(Errc::config, "{}: unknown key \"{}\" (known: {})", entry.mark.to_string(), entry.key, fmt::join(keys, ", "));
  }

  const Value* get(std::string_view key) const {
    const Value* own = own_.get(key);
    return own ? own : defaults_.get(key);
  }

  static std::vector<std::string> used(const engine::PlanSpec& spec, std::vector<config::ComponentId> engine::PipelineSpec::*ends,
                                       const std::vector<engine::ComponentSpec>& connectors) {
    std::vector<std::string> out;
    for (auto& pipeline : spec.pipelines)
      for (auto& id : pipeline.*ends) {
        bool connector = std::any_of(connectors.begin(), connectors.end(), [&](auto& c) { return c.id == id; });
        if (!connector && std::find(out.begin(), out.end(), id.to_string()) == out.end()) out.push_back(id.to_string());
      }
    return out;
  }

  Result<engine::PlanSpec> plan(const Value& steps) {
    config::Problems problems;
    std::optional<Loaded> loaded;
    const Value* config = get("config");
    bool whole = config != nullptr && (config->is_scalar() || config->get("service") != nullptr);
    if (whole && config->is_scalar()) {
      auto path = std::filesystem::path(file_).parent_path() / config->text();
      loaded = load({.uris = {path.string()}}, problems);
    } else if (whole) {
      loaded = bind(*config, problems);
    } else {
      const Value* named = get("component");
      std::string component = named ? named->text() : component_of(file_);
      const engine::Factory* factory = find_component(component);
      if (factory == nullptr) return wrong(own_, fmt::format("config is not a whole configuration, and there is no component \"{}\"", component));
      WEIR_ASSIGN(Signal signal, first_signal(steps));
      WEIR_ASSIGN(Value tree, around(*factory, config ? *config : Value::map(), signal));
      loaded = bind(std::move(tree), problems);
    }
    if (!loaded) return fail(Errc::config, "{}", problems.to_string());
    if (const Value* pipeline = get("pipeline")) WEIR_TRY(restrict(loaded->spec, *pipeline));
    return std::move(loaded->spec);
  }

  Result<> run_step(const Value& step) {
    place_ = step.mark().to_string();
    if (!step.is_map() || step.size() != 1) return wrong(step, "a step is one of push, advance, expect, stop");
    auto& [word, mark, value] = step.entries().front();
    place_ = mark.to_string();
    if (word == "push") return push(value);
    if (word == "advance") return advance(value);
    if (word == "expect") return expect(value);
    if (word == "stop") return stop();
    return fail(Errc::config, "{}: unknown step \"{}\" (push, advance, expect, stop)", mark.to_string(), word);
  }

  Result<> push(const Value& value) {
    if (stopped_) return wrong(value, "nothing can be pushed after stop");
    moment_.now = world_->simulation().clock().wall();
    WEIR_ASSIGN(auto batch, read_batch(value, moment_));
    const Value& head = value.is_list() ? value.items().front() : value;
    WEIR_ASSIGN(auto receiver, end_of(head, "receiver", receivers_));
    for (auto& group : value.items())
      for (std::string_view word : {"receiver", "core", "answer"})
        if (const Value* given = group.get(word); given && &group != &head) return wrong(*given, fmt::format("a push is one request: \"{}\" belongs to its first group", word));
    std::size_t core = pushes_++ % cores_;
    if (const Value* given = head.get("core")) core = static_cast<std::size_t>(given->as_int()) % cores_;
    auto number = world_->push_to(receiver, std::move(batch), core);
    if (const Value* wanted = head.get("answer")) return check_answer(*wanted, world_->answer(number));
    return {};
  }

  static Result<> check_answer(const Value& wanted, const std::optional<Outcome>& got) {
    std::string said = !got ? "pending" : !*got ? "ok" : fmt::format("{}: {}", to_string((*got)->code), (*got)->what);
    bool fits = said == wanted.text() || (got && *got && said.find(wanted.text()) != said.npos);
    if (!fits) return fail(Errc::invalid, "answer: expected {}, got {}", wanted.text(), said);
    return {};
  }

  // The one that is named, or the only one there is.
  static Result<std::string> end_of(const Value& step, std::string_view word, const std::vector<std::string>& ends) {
    if (const Value* named = step.get(word)) {
      if (std::find(ends.begin(), ends.end(), named->text()) == ends.end())
        return wrong(*named, fmt::format("no {} \"{}\" in use (there is {})", word, named->text(), fmt::join(ends, ", ")));
      return named->text();
    }
    if (ends.size() == 1) return ends.front();
    return wrong(step, fmt::format("name the {}: {}", word, fmt::join(ends, ", ")));
  }

  Result<> advance(const Value& value) {
    auto duration = parse_duration(value.text());
    if (!duration) return wrong(value, duration.error().what);
    if (*duration < 0s || *duration > 24h * 365) return wrong(value, "time goes forward, a year at most");
    if (!stopped_) world_->advance(*duration);
    collect();
    return {};
  }

  Result<> stop() {
    if (!std::exchange(stopped_, true)) world_->stop();
    collect();
    return {};
  }

  void collect() {
    for (auto& exporter : exporters_)
      for (auto& arrived : world_->take(exporter)) {
        auto& items = arrived_[{exporter, arrived.batch->signal()}];
        for (auto& item : items_of(*arrived.batch)) items.push_back(std::move(item));
      }
  }

  Result<> expect(const Value& value) {
    collect();
    if (value.is_scalar() && value.text() == "nothing") return nothing();
    std::span groups = value.is_list() ? std::span(value.items()) : std::span(&value, 1);
    // A group that names no exporter is about that of the group before.
    std::map<std::string, Value> by_exporter;
    std::string exporter;
    for (auto& group : groups) {
      if (exporter.empty() || group.get("exporter")) {
        WEIR_ASSIGN(exporter, end_of(group, "exporter", exporters_));
      }
      by_exporter.try_emplace(exporter, Value::list(group.mark())).first->second.push_back(group);
    }
    std::string text;
    for (auto& [name, about] : by_exporter) WEIR_TRY(compare(name, about, text));
    if (!text.empty()) return fail(Errc::invalid, "{}", text);
    return {};
  }

  // Adds what is different to `text`.
  Result<> compare(const std::string& exporter, const Value& groups, std::string& text) {
    WEIR_ASSIGN(auto expected, read_expected(groups, moment_));
    mentioned_.insert(exporter);
    for (auto& items : expected) {
      auto actual = std::exchange(arrived_[{exporter, items.signal}], {});
      std::string lines = diff(items.all, actual);
      if (!lines.empty()) text += fmt::format("{} at exporter {}: {} expected, {} arrived\n{}", to_string(items.signal), exporter, items.all.size(), actual.size(), lines);
    }
    return {};
  }

  Result<> nothing() {
    std::string text;
    for (auto& [end, items] : arrived_)
      if (!items.empty()) text += fmt::format("{} at exporter {}: 0 expected, {} arrived\n{}", to_string(end.second), end.first, items.size(), diff({}, items));
    if (!text.empty()) return fail(Errc::invalid, "{}", text);
    return {};
  }

  // An exporter that the case talks about must not get more than the case expects.
  Result<> left_over() {
    collect();
    place_ = own_.mark().to_string();
    std::erase_if(arrived_, [&](auto& entry) { return !mentioned_.contains(entry.first.first); });
    return nothing();
  }

  const Value &defaults_, &own_;
  std::string file_, place_;
  std::size_t cores_, pushes_ = 0;
  bool stopped_ = false;
  Moment moment_{0};
  std::vector<std::string> receivers_, exporters_;
  std::unique_ptr<engine::testing::World> world_;
  std::map<std::pair<std::string, Signal>, std::vector<Value>> arrived_;
  std::set<std::string> mentioned_;
};

void run_case(const Value& defaults, const Value& own, const std::string& path, std::size_t cores, Report& report) {
  Case one(defaults, own, path, cores);
  if (auto done = one.run(); !done)
    report.failures.push_back({one.name(), one.place().empty() ? path : one.place(), done.error().what});
  else
    ++report.passed;
}

}  // namespace

Result<std::vector<std::string>> find_files(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  for (auto& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (!fs::exists(path, error)) return fail(Errc::config, "{}: no such file", path);
      out.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (auto at = fs::recursive_directory_iterator(path, error); !error && at != fs::recursive_directory_iterator(); at.increment(error))
      if (auto name = at->path().string(); name.ends_with(".scenario") || name.ends_with(".test.yaml")) found.push_back(name);
    if (error) return fail(Errc::config, "{}: {}", path, error.message());
    std::sort(found.begin(), found.end());
    out.insert(out.end(), found.begin(), found.end());
  }
  if (out.empty()) return fail(Errc::config, "no *.scenario or *.test.yaml files in {}", fmt::join(paths, ", "));
  return out;
}

void run_file(const std::string& path, std::size_t cores, Report& report) {
  auto text = config::Environment::process().read_file(path);
  config::Problems problems;
  std::optional<Value> tree;
  if (text) tree = config::parse_yaml(std::make_shared<const config::Source>(config::Source{path, *text}), problems);
  if (!tree || !tree->is_map()) {
    report.failures.push_back({"", path, text ? problems.to_string() : text.error().what});
    return;
  }
  const Value none = Value::map();
  const Value* cases = tree->get("cases");
  if (cases == nullptr) return run_case(none, *tree, path, cores, report);
  if (!cases->is_list() || cases->size() == 0) {
    report.failures.push_back({"", cases->mark().to_string(), "cases is a list of at least one case"});
    return;
  }
  for (auto& one : cases->items()) run_case(*tree, one, path, cores, report);
}

std::string_view format_help() {
  return R"(A file has one case, or a list of `cases` that share the keys beside it:

  config: relay.yaml            a configuration file beside the test; or a whole configuration; or, with `component`, or in a
                                component's testdata/, the settings of that component
  component: processor/batch
  pipeline: traces/complete     only this pipeline and what its connectors feed; the test is its receiver
  cores: 4                      default 1; pushes go round
  steps:
    - push: {receiver: otlp, trace: a1, service: shop, spans: [GET, {name: db, kind: client, status: ERROR, attributes: {a: 1}}]}
    - push: {metrics: [{name: m, type: sum, value: 3}, {name: h, type: histogram, points: [{count: 1, sum: 2, buckets: [1, 0], bounds: [5]}]}]}
    - push: {resource: {k: v}, logs: [text, {body: text, severity: INFO, trace: a1}], answer: ok}
    - push: {otlp: {resourceSpans: [...]}}
    - advance: 10s              virtual time; nothing waits
    - expect: {exporter: otlp, trace: a1, spans: [GET, {name: db, attributes: {a: 1, gone: null}}]}
    - expect: nothing
    - stop:                     drains, as SIGTERM would

`expect` takes everything that arrived since the last one, in any order; of each item only the written keys are compared, null means
absent. Both may be a list of groups; those of a push are one request. Names of receivers and exporters can be left out where there
is one; a group without an exporter is about that of the group before.
)";
}

}  // namespace weir::app::scenario
