// Exceptions in spans as a counter and as log records.
#include <map>
#include <mutex>

#include "components/connectors/exceptions/config.h"
#include "components/shared/series_churn/label_text.h"
#include "engine/decode.h"
#include "engine/life.h"
#include "engine/out.h"
#include "otlp/growth.h"

namespace weir::connectors::exceptions {
namespace {

using otlp::Attributes;
using otlp::Batch;
using otlp::Value;
using series_churn::label_text;

std::string_view kind_word(std::int32_t kind) {
  constexpr std::string_view words[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
  return kind >= 0 && kind < 6 ? words[kind] : "";
}
std::string_view status_word(std::int32_t code) {
  constexpr std::string_view words[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};
  return code >= 0 && code < 3 ? words[code] : "";
}

// Of the span, else of the event, else of the resource, else the default.
std::optional<Value> value_of(const Dimension& dimension, const otlp::Span& span, const Attributes& event, const Attributes& resource) {
  for (auto* list : {&span.attributes, &event, &resource})
    if (auto* value = list->find(dimension.name)) return *value;
  if (dimension.default_value) return Value::of(std::string_view(*dimension.default_value));
  return std::nullopt;
}

// Calls back for each exception of a service, as long as it is told true.
template <class Each>
bool for_exceptions(Batch& batch, Each each) {
  Arena& arena = batch.arena();
  for (auto& group : batch.groups()) {
    auto& resource = group.resource.read(arena);
    const Value* service = resource.attributes.find("service.name");
    if (service == nullptr) continue;
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        auto& span = item.read<otlp::Span>(arena);
        for (auto& event : span.events)
          if (event.name == "exception" && !each(scope, resource, service->is(otlp::ValueType::string) ? service->text : std::string_view(), span, event)) return false;
      }
  }
  return true;
}

std::string label_of(const Value& value) {
  if (!value.is(otlp::ValueType::string)) return std::string(label_text(to_text(value)));
  return std::string(label_text(value.text));
}

class ToLogs final : public engine::Stage {
 public:
  ToLogs(const Config& config, const engine::StageContext& context) : dimensions_(config.dimensions), budget_(context.host.budget()) {}

  void process(Batch batch, engine::Out& out) override {
    Batch logs(otlp::Signal::logs);
    logs.charge = budget_.empty_charge();
    Arena& into = logs.arena();
    const otlp::ScopeGroup* open = nullptr;
    std::size_t bytes = 0;
    otlp::Growth growth(logs);
    bool fits = for_exceptions(batch, [&](otlp::ScopeGroup& scope, const otlp::Resource& resource, std::string_view service, const otlp::Span& span, const otlp::Span::Event& event) {
      if (open != &scope) {
        open = &scope;
        auto& group = logs.groups().emplace_back();
        auto* made = into.make<otlp::Scope>();
        auto& from = scope.scope.read(batch.arena());
        made->name = into.copy(from.name), made->version = into.copy(from.version);
        made->attributes = deep(from.attributes, into);
        group.resource = otlp::Lazy<otlp::Resource>(into.make<otlp::Resource>());
        group.scopes.emplace_back().scope = otlp::Lazy<otlp::Scope>(made);
      }
      logs.groups().back().scopes.back().items.push_back(otlp::Item::of(record(resource, service, span, event, into)));
      bytes += 512;
      return growth.add(0);
    });
    if (!fits) return out.outgrown(std::move(batch), growth.error());
    logs.prune();
    logs.set_bytes(bytes);
    out.count_consumed(batch.items());
    if (logs.empty()) return batch.settle({});
    logs.take_receipts(batch);
    logs.context = batch.context;
    out.emit(std::move(logs));
  }

 private:
  static Attributes deep(const Attributes& from, Arena& into) {
    Attributes out;
    for (auto& kv : from) out.push_back(into, {into.copy(kv.key), kv.value.deep_copy(into)});
    return out;
  }

