#pragma once
// Series of a remote write request as OTLP metrics.
#include <map>

#include "components/receivers/prometheusremotewrite/known.h"
#include "components/shared/remote_write/decode.h"
#include "otlp/batch.h"

namespace weir::receivers::prometheusremotewrite {

struct Stats {
  std::size_t samples = 0, histograms = 0, exemplars = 0;  // taken
  std::size_t invalid = 0;                                 // samples and histograms that were not
  std::string why;                                         // of the first few of these
};

// One request. The request's bytes must outlive the batch.
class Converter : public remote_write::Handler {
 public:
  // Points are charged to `charge` before they are made.
  Converter(remote_write::Version version, Known& known, Charge& charge);

  Result<> series(remote_write::Series& series) override;
  void invalid(std::size_t samples, std::size_t histograms, std::string why) override;
  void metadata(const remote_write::Metadata& metadata) override { known_.learn_metric(metadata); }

  otlp::Batch finish();
  const Stats& stats() const { return stats_; }

 private:
  struct Scope {
    otlp::Scope* scope;
    std::string_view schema_url;
    std::map<std::string, otlp::Metric*, std::less<>> metrics;
    std::vector<otlp::Metric*> order;
  };
  struct Group {
    otlp::Resource* resource;
    std::string identity;
    std::map<std::string, Scope, std::less<>> scopes;
  };
  struct Kind {
    otlp::MetricType type;
    bool monotonic;
    std::string_view word;  // in the metric's metadata
  };

  Group& group_of(std::string_view job, std::string_view instance);
  void take_target_info(Group& group, const remote_write::Series& series);
  Scope& scope_of(Group& group, const remote_write::Series& series);
  otlp::Metric& metric_of(Scope& scope, std::string_view name, const Kind& kind, const remote_write::Metadata& metadata);
  remote_write::Metadata metadata_of(const remote_write::Series& series, std::string_view name);
  Kind kind_of(remote_write::MetricType type, std::string_view name) const;
  void take_samples(otlp::Metric& metric, remote_write::Series& series);
  void take_histograms(Scope& scope, std::string_view name, const remote_write::Metadata& metadata, remote_write::Series& series);
  otlp::DataPoint& add_point(otlp::Metric& metric, std::int64_t time, std::int64_t start);
  void add_exemplars(otlp::DataPoint& point, remote_write::Series& series);

  remote_write::Version version_;
  Known& known_;
  Charge& charge_;
  otlp::Batch batch_;
  Arena& arena_;
  std::map<std::string, Group, std::less<>> groups_;
  otlp::Attributes attributes_;  // of the series at hand
  Stats stats_;
};

}  // namespace weir::receivers::prometheusremotewrite
