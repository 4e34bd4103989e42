#include "otlp/attribute_key.h"

#include <algorithm>

namespace weir::otlp {

std::string key_of(const Attributes& attributes, Writer& scratch) {
  std::vector<const KeyValue*> sorted;
  for (auto& kv : attributes) sorted.push_back(&kv);
  std::ranges::sort(sorted, {}, [](auto* kv) { return kv->key; });
  std::string out;
  for (auto* kv : sorted) {
    scratch.clear();
    encode(kv->value, scratch);
    out += fmt::format("{}:{}{}:", kv->key.size(), kv->key, scratch.size());
    out += scratch.view();
  }
  return out;
}

}  // namespace weir::otlp
