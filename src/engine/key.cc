#include "engine/key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::engine {
namespace {

std::uint64_t hash(std::string_view bytes, std::uint64_t seed = 0) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

// Independent of the order of attributes.
std::uint64_t resource_hash(const otlp::Resource& resource) {
  std::uint64_t sum = 0;
  for (auto& kv : resource.attributes) sum += hash(otlp::to_text(kv.value), hash(kv.key) + static_cast<std::uint64_t>(kv.value.type));
  return sum;
}

// The item's own attributes. An item that is bytes is decoded for the look only: it may go to another core, and stays bytes.
template <class T>
std::uint64_t values_hash(const std::vector<std::string>& names, const otlp::Resource& resource, const otlp::Item& item) {
  Arena scratch;
  T decoded;
  if (item.message == nullptr) otlp::decode(item.raw, scratch, decoded);
  const T& message = item.message ? *static_cast<const T*>(item.message) : decoded;
  std::uint64_t seed = 0;
  for (auto& name : names) {
    const otlp::Value* value = nullptr;
    if constexpr (requires { message.attributes; }) value = message.attributes.find(name);
    if (value == nullptr) value = resource.attributes.find(name);
    // Whether there is one counts, and so does where its text ends: each value seeds the next.
    seed = value ? hash(otlp::to_text(*value), seed + 1) : hash({}, seed);
  }
  return seed;
}

std::uint64_t values_hash(const Key& key, Signal signal, const otlp::Resource& resource, const otlp::Item& item) {
  switch (signal) {
    case Signal::traces: return values_hash<otlp::Span>(key.attributes, resource, item);
    case Signal::logs: return values_hash<otlp::LogRecord>(key.attributes, resource, item);
    case Signal::metrics: return values_hash<otlp::Metric>(key.attributes, resource, item);
    case Signal::profiles: return 0;
  }
  return 0;
}

}  // namespace

std::uint64_t key_hash(const Key& key, Signal signal, otlp::ResourceGroup& group, const otlp::Item& item, Arena& arena) {
  switch (key.kind) {
    case Key::none: return 0;
    case Key::trace_id: {
      if (item.message == nullptr) return hash(otlp::peek_trace_id(signal, item.raw).view());
      if (signal == Signal::traces) return hash(static_cast<const otlp::Span*>(item.message)->trace_id.view());
      if (signal == Signal::logs) return hash(static_cast<const otlp::LogRecord*>(item.message)->trace_id.view());
      return 0;
    }
    case Key::service: {
      const otlp::Value* name = group.resource.read(arena).attributes.find("service.name");
      return name == nullptr ? 0 : hash(otlp::to_text(*name));
    }
    case Key::resource: return resource_hash(group.resource.read(arena));
    case Key::single: return 0;
    case Key::values: return values_hash(key, signal, group.resource.read(arena), item);
  }
  return 0;
}

}  // namespace weir::engine
