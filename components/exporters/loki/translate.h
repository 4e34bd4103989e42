#pragma once
// Log records as Loki has them: streams by labels, and lines.
#include "components/exporters/loki/config.h"
#include "otlp/batch.h"

namespace weir::exporters::loki {

// One request to Loki: all entries of one tenant.
struct Push {
  std::string tenant;  // empty: the one of the configured headers
  Bytes body;          // snappy
  std::size_t entries = 0;
};

struct Translated {
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  std::vector<Push> pushes;
  std::vector<std::size_t> push_of;  // for each item of the batch in order: which push it is in, or nowhere
  std::size_t entries = 0;
  std::size_t unlabelled = 0;  // records without any label, which Loki would not take
  std::size_t unformatted = 0; // records that the format cannot say
};

// `now`: for records without any time.
Translated translate(otlp::Batch& batch, const DefaultLabels& labels, const std::vector<std::string>& structured_metadata, UnixNanos now);

// The PushRequest of protobuf, for tests: without compression.
struct Entry {
  std::uint64_t time = 0;
  std::string line;
  std::vector<std::pair<std::string, std::string>> metadata;
};
using Streams = std::map<std::string, std::vector<Entry>>;  // by labels as text
// By tenant. `tenant_of`: for each item, null where it is nowhere; names are keys of the result.
std::map<std::string, Streams> streams_of(otlp::Batch& batch, const DefaultLabels& labels, const std::vector<std::string>& structured_metadata, UnixNanos now,
                                          Translated& counts, std::vector<const std::string*>* tenant_of = nullptr);

}  // namespace weir::exporters::loki
