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

}  // namespace

std::uint64_t key_hash(Key key, Signal signal, otlp::ResourceGroup& group, const otlp::Item& item, Arena& arena) {
  switch (key) {
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
  }
  return 0;
}

}  // namespace weir::engine
