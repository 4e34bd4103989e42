#pragma once
// Label sets of series: made of a point's attributes and of what all points of a resource and scope have.
#include <unordered_map>

#include "components/shared/prometheus_translation/translation.h"
#include "components/shared/remote_write/series.h"
#include "prometheus/names.h"

namespace weir::exporters::prometheusremotewrite {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct LabelSet {
  std::vector<remote_write::Label> labels;  // sorted by name
  std::uint64_t hash = 0;                   // a sum over the labels, so that one can be put in without looking at the others

  // In place of one with that name, if there is one.
  void put(const remote_write::Label& label);
};

// Text of the sets lives in the attributes' batch and in the arena. For one batch: names are made once for each key in it.
class LabelMaker {
 public:
  LabelMaker(const prometheus::LabelNamer& namer, Arena& arena) : namer_(namer), arena_(arena) {}

  // What the points that follow have beside their attributes: `winning` in place of an attribute's label of that name, `defaults` not.
  void begin(const Pairs& winning, const Pairs& defaults);
  // Values of attributes that become one label are joined. `skip_identity`: without those that job and instance are made of.
  // Errc::invalid when an attribute cannot be a label.
  Result<> make(const otlp::Attributes& attributes, bool skip_identity, LabelSet& out);

 private:
  struct Name {
    std::string_view text;
    std::string error;
  };
  struct Fixed {
    remote_write::Label label;
    bool wins = false;
  };
  struct Found {
    std::string_view name, key, value;
  };
  const Name& name_of(std::string_view key);
  Result<> find(const otlp::Attributes& attributes, bool skip_identity);
  void join_equal_names();

  prometheus::LabelNamer namer_;
  Arena& arena_;
  std::unordered_map<std::string_view, Name> names_;
  std::vector<Fixed> fixed_;  // sorted by name
  bool fixed_valid_ = true;   // all of it is UTF-8
  std::vector<Found> found_;  // of the point at hand, sorted by name
};

}  // namespace weir::exporters::prometheusremotewrite
