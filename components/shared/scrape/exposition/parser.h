#pragma once
// What all exposition formats have in common. A parser walks the bytes of one answer and stops at each series; what it
// tells of them are views into those bytes.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "components/shared/scrape/exposition/native_histogram.h"
#include "components/shared/scrape/labels.h"

namespace weir::exposition {

enum class MetricType : std::uint8_t { unknown, counter, gauge, histogram, gauge_histogram, summary, info, stateset };
// As in "# TYPE x counter".
std::string_view to_string(MetricType type);

struct Exemplar {
  double value = 0;
  std::optional<std::int64_t> timestamp;  // ms since 1970
  std::vector<std::pair<std::string_view, std::string_view>> labels;  // as they came, sorted by name

  // By time, then by value.
  bool operator<(const Exemplar& other) const;
};

enum class Entry : std::uint8_t {
  end,
  failed,     // error() says why; no further call
  type,       // name, type
  help,       // name, text
  unit,       // name, text
  series,     // series, value, timestamp
  histogram,  // series, histogram, timestamp
};

class Parser {
 public:
  virtual ~Parser() = default;

  // Goes on to what comes next. `expected`: the key of the series that probably comes, of an earlier answer of the same
  // target; when it does come its labels are not looked at. Must stay valid during the call only.
  virtual Entry next(std::string_view expected) = 0;

  // Until the following next().
  std::string_view name, text;  // a help text has its escapes: see full_text()
  MetricType type = MetricType::unknown;
  std::string_view series;  // a key: equal keys have equal labels, in answers of the same format
  bool as_expected = false;
  double value = 0;
  std::optional<std::int64_t> timestamp;  // ms since 1970
  NativeHistogram* histogram = nullptr;

  // The text without escapes.
  virtual std::string full_text() const { return std::string(text); }
  // Labels of the current series, the metric's name among them.
  virtual void labels(std::vector<scrape::Label>& out) = 0;
  // The next exemplar of the current series; false when there is none (left).
  virtual bool exemplar(Exemplar&) { return false; }
  // When the current series began, ms since 1970; 0 when it is not said. May look ahead.
  virtual std::int64_t start_timestamp() { return 0; }

  const std::string& error() const { return error_; }

 protected:
  Entry fail(std::string why) {
    error_ = std::move(why);
    return Entry::failed;
  }
  std::string error_;
};

struct Options {
  bool native_histograms = false;   // otherwise only the classic part of a histogram is looked at
  bool keep_classic = false;        // also the classic part of what is there as a native histogram
  bool convert_classic = false;     // classic histograms become ones with custom buckets
  bool start_timestamps = false;    // OpenMetrics: `_created` is no series of its own
};

enum class Format : std::uint8_t { text, openmetrics, protobuf };
// From a Content-Type; `fallback` for those that are missing or say nothing we know.
Result<Format> format_of(std::string_view content_type, std::optional<Format> fallback);

// `body` must outlive the parser.
std::unique_ptr<Parser> make_parser(Format format, std::string_view body, const Options& options);

}  // namespace weir::exposition
