#pragma once
// The formats a scrape can ask for.
#include "components/exporters/prometheus/store.h"
#include "net/server.h"
#include "prometheus/escaping.h"

namespace weir::exporters::prometheus {

struct Format {
  enum class Kind : std::uint8_t { text, openmetrics, protobuf };
  Kind kind = Kind::text;
  bool openmetrics_1 = false;  // version 1.0.0, not 0.0.1
  weir::prometheus::Escaping escaping = weir::prometheus::Escaping::underscores;

  // The best of an Accept header; text for what is not known.
  static Format negotiate(std::string_view accept, bool allow_openmetrics);
  std::string content_type() const;
};

// Writes families in pieces of some series each.
class Writer {
 public:
  virtual ~Writer() = default;
  // A piece of that family follows; `again`: not the first one. True, for the next piece.
  virtual bool begin(std::string_view name, std::string_view help, Type type, bool again, std::string& out) = 0;
  virtual void series(const Series& series, std::string& out) = 0;
  // The piece is complete.
  virtual void end(std::string& out) = 0;
  virtual void finish(std::string& out) = 0;
};
std::unique_ptr<Writer> make_text_writer(Format format, bool timestamps);
std::unique_ptr<Writer> make_protobuf_writer(Format format, bool timestamps);

// Classic buckets, cumulative, by rising bounds that are each there once, without the one up to infinity unless it has an exemplar or was given.
struct ClassicBucket {
  double bound;
  std::uint64_t count;
  const ExemplarValue* exemplar = nullptr;
};
std::vector<ClassicBucket> classic_buckets(const Series& series);

// The answer to a scrape, part by part. Series that come or go meanwhile may or may not be in it.
std::shared_ptr<net::BodySource> make_scrape(std::shared_ptr<const Store> store, Format format, bool timestamps, std::string target_info_name,
                                             TimePoint now, bool gzip, std::shared_ptr<void> token);

}  // namespace weir::exporters::prometheus