  otlp::LogRecord* record(const otlp::Resource& resource, std::string_view service, const otlp::Span& span, const otlp::Span::Event& event, Arena& into) const {
    auto* out = into.make<otlp::LogRecord>();
    out->time_unix_nano = event.time_unix_nano;
    out->severity_number = 17;
    out->severity_text = "ERROR";
    out->trace_id = span.trace_id;
    out->span_id = span.span_id;
    out->attributes = deep(span.attributes, into);
    auto set = [&](std::string_view key, std::string_view text) { out->attributes.set(into, key, Value::of(into.copy(text))); };
    set("span.name", span.name);
    set("span.kind", kind_word(span.kind));
    set("status.code", status_word(span.status_code));
    set("service.name", service);
    for (auto& dimension : dimensions_)
      if (auto value = value_of(dimension, span, event.attributes, resource.attributes)) out->attributes.set(into, into.copy(dimension.name), Value::of(into.copy(label_of(*value))));
    const Value* stack = event.attributes.find("exception.stacktrace");
    set("exception.stacktrace", stack != nullptr && stack->is(otlp::ValueType::string) ? stack->text : "");
    return out;
  }

  std::vector<Dimension> dimensions_;
  Budget& budget_;
};

struct Exemplar {
  otlp::TraceId trace_id;
  otlp::SpanId span_id;
  std::uint64_t time = 0;
};
struct Series {
  std::vector<std::pair<std::string, std::string>> attributes;
  std::int64_t count = 0;
  std::optional<Exemplar> exemplar;  // since the last time
};
using AllSeries = std::map<std::string, Series>;  // by their attributes

// Cumulative counts of all cores, touched once for each batch that has an exception.
struct Totals {
  std::mutex mutex;  // guards everything below
  AllSeries series;
  Charge charge;
  UnixNanos start = 0;
};

class ToMetrics final : public engine::Stage {
 public:
  ToMetrics(const Config& config, const engine::StageContext& context)
      : config_(config),
        budget_(context.host.budget()),
        overflowed_(context.host.metrics().counter("weir_exceptions_overflowed", "Exceptions that found no room for a series of their own.", {{"connector", context.id.to_string()}})),
        totals_(engine::life_state<Totals>(context, "exceptions " + context.id.to_string())) {
    std::lock_guard lock(totals_->mutex);
    if (totals_->start != 0) return;
    totals_->start = context.executor.wall();
    totals_->charge = budget_.empty_charge();
  }

  void process(Batch batch, engine::Out& out) override {
    AllSeries found;
    Charge memory = budget_.empty_charge();
    for_exceptions(batch, [&](otlp::ScopeGroup&, const otlp::Resource& resource, std::string_view service, const otlp::Span& span, const otlp::Span::Event& event) {
      add(found, memory, resource, service, span, event);
      return true;
    });
    out.count_consumed(batch.items());
    if (found.empty()) return batch.settle({});
    Batch made = merge(std::move(found), out.wall());
    made.take_receipts(batch);
    made.context = batch.context;
    out.emit(std::move(made));
  }

 private:
  static std::size_t cost_of(std::string_view key) { return 3 * key.size() + 256; }

  void add(AllSeries& to, Charge& memory, const otlp::Resource& resource, std::string_view service, const otlp::Span& span, const otlp::Span::Event& event) const {
    std::vector<std::pair<std::string, std::string>> attributes{{"service.name", std::string(label_text(service))},
                                                                {"span.name", std::string(label_text(span.name))},
                                                                {"span.kind", std::string(kind_word(span.kind))},
                                                                {"status.code", std::string(status_word(span.status_code))}};
    for (auto& dimension : config_.dimensions)
      if (auto value = value_of(dimension, span, event.attributes, resource.attributes)) attributes.emplace_back(dimension.name, label_of(*value));
    std::string key;
    for (auto& [name, text] : attributes) key += fmt::format("{}\n{}:{}", name, text.size(), text);
    auto at = to.find(key);
    if (at == to.end()) {
      if (!memory.grow(cost_of(key))) key.clear(), attributes = overflow();
      at = to.try_emplace(std::move(key), Series{std::move(attributes), 0, {}}).first;
    }
    Series& series = at->second;
    ++series.count;
    if (config_.exemplars.enabled) series.exemplar = Exemplar{span.trace_id, span.span_id, event.time_unix_nano};
  }

