#include "components/shared/allocation/ring.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace weir::allocation {
namespace {

std::uint64_t hash_of(std::string_view text) { return XXH64(text.data(), text.size(), 0); }

struct Place {
  std::uint64_t hash;
  std::uint32_t member;
};

std::vector<Place> places_of(const std::vector<std::string>& members) {
  std::vector<Place> out;
  for (std::uint32_t i = 0; i < members.size(); ++i)
    for (std::size_t k = 0; k < Ring::places; ++k) out.push_back({hash_of(fmt::format("{}:{}", k, members[i])), i});
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.hash < b.hash; });
  return out;
}

}  // namespace

Ring::Ring(std::vector<std::string> members) : members_(std::move(members)) {
  std::sort(members_.begin(), members_.end());
  members_.erase(std::unique(members_.begin(), members_.end()), members_.end());
  if (members_.empty()) return;
  std::vector<Place> places = places_of(members_);
  auto most = static_cast<std::uint32_t>(std::ceil(static_cast<double>(partitions) / static_cast<double>(members_.size()) * load));
  std::vector<std::uint32_t> loads(members_.size());
  for (std::uint64_t partition = 0; partition < partitions; ++partition) {
    // Little endian, as the bytes lie here.
    std::uint64_t key = XXH64(&partition, sizeof partition, 0);
    auto at = std::lower_bound(places.begin(), places.end(), key, [](const Place& place, std::uint64_t k) { return place.hash < k; });
    auto i = static_cast<std::size_t>(at - places.begin()) % places.size();
    // The loads of all members together have room for all partitions, so this ends.
    while (loads[places[i].member] >= most) i = (i + 1) % places.size();
    ++loads[places[i].member];
    owners_.push_back(places[i].member);
  }
}

std::string_view Ring::owner_of(std::string_view key) const {
  if (members_.empty()) return {};
  return members_[owners_[hash_of(key) % partitions]];
}

}  // namespace weir::allocation
