#pragma once
// Remembers what became of resources: the same bytes from the same address become the same again, as long as the objects
// they lead to are the same. One core.
#include "base/budget.h"
#include "base/bytes.h"
#include "components/processors/k8sattributes/catalog.h"

namespace weir::processors::k8sattributes {

struct Remembered {
  std::string raw, peer;
  Claim claim;
  Resolution resolution;
  std::uint64_t generation = 0;  // of the catalog, when the resolution was last looked at
  Bytes result;
  bool changed = false;
  telemetry::Counter* outcome = nullptr;  // the registry owns it
};

class Memory {
 public:
  explicit Memory(Budget& budget) : charge_(budget.empty_charge()) {}

  // Null when it is not known.
  Remembered* find(std::string_view raw, std::string_view peer);
  Remembered& add(std::string_view raw, std::string_view peer);
  // Call when an entry has its result.
  void weigh(const Remembered& entry);
  std::size_t size() const { return young_.size() + old_.size(); }

  static constexpr std::size_t max_entries = 4096;          // each of the two halves
  static constexpr std::size_t max_bytes = 1024 * 1024;

 private:
  using Table = std::unordered_map<std::uint64_t, Remembered>;
  static std::uint64_t key_of(std::string_view raw, std::string_view peer);
  void make_room();

  Table young_, old_;  // what is asked for moves to the young half; when that is full, the old half goes
  std::size_t young_bytes_ = 0;
  Charge charge_, old_charge_;
};

}  // namespace weir::processors::k8sattributes
