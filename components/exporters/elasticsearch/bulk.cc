#include "components/exporters/elasticsearch/bulk.h"

#include <simdjson.h>

#include "base/text.h"
#include "components/exporters/elasticsearch/json.h"

namespace weir::exporters::elasticsearch {
namespace {

// Points of one scope that may share documents.
constexpr std::size_t most_points = 10'000;
// Each of their documents has the resource, and the names of its metrics once or twice: so much of these is written at once.
constexpr std::size_t most_repeated = 24 * 1024 * 1024;

std::string text_of(const otlp::Attributes& attributes, std::string_view key) {
  auto* value = attributes.find(key);
  return value == nullptr ? std::string() : to_text(*value);
}

}  // namespace

std::string_view Bulk::document(std::size_t number) const {
  std::size_t begin = number == 0 ? 0 : ends[number - 1];
  return std::string_view(body).substr(begin, ends[number] - begin);
}

BulkWriter::BulkWriter(const Config& config, otlp::Batch& batch, UnixNanos now) : config_(config), mapping_(config.mapping), batch_(batch), router_(config, batch.signal()), now_(now) {}

Bulk BulkWriter::next() {
  bulk_ = {};
  Arena& arena = batch_.arena();
  auto& groups = batch_.groups();
  for (; group_ < groups.size(); ++group_, scope_ = 0) {
    auto& group = groups[group_];
    for (; scope_ < group.scopes.size(); ++scope_, item_ = point_ = 0) {
      auto& scope = group.scopes[scope_];
      if (item_ == scope.items.size()) continue;
      if (full()) return std::move(bulk_);
      Surroundings around{group.resource.read(arena), scope.scope.read(arena), group.schema_url, scope.schema_url};
      if (!choose_mode(around.scope)) {
        pass_over(scope);
        continue;
      }
      do {
        switch (batch_.signal()) {
          case otlp::Signal::logs: write_logs(group, scope, around); break;
          case otlp::Signal::metrics: write_points(scope, around); break;
          default: write_spans(group, scope, around);
        }
      } while (item_ < scope.items.size() && bulk_.documents() == 0);  // many may have no form
      if (item_ < scope.items.size()) return std::move(bulk_);
    }
  }
  return std::move(bulk_);
}

// The scope's wish counts for more than the sender's, and that for more than what is configured.
bool BulkWriter::choose_mode(const otlp::Scope& scope) {
  std::string_view word;
  if (batch_.context != nullptr)
    if (auto at = batch_.context->metadata.find("x-elastic-mapping-mode"); at != batch_.context->metadata.end() && !at->second.empty()) word = at->second.front();
  if (auto* wish = scope.attributes.find("elastic.mapping.mode"); wish != nullptr && wish->is(otlp::ValueType::string)) word = wish->text;
  Mode mode = config_.mapping.mode;
  if (!word.empty()) {
    auto known = choices_of(mode);
    auto at = std::ranges::find(known, to_lower(word), &config::Choice::name);
    if (at == known.end()) return false;
    mode = static_cast<Mode>(at->value);
  }
  if (mode == Mode::bodymap && batch_.signal() != otlp::Signal::logs) return false;
  mapping_.mode = mode;
  router_.use(mode);
  return config_.mapping.allows(mode);
}

void BulkWriter::pass_over(otlp::ScopeGroup& scope) {
  for (; item_ < scope.items.size(); ++item_, point_ = 0) {
    std::size_t parts = batch_.signal() == otlp::Signal::metrics ? scope.items[item_].read<otlp::Metric>(batch_.arena()).points.size() - point_ : 1;
    for (; parts > 0; --parts) without_form_.push_back(number_++);
  }
}

void BulkWriter::write_logs(otlp::ResourceGroup&, otlp::ScopeGroup& scope, const Surroundings& around) {
  Arena& arena = batch_.arena();
  for (; item_ < scope.items.size() && !full(); ++item_, ++number_) {
    auto& record = scope.items[item_].read<otlp::LogRecord>(arena);
    if (mapping_.mode == Mode::bodymap && !record.body.is(otlp::ValueType::map)) {
      without_form_.push_back(number_);
      continue;
    }
    Index index = router_.route(record.attributes, around.scope, around.resource.attributes, now_);
    append(index, &record.attributes, {}, log_document(mapping_, around, record, index));
    bulk_.items.emplace_back(number_, bulk_.documents() - 1);
  }
}

void BulkWriter::write_spans(otlp::ResourceGroup&, otlp::ScopeGroup& scope, const Surroundings& around) {
  Arena& arena = batch_.arena();
  for (; item_ < scope.items.size() && !full(); ++item_, ++number_, part_ = 0) {
    auto& span = scope.items[item_].read<otlp::Span>(arena);
    Index index = router_.route(span.attributes, around.scope, around.resource.attributes, now_);
    if (part_ == 0) {
      append(index, nullptr, {}, span_document(mapping_, around, span, index));
      bulk_.items.emplace_back(number_, bulk_.documents() - 1);
      ++part_;
    }
    for (; mapping_.mode == Mode::otel && part_ <= span.events.size(); ++part_) {
      if (full()) return;
      auto& event = span.events[part_ - 1];
      Index place = router_.route_event(event.attributes, around.scope, around.resource.attributes, now_);
      append(place, nullptr, {}, event_document(around, span, event, place));
      bulk_.items.emplace_back(number_, bulk_.documents() - 1);
    }
  }
}

void BulkWriter::write_points(otlp::ScopeGroup& scope, const Surroundings& around) {
  struct Group {
    Index index;
    PointDocument document;
    std::vector<std::uint32_t> points;
  };
  Arena& arena = batch_.arena();
  bool otel = mapping_.mode == Mode::otel;
  std::vector<Group> groups;
  std::unordered_map<std::string, std::size_t> known;  // by index, times and attributes
  otlp::Writer writer;
  const std::size_t heads = encoded_size_at_most(around.resource) + encoded_size_at_most(around.scope);
  std::size_t taken = 0, repeated = 0;
  auto room = [&] { return taken < most_points && repeated < most_repeated; };
  for (; item_ < scope.items.size() && room(); ++item_, point_ = 0) {
    auto& metric = scope.items[item_].read<otlp::Metric>(arena);
    const std::size_t names = 2 * head_size_at_most(metric);
    for (; point_ < metric.points.size() && room(); ++point_, ++number_, ++taken) {
      auto& point = metric.points[point_];
      Index index = router_.route(point.attributes, around.scope, around.resource.attributes, now_);
      writer.clear();
      otlp::Attributes copy = point.attributes;
      encode(otlp::Value::of(&copy), writer);
      std::string key = fmt::format("{}\n{} {} {}\n", index.name, point.time_unix_nano, otel ? point.start_time_unix_nano : 0, otel ? metric.unit : std::string_view());
      key += writer.view();
      auto [at, fresh] = known.emplace(std::move(key), groups.size());
      if (fresh) groups.push_back({std::move(index), {}, {}}), repeated += heads;
      repeated += names;
      Group& group = groups[at->second];
      if (group.document.add(metric, point)) group.points.push_back(number_);
      else without_form_.push_back(number_);
    }
    if (point_ < metric.points.size()) break;
  }
  for (Group& group : groups) {
    if (group.points.empty()) continue;
    append(group.index, nullptr, otel ? group.document.dynamic_templates() : std::string(), group.document.to_json(mapping_, around, group.index));
    for (auto number : group.points) bulk_.items.emplace_back(number, bulk_.documents() - 1);
  }
}

void BulkWriter::append(const Index& index, const otlp::Attributes* attributes, std::string_view templates, std::string_view document) {
  std::string& out = bulk_.body;
  out += "{\"create\":{\"_index\":";
  append_json_string(out, index.name);
  auto member = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return;
    out += ',';
    append_key(out, key);
    append_json_string(out, value);
  };
  if (attributes != nullptr && config_.logs_dynamic_id.enabled) member("_id", text_of(*attributes, "elasticsearch.document_id"));
  if (attributes != nullptr && config_.logs_dynamic_pipeline.enabled) member("pipeline", text_of(*attributes, "elasticsearch.ingest_pipeline"));
  if (!templates.empty()) out += fmt::format(",\"dynamic_templates\":{{{}}}", templates);
  out += "}}\n";
  out += document;
  out += '\n';
  bulk_.ends.push_back(out.size());
}

