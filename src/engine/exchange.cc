#include "engine/exchange.h"

#include "engine/key.h"

namespace weir::engine {

std::size_t EqualShares::owner_of(std::uint64_t hash) const { return owner_of_key(hash, count_); }

std::vector<Batch> Exchange::cut(Batch batch) const {
  Arena& arena = batch.arena();
  otlp::ResourceGroup* seen = nullptr;
  std::size_t owner = 0;
  bool once_for_a_resource = by_resource(key_);
  auto owner_of = [&](otlp::ResourceGroup& group, otlp::ScopeGroup&, otlp::Item& item) {
    if (!once_for_a_resource || seen != &group) owner = owners_.owner_of(key_hash(key_, signal_, group, item, arena));
    seen = &group;
    return owner;
  };
  return batch.partition(owners_.count(), owner_of);
}

}  // namespace weir::engine
