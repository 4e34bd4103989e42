#pragma once
// weir's own spans: one for each request taken and each request sent. Nobody pays for them unless somebody asks.
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::telemetry {

// A value of an attribute: text or a count.
struct SpanAttribute {
  std::string key, text;
  std::int64_t number = 0;
  bool is_number = false;
  SpanAttribute(std::string k, std::string v) : key(std::move(k)), text(std::move(v)) {}
  SpanAttribute(std::string k, std::size_t v) : key(std::move(k)), number(static_cast<std::int64_t>(v)), is_number(true) {}
};

struct OwnSpan {
  std::string name;
  UnixNanos start = 0, end = 0;
  std::vector<SpanAttribute> attributes;
  std::string error;  // not empty: the status is error
};

// Thread-safe. Bounded: what finds no room is counted.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void record(OwnSpan span) = 0;
};

}  // namespace weir::telemetry
