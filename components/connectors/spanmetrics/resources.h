#pragma once
// The resources that have metrics on one core.
#include <boost/unordered/unordered_flat_map.hpp>

#include "base/budget.h"
#include "components/connectors/spanmetrics/dimensions.h"
#include "components/connectors/spanmetrics/meeting.h"

namespace weir::connectors::spanmetrics {

// Memory of all series and resources of one core, within a quarter of the process's budget for all cores.
class Footprint {
 public:
  Footprint(Budget& budget, Meeting& meeting) : budget_(budget), meeting_(meeting), charge_(budget.empty_charge()) {}
  Footprint(const Footprint&) = delete;
  ~Footprint() { give_back(charge_.bytes()); }

  [[nodiscard]] bool take(std::size_t bytes);
  // For what has to exist.
  void take_unchecked(std::size_t bytes);
  void give_back(std::size_t bytes);

 private:
  Budget& budget_;
  Meeting& meeting_;
  Charge charge_;
};

class Resources {
 public:
  // `core`: told by the overflow resource, as each core has one; empty when there is only one.
  Resources(const Config& config, const otlp::WantedKeys& wanted, Meeting& meeting, Footprint& footprint, std::uint64_t seed, std::optional<std::uint16_t> core);
  ~Resources();
  Resources(const Resources&) = delete;

  // Null when the resource has no service. Good until the next find() or remove_if().
  // Makes the resource when it is new. When that is one too many, the one longest unseen is marked as evicted. When there
  // is no memory for it, or too many wait for a flush to be gone, the overflow resource stands for it.
  const Source* find(otlp::Lazy<otlp::Resource>& message, Arena& arena, TimePoint now);

  template <class F>
  void each(F f) {
    for (auto& [identity, resource] : resources_) f(*resource);
  }
  // Forgets resources for which gone(resource) is true. Their series must be gone.
  template <class Gone>
  void remove_if(Gone gone) {
    for (auto at = resources_.begin(); at != resources_.end();) {
      if (gone(*at->second))
        forget(*at->second), at = resources_.erase(at);
      else
        ++at;
    }
  }
  std::size_t size() const { return resources_.size(); }

 private:
  std::unique_ptr<Source> read(std::string_view raw, Arena& arena);
  const Source& overflow();
  Resource* resource_of(const otlp::Resource& message);
  std::string identity_of(const otlp::Resource& message) const;
  void touch(Resource& resource, TimePoint now);
  void admit(Resource& resource);
  void keep(std::uint64_t hash, std::unique_ptr<Source> source);
  void forget(Resource& resource);

  const Config& config_;
  const otlp::WantedKeys& wanted_;
  Meeting& meeting_;
  Footprint& footprint_;
  std::size_t limit_;
  std::uint64_t seed_;
  std::list<Resource*> seen_;  // those not evicted, longest unseen first
  std::map<std::string, std::unique_ptr<Resource>, std::less<>> resources_;  // by identity
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Source>> sources_;  // by hash of their bytes
  std::size_t source_bytes_ = 0;
  std::unique_ptr<Source> passing_;  // one that is not kept
  std::optional<std::uint16_t> core_;
  Source overflow_;  // its resource is null until it is needed
  otlp::Writer writer_;
};

}  // namespace weir::connectors::spanmetrics
