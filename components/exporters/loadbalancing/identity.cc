#include "components/exporters/loadbalancing/identity.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::exporters::loadbalancing {
namespace {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

// FNV-1a, 64 bit, going on from `hash`.
std::uint64_t fnv(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325) {
  for (unsigned char c : bytes) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

void put_word(std::string& out, std::uint64_t word) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(word >> 8 * i);
}

// A map as bytes that do not depend on the order of its keys. Each kind of value has a mark that is no UTF-8.
void put_map(std::string& out, Attributes& map, Arena& arena);

void put_value(std::string& out, Value& value, Arena& arena) {
  switch (value.type) {
    case ValueType::empty: out += '\xf5'; return;
    case ValueType::bytes: (out += '\xf6') += value.text; return;
    case ValueType::string: (out += '\xf7') += value.text; return;
    case ValueType::boolean: out += value.boolean ? '\xf8' : '\xf9'; return;
    case ValueType::integer: return put_word(out += '\xfa', static_cast<std::uint64_t>(value.integer));
    case ValueType::real: return put_word(out += '\xfb', std::bit_cast<std::uint64_t>(value.real));
    case ValueType::map:
      put_map(out += '\xfc', value.map(arena), arena);
      out += '\xfd';
      return;
    case ValueType::array:
      out += '\xfe';
      for (Value& item : value.array(arena)) put_value(out, item, arena);
      out += '\xff';
  }
}

void put_map(std::string& out, Attributes& map, Arena& arena) {
  std::vector<otlp::KeyValue*> entries;
  for (auto& entry : map) entries.push_back(&entry);
  std::stable_sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->key < b->key; });
  otlp::KeyValue* first = nullptr;  // of its key: its value counts for all of them
  for (auto* entry : entries) {
    if (first == nullptr || first->key != entry->key) first = entry;
    (out += '\xf4') += entry->key;
    put_value(out, first->value, arena);
  }
}

// 16 bytes; zeros for an empty map.
std::string map_hash(Attributes& map, Arena& arena) {
  if (map.empty()) return std::string(16, '\0');
  std::string bytes, out;
  put_map(bytes, map, arena);
  put_word(out, XXH64(bytes.data(), bytes.size(), 0));
  bytes += '\xf3';
  put_word(out, XXH64(bytes.data(), bytes.size(), 0));
  return out;
}

}  // namespace

std::string resource_identity(otlp::Resource& resource, Arena& arena) {
  return fmt::format("resource/{:x}", fnv(map_hash(resource.attributes, arena)));
}

StreamIdentity::StreamIdentity(otlp::Resource& resource, otlp::Scope& scope, const otlp::Metric& metric, Arena& arena) {
  using otlp::MetricType;
  bool histogram = metric.type == MetricType::histogram || metric.type == MetricType::exponential_histogram;
  bool sum = metric.type == MetricType::sum;
  const char kind[3] = {static_cast<char>(metric.type), static_cast<char>(histogram || (sum && metric.is_monotonic)),
                        static_cast<char>(histogram || sum ? metric.temporality : otlp::Temporality::unspecified)};
  metric_ = fnv(map_hash(resource.attributes, arena));
  metric_ = fnv(scope.name, metric_);
  metric_ = fnv(scope.version, metric_);
  metric_ = fnv(map_hash(scope.attributes, arena), metric_);
  metric_ = fnv(metric.name, metric_);
  metric_ = fnv(metric.unit, metric_);
  metric_ = fnv({kind, 3}, metric_);
}

std::string StreamIdentity::of(otlp::Attributes& attributes, Arena& arena) const {
  return fmt::format("stream/{:x}", fnv(map_hash(attributes, arena), metric_));
}

}  // namespace weir::exporters::loadbalancing
