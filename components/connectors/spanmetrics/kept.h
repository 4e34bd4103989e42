#pragma once
// What span metrics counted before an orderly restart, until the resource that it is about comes again.
#include <map>
#include <mutex>

#include "base/budget.h"
#include "base/pack.h"
#include "components/connectors/spanmetrics/series.h"

namespace weir::connectors::spanmetrics {

// Shared by all cores: whichever core a resource comes to now takes its part over. One lock for each resource that is new.
class KeptResources {
 public:
  // Reads the part of a core. False when it cannot be read to its end; what was read before stays.
  bool add(std::string_view part, Charge charge);
  // What was counted for a resource, once; nullopt: nothing.
  std::optional<std::string> take(const std::string& identity);
  // Of resources that did not come again so far, to be kept for another time unless they are older than `since`.
  void pack(Packer& out, UnixNanos since) const;

  // One resource in a part.
  static void pack(Packer& out, std::string_view identity, UnixNanos seen, std::string_view state);

 private:
  struct Kept {
    UnixNanos seen = 0;
    std::string state;
  };
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Kept> resources_;
  Charge charge_;
};

// All series of a resource as a state, and one after the other back: f(family, series). The series have no hash yet. False when it cannot
// be read to its end.
std::string pack_series(const Resource& resource);
bool unpack_series(std::string_view state, const std::function<void(Family, std::unique_ptr<Series>)>& f);

}  // namespace weir::connectors::spanmetrics