  static std::vector<std::pair<std::string, std::string>> overflow() { return {{"otel.metric.overflow", "true"}}; }

  Batch merge(AllSeries found, UnixNanos now) {
    std::lock_guard lock(totals_->mutex);
    for (auto& [key, more] : found) {
      auto at = totals_->series.find(key);
      if (at == totals_->series.end()) {
        bool room = !key.empty() && totals_->series.size() < config_.max_series && totals_->charge.grow(cost_of(key));
        if (!room) overflowed_.add(static_cast<std::uint64_t>(more.count));
        if (!room) more.attributes = overflow();
        at = totals_->series.try_emplace(room ? key : std::string(), Series{more.attributes, 0, {}}).first;
      }
      at->second.count += more.count;
      if (more.exemplar) at->second.exemplar = more.exemplar;
    }
    return metrics(now);
  }

  // With the lock held, so that times and counts grow together.
  Batch metrics(UnixNanos now) {
    Batch out(otlp::Signal::metrics);
    out.charge = budget_.empty_charge();
    Arena& into = out.arena();
    auto& group = out.groups().emplace_back();
    group.resource = otlp::Lazy<otlp::Resource>(into.make<otlp::Resource>());
    auto* scope = into.make<otlp::Scope>();
    scope->name = "exceptionsconnector";
    auto& target = group.scopes.emplace_back();
    target.scope = otlp::Lazy<otlp::Scope>(scope);
    auto* metric = into.make<otlp::Metric>();
    metric->name = "exceptions";
    metric->type = otlp::MetricType::sum;
    metric->temporality = otlp::Temporality::cumulative;
    metric->is_monotonic = true;
    for (auto& [key, series] : totals_->series) {
      auto& point = metric->points.push_back(into, {});
      for (auto& [name, text] : series.attributes) point.attributes.push_back(into, {into.copy(name), Value::of(into.copy(text))});
      point.start_time_unix_nano = static_cast<std::uint64_t>(totals_->start);
      point.time_unix_nano = static_cast<std::uint64_t>(now);
      point.type = otlp::NumberType::integer;
      point.integer = series.count;
      if (auto exemplar = std::exchange(series.exemplar, std::nullopt))
        point.exemplars.push_back(into, {.time_unix_nano = exemplar->time, .type = otlp::NumberType::integer, .integer = series.count, .trace_id = exemplar->trace_id, .span_id = exemplar->span_id});
    }
    target.items.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
    out.prune();
    out.set_bytes(out.items() * 150);
    return out;
  }

  Config config_;
  Budget& budget_;
  telemetry::Counter& overflowed_;
  std::shared_ptr<Totals> totals_;  // shared by the cores
};

}  // namespace

using config::field;

std::span<const config::FieldInfo> Dimension::fields() {
  static const std::array rows{
      field<&Dimension::name>("name", "Attribute of the span, else of the event, else of the resource.", {.required = true}),
      field<&Dimension::default_value>("default", "Where there is none; otherwise it is left out."),
  };
  return rows;
}

std::span<const config::FieldInfo> Exemplars::fields() {
  static const std::array rows{field<&Exemplars::enabled>("enabled", "Points have the latest exception's trace and span.")};
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::dimensions>("dimensions", "What exceptions are told apart by, beside service.name, span.name, span.kind and status.code. Default: exception.type, exception.message."),
      field<&Config::exemplars>("exemplars", "Exemplars of the counter."),
      field<&Config::max_series>("max_series", "Series; what comes beyond is counted in one with otel.metric.overflow.", {.min = 1}),
  };
  return rows;
}

engine::Factory factory() {
  using otlp::Signal;
  return {.kind = engine::Kind::connector,
          .type = "exceptions",
          .summary = "Makes a counter and log records of exceptions in spans.",
          .conversions = {{Signal::traces, Signal::metrics}, {Signal::traces, Signal::logs}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::memory; },
          .make_stage = [](const void* erased, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            auto& config = *static_cast<const Config*>(erased);
            if (context.output_signal == Signal::logs) return std::make_unique<ToLogs>(config, context);
            return std::make_unique<ToMetrics>(config, context);
          }};
}

}  // namespace weir::connectors::exceptions