Result<std::vector<Verdict>> read_answer(std::string_view body, std::size_t documents) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (auto error = parser.parse(body.data(), body.size()).get(root)) return fail(Errc::retryable, "the answer to a bulk request is no JSON: {}", simdjson::error_message(error));
  std::vector<Verdict> out;
  bool errors = true;
  simdjson::dom::array items;
  if (root["items"].get(items)) {
    if (!root["errors"].get(errors) && !errors) return std::vector<Verdict>(documents, Verdict{200, {}});
    return fail(Errc::retryable, "the answer to a bulk request says nothing of its documents");
  }
  for (simdjson::dom::element item : items) {
    simdjson::dom::object actions;
    Verdict verdict;
    if (!item.get(actions))
      for (auto [action, result] : actions) {
        if (result["status"].get(verdict.status)) verdict.status = 0;
        std::string_view type, reason;
        if (result["error"]["type"].get(type) == simdjson::SUCCESS) verdict.reason = type;
        if (result["error"]["reason"].get(reason) == simdjson::SUCCESS) verdict.reason += fmt::format(": {}", reason.substr(0, 500));
      }
    out.push_back(std::move(verdict));
  }
  if (out.size() != documents) return fail(Errc::retryable, "the answer to a bulk request is about {} documents instead of {}", out.size(), documents);
  return out;
}

}  // namespace weir::exporters::elasticsearch
