#include "components/exporters/elasticsearch/document.h"

#include "base/text.h"
#include "components/exporters/elasticsearch/json.h"

namespace weir::exporters::elasticsearch {
namespace {

// Longer names would only be a way to make documents grow with the square of what came in.
constexpr std::size_t deepest = 32;

}  // namespace

void Document::add(std::string_view name, const otlp::Value& value) {
  Arena scratch;
  add_value(std::string(name), value, scratch);
}

void Document::add_value(std::string name, const otlp::Value& value, Arena& scratch) {
  if (value.is(otlp::ValueType::empty)) return;
  if (value.is(otlp::ValueType::map) && static_cast<std::size_t>(std::ranges::count(name, '.')) < deepest) {
    otlp::Value copy = value;
    for (auto& kv : copy.map(scratch)) add_value(name + "." + std::string(kv.key), kv.value, scratch);
    return;
  }
  std::string json;
  append_value(json, value);
  if (json != "null") fields_[std::move(name)] = std::move(json);
}

void Document::add_text(std::string_view name, std::string_view text) {
  if (!text.empty()) fields_[std::string(name)] = quote_json(text);
}

void Document::add_integer(std::string_view name, std::int64_t number) { fields_[std::string(name)] = std::to_string(number); }
void Document::add_time(std::string_view name, std::uint64_t nanos) { fields_[std::string(name)] = '"' + timestamp(nanos) + '"'; }
void Document::add_hex(std::string_view name, std::string_view bytes) { fields_[std::string(name)] = '"' + to_hex(bytes) + '"'; }

void Document::add_all(std::string_view prefix, const otlp::Attributes& attributes) {
  for (auto& kv : attributes) add(prefix.empty() ? std::string(kv.key) : fmt::format("{}.{}", prefix, kv.key), kv.value);
}

std::string Document::to_json(bool dedot) const {
  std::map<std::string, const std::string*> unique;
  for (auto& [name, json] : fields_) {
    auto below = fields_.lower_bound(name + ".");
    bool is_prefix = below != fields_.end() && below->first.starts_with(name + ".");
    unique.emplace(is_prefix ? name + ".value" : name, &json);
  }
  std::string out = "{";
  if (!dedot) {
    for (auto& [name, json] : unique) append_key(out, name), out += *json, out += ',';
    drop_comma(out);
    return out += '}';
  }
  // By paths: "a.b" stands beside "a.c", which names in plain order need not do ("a-" comes between "a" and "a.").
  std::map<std::vector<std::string_view>, const std::string*> paths;
  for (auto& [name, json] : unique) paths.emplace(split(name, '.'), json);
  std::vector<std::string_view> open;
  for (auto& [path, json] : paths) {
    std::size_t common = 0;
    while (common < open.size() && common + 1 < path.size() && open[common] == path[common]) ++common;
    for (; open.size() > common; open.pop_back()) drop_comma(out), out += "},";
    for (; open.size() + 1 < path.size(); open.push_back(path[open.size()])) append_key(out, path[open.size()]), out += '{';
    append_key(out, path.back());
    out += *json;
    out += ',';
  }
  for (; !open.empty(); open.pop_back()) drop_comma(out), out += "},";
  drop_comma(out);
  return out += '}';
}

}  // namespace weir::exporters::elasticsearch
