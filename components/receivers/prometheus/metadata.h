#pragma once
// What targets say about their metrics: type, help, unit. One target.
#include <map>
#include <string>

#include "components/shared/scrape/exposition/parser.h"

namespace weir::receivers::prometheus {

struct Metadata {
  exposition::MetricType type = exposition::MetricType::unknown;
  std::string help, unit;
};

// As the Go receiver has them: a name that is not known yet, and what was said of it so far.
class MetadataStore {
 public:
  // Null when nothing was said of this name.
  const Metadata* find(std::string_view name) const;
  // Of the parser's current entry. True when something is new.
  bool take(exposition::Entry entry, const exposition::Parser& parser, std::uint32_t iteration);
  // Forgets what was not said for more than ten iterations. True when something was.
  bool forget(std::uint32_t iteration);

 private:
  struct Entry;
  using Named = std::pair<const std::string, Entry>;
  struct Entry {
    Metadata data;
    std::string raw_help;  // as it came, with its escapes
    std::uint32_t last = 0;
    Named* next = nullptr;  // what stood behind it the last time
  };
  // The entry of the parser's name, added if it is new (`added`).
  Named& entry_of(std::string_view name, bool& added);

  std::map<std::string, Entry, std::less<>> entries_;
  Named* latest_ = nullptr;  // of entry_of
};

// The name without _bucket, _count, _sum, _total, _info or _created.
std::string_view base_name(std::string_view name);
inline constexpr std::string_view name_suffixes[] = {"_bucket", "_count", "_sum", "_total", "_info", "_created"};

// What a metric becomes in OTLP.
enum class Kind : std::uint8_t { gauge, sum, histogram, exponential, summary, none };  // none: told as a gauge

struct FamilyInfo {
  std::string name;         // of the OTLP metric
  std::string family;       // under which the target described it
  Metadata metadata;
  Kind kind = Kind::gauge;
  bool monotonic = false;
};
// The metric that a series of this name belongs to. `native`: it is a native histogram; `custom`: with custom buckets.
FamilyInfo family_of(std::string_view name, const MetadataStore& store, bool native, bool custom);

}  // namespace weir::receivers::prometheus
