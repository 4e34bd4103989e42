#include "components/exporters/prometheus/exposition.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace weir::exporters::prometheus {
namespace {

using weir::prometheus::Escaping;

constexpr std::size_t part_bytes = 64 * 1024;
// Families are cut into pieces of so many series: a protobuf message has to stand in memory before it is sent.
constexpr std::size_t piece_series = 1000;

struct Range {
  std::string type;
  std::vector<std::pair<std::string, std::string>> parameters;
  double quality = 1;

  std::string_view get(std::string_view name) const {
    for (auto& [key, value] : parameters)
      if (key == name) return value;
    return {};
  }
};

Range parse_range(std::string_view text) {
  Range out;
  bool first = true;
  for (auto part : split(text, ';')) {
    part = trim(part);
    if (std::exchange(first, false)) {
      out.type = to_lower(part);
      continue;
    }
    auto equals = part.find('=');
    if (equals == part.npos) continue;
    std::string name = to_lower(trim(part.substr(0, equals)));
    std::string_view value = trim(part.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (name == "q")
      out.quality = std::strtod(std::string(value).c_str(), nullptr);
    else
      out.parameters.emplace_back(std::move(name), std::string(value));
  }
  return out;
}

std::optional<Format::Kind> kind_of(const Range& range, bool allow_openmetrics) {
  auto version = range.get("version");
  if (range.type == "application/vnd.google.protobuf" && range.get("proto") == "io.prometheus.client.MetricFamily" &&
      range.get("encoding") == "delimited")
    return Format::Kind::protobuf;
  if (range.type == "text/plain" && (version.empty() || version == "0.0.4")) return Format::Kind::text;
  if (allow_openmetrics && range.type == "application/openmetrics-text" && (version.empty() || version == "0.0.1" || version == "1.0.0"))
    return Format::Kind::openmetrics;
  return {};
}

class Scrape : public net::BodySource {
 public:
  Scrape(std::shared_ptr<const Store> store, Format format, bool timestamps, std::string target_info_name, TimePoint now, bool gzip,
         std::shared_ptr<void> token)
      : store_(std::move(store)), now_(now), target_info_(std::move(target_info_name)), token_(std::move(token)) {
    writer_ = format.kind == Format::Kind::protobuf ? make_protobuf_writer(format, timestamps) : make_text_writer(format, timestamps);
    if (gzip) gzip_.emplace();
  }

  bool next(std::string& out) override {
    std::string plain;
    std::string& to = gzip_ ? plain : out;
    bool more = true;
    std::size_t before = to.size();
    while (more && to.size() < before + part_bytes) more = step(to);
    if (gzip_) {
      gzip_->add(plain, out);
      if (!more) gzip_->finish(out);
    }
    return more;
  }

 private:
  // One piece of a family. False when that was all.
  bool step(std::string& out) {
    // target_info has its place in the order of names.
    auto at = store_->families().lower_bound(name_);
    bool targets_next = !targets_done_ && store_->targets() > 0 && (at == store_->families().end() || target_info_ <= at->first);
    if (targets_next) {
      targets_done_ = true;
      write_targets(out);
      return true;
    }
    if (at == store_->families().end()) {
      writer_->finish(out);
      return false;
    }
    if (at->first != name_) {
      name_ = at->first;
      index_ = 0;
      begun_ = false;
    }
    piece(at->first, at->second, out);
    return true;
  }

  void piece(std::string_view name, const Family& family, std::string& out) {
    std::size_t written = 0;
    for (; index_ < family.series.size() && written < piece_series; ++index_) {
      const Series& series = family.series[index_];
      if (!series.used || store_->expired(series, now_)) continue;
      if (written++ == 0) begin(name, family.help, family.type, out);
      writer_->series(series, out);
    }
    if (written > 0) writer_->end(out);
    if (index_ < family.series.size()) return;
    name_ = std::string(name) + '\0';  // the next name there can be
    index_ = 0;
    begun_ = false;
  }

  void begin(std::string_view name, std::string_view help, Type type, std::string& out) {
    begun_ = writer_->begin(name, help, type, begun_, out);
  }

  void write_targets(std::string& out) {
    std::size_t written = 0;
    bool begun = false;
    store_->each_target([&](const std::string& labels) {
      if (written == piece_series) {
        writer_->end(out);
        written = 0;
      }
      if (written++ == 0) begun = writer_->begin(target_info_, "Target metadata", Type::gauge, begun, out);
      Series one{.labels = labels, .value = 1};
      writer_->series(one, out);
    });
    if (written > 0) writer_->end(out);
  }

  std::shared_ptr<const Store> store_;  // shared with the exporter, which may be gone first
  TimePoint now_;
  std::string target_info_;
  std::shared_ptr<void> token_;  // counts open scrapes
  std::unique_ptr<Writer> writer_;
  std::optional<net::GzipStream> gzip_;
  std::string name_;
  std::size_t index_ = 0;
  bool begun_ = false, targets_done_ = false;
};

}  // namespace

Format Format::negotiate(std::string_view accept, bool allow_openmetrics) {
  std::vector<Range> ranges;
  for (auto part : split(accept.substr(0, 4096), ',')) ranges.push_back(parse_range(part));
  std::ranges::stable_sort(ranges, std::greater(), &Range::quality);
  Format out;
  for (auto& range : ranges) {
    if (auto escaping = weir::prometheus::escaping_of(range.get("escaping"))) out.escaping = *escaping;
    auto kind = kind_of(range, allow_openmetrics);
    if (!kind) continue;
    out.kind = *kind;
    out.openmetrics_1 = range.get("version") == "1.0.0";
    return out;
  }
  return out;
}

std::string Format::content_type() const {
  std::string_view type = "text/plain; version=0.0.4; charset=utf-8";
  if (kind == Kind::protobuf) type = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
  if (kind == Kind::openmetrics)
    type = openmetrics_1 ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "application/openmetrics-text; version=0.0.1; charset=utf-8";
  return fmt::format("{}; escaping={}", type, to_string(escaping));
}

std::vector<ClassicBucket> classic_buckets(const Series& series) {
  std::vector<ClassicBucket> out;
  auto& d = *series.distribution;
  if (d.form != Distribution::Form::classic) return out;
  std::map<double, std::uint64_t> counts;
  for (std::size_t i = 0; i < d.bounds.size(); ++i)
    if (!std::isnan(d.bounds[i])) counts.emplace(d.bounds[i], i < d.counts.size() ? d.counts[i] : 0);
  std::uint64_t sum = 0;
  for (auto [bound, count] : counts) out.push_back({bound, sum += count});
  for (auto& e : series.exemplars) {
    auto at = std::ranges::partition_point(out, [&](auto& bucket) { return !(bucket.bound >= e.value); });  // NaN is in the last one
    if (at == out.end()) at = !out.empty() && out.back().bound == INFINITY ? out.end() - 1 : out.insert(out.end(), {INFINITY, d.sum.count});
    at->exemplar = &e;
  }
  return out;
}

std::shared_ptr<net::BodySource> make_scrape(std::shared_ptr<const Store> store, Format format, bool timestamps, std::string target_info_name,
                                             TimePoint now, bool gzip, std::shared_ptr<void> token) {
  return std::make_shared<Scrape>(std::move(store), format, timestamps, std::move(target_info_name), now, gzip, std::move(token));
}

}  // namespace weir::exporters::prometheus
