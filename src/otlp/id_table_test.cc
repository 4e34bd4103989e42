#include "otlp/id_table.h"

#include <doctest/doctest.h>

#include <deque>
#include <unordered_map>

#include "base/rng.h"

using weir::Rng;
using weir::otlp::IdTable;

namespace {

struct Thing {
  std::uint64_t id, hash;
};

// A table and what it should be.
class Pair {
 public:
  explicit Pair(std::uint64_t hash_mask) : hash_mask_(hash_mask) {}

  bool has(std::uint64_t id) const { return known_.contains(id); }
  void insert(std::uint64_t id) {
    auto [at, fresh] = known_.emplace(id, IdTable::Place(&made(id), id & 3));
    REQUIRE(fresh);
    table_.insert(hash(id), at->second, [](IdTable::Place place) { return place.as<Thing>().hash; });
  }
  void replace(std::uint64_t id) {
    IdTable::Place to(&made(id), 3 - (id & 3));
    table_.replace(hash(id), known_.at(id), to);
    known_.at(id) = to;
  }
  void erase(std::uint64_t id) {
    table_.erase(hash(id), known_.at(id));
    known_.erase(id);
  }
  void check(std::uint64_t id) const {
    auto at = known_.find(id);
    auto found = table_.find(hash(id), [&](IdTable::Place place) { return place.as<Thing>().id == id; });
    REQUIRE(found == (at == known_.end() ? IdTable::Place{} : at->second));
  }
  void check_all() const {
    for (auto& [id, place] : known_) check(id);
    std::size_t seen = 0;
    table_.each([&](IdTable::Place place) {
      ++seen;
      REQUIRE(known_.at(place.as<Thing>().id) == place);
    });
    CHECK(seen == known_.size());
    CHECK(table_.size() == known_.size());
  }
  std::size_t size() const { return known_.size(); }
  std::size_t any(Rng& rng) const { return std::next(known_.begin(), static_cast<std::ptrdiff_t>(rng.below(std::min<std::size_t>(known_.size(), 20))))->first; }
  const IdTable& table() const { return table_; }
  std::uint64_t hash(std::uint64_t id) const { return Rng(id).next() & hash_mask_; }

 private:
  Thing& made(std::uint64_t id) { return things_.emplace_back(id, hash(id)); }
  std::uint64_t hash_mask_;
  IdTable table_;
  std::unordered_map<std::uint64_t, IdTable::Place> known_;
  std::deque<Thing> things_;
};

// All bits of hashes; few homes, tags and marks; few homes with all marks; all homes with one mark; one way for all.
constexpr std::uint64_t hash_masks[] = {~std::uint64_t{0}, 0x0000'0300'0000'00CF, 0x0000'FF00'0000'0007, 0x0000'00FF'FFFF'FFFF, 0};

}  // namespace

TEST_CASE("an id table knows what a map knows, whatever hashes have in common") {
  for (std::uint64_t mask : hash_masks) {
    CAPTURE(mask);
    Rng rng(1);
    Pair pair(mask);
    std::size_t most = mask == 0 ? 300 : 3000;
    for (int step = 0; step < 30'000; ++step) {
      // Fills and empties: growth with erasing in between.
      bool filling = step / 5000 % 2 == 0;
      std::uint64_t id = rng.below(4 * most);
      if (pair.size() > 0 && rng.chance(0.1)) pair.replace(pair.any(rng));
      if (!pair.has(id) && pair.size() < most && rng.chance(filling ? 0.9 : 0.3))
        pair.insert(id);
      else if (pair.size() > 0 && rng.chance(filling ? 0.2 : 0.9))
        pair.erase(pair.has(id) ? id : pair.any(rng));
      pair.check(rng.below(4 * most));
      if (step % 1000 == 0) pair.check_all();
    }
    pair.check_all();
  }
}

TEST_CASE("an id table grows a bucket at a time and pays twelve to thirty bytes for an id") {
  Pair pair(~std::uint64_t{0});
  CHECK(pair.table().bytes() == 0);
  for (std::uint64_t id = 0; id < 200'000; ++id) {
    pair.insert(id);
    pair.check(id / 2);
    if (id % 50'000 == 0) pair.check_all();
  }
  pair.check_all();
  CHECK(pair.table().bytes() >= 200'000 * 12);
  CHECK(pair.table().bytes() <= 200'000 * 30);
}

TEST_CASE("what an id table guesses is what it finds, and nothing for most unknown ids") {
  Pair pair(~std::uint64_t{0});
  for (std::uint64_t id = 0; id < 319; ++id) pair.insert(id);  // not growing
  int right = 0, wrong = 0;
  for (std::uint64_t id = 0; id < 319; ++id) {
    auto guess = pair.table().guess(pair.hash(id));
    right += guess && guess.as<Thing>().id == id;
    pair.table().prefetch(pair.hash(id));
  }
  for (std::uint64_t id = 1000; id < 2000; ++id) wrong += static_cast<bool>(pair.table().guess(pair.hash(id)));
  CHECK(right > 280);
  CHECK(wrong < 5);
  CHECK_FALSE(IdTable().guess(1));
  CHECK_FALSE(IdTable().find(1, [](IdTable::Place) { return true; }));
}
