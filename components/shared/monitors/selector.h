#pragma once
// Label selectors of Kubernetes: matchLabels and matchExpressions.
#include <map>
#include <optional>

#include "config/value.h"
#include "kube/object.h"

namespace weir::monitors {

class Selector {
 public:
  // Matches everything.
  Selector() = default;
  // Errc::config for what the API server would refuse. Keys in lower case (matchlabels) are fine too.
  static Result<Selector> make(const config::Value& value);

  bool matches(kube::Pairs labels) const;
  // As in the labelSelector parameter of the API.
  std::string to_string() const;

  enum class Operator : std::uint8_t { in, not_in, exists, does_not_exist };
  struct Requirement {
    std::string key;
    Operator op = Operator::exists;
    std::vector<std::string> values;
  };
  // Those of matchLabels first, sorted by key; then the expressions as they were written.
  const std::vector<Requirement>& requirements() const { return requirements_; }
  // How many of them come from matchLabels.
  std::size_t exact() const { return exact_; }

 private:
  std::vector<Requirement> requirements_;
  std::size_t exact_ = 0;
};

}  // namespace weir::monitors
