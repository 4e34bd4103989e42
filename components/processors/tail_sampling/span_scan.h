#pragma once
// One pass over a span's bytes that finds what policies look at, without decoding the rest.
#include "components/processors/tail_sampling/facts.h"
#include "otlp/codec.h"
#include "otlp/plain.h"

namespace weir::processors::tail_sampling {

// Views into the span's bytes.
struct SpanView {
  otlp::TraceId trace_id;
  bool root = true;
  std::uint64_t start = 0, end = 0;
  std::uint32_t flags = 0;
  std::int32_t status = 0, kind = 0;
  std::string_view name, trace_state;
  std::size_t size = 0;  // its bytes as the collector would write it: ids and status always, unset or not
};

// Of a span that begins with it, as nearly all do.
inline std::optional<otlp::TraceId> leading_trace_id(std::string_view span) {
  if (span.size() < 18 || span[0] != 0x0A || span[1] != 16) return {};
  return otlp::TraceId::from(span.substr(2, 16));
}

class SpanScanner {
 public:
  static constexpr std::uint32_t no_key = UINT32_MAX;

  // Attributes with this key will be looked up. Returns the key's number; equal keys have one.
  std::uint32_t want(std::string_view key);
  const std::vector<std::string>& keys() const { return keys_; }

  // `span` has passed verify().
  SpanView scan(std::string_view span);

  // Wanted attributes of the span scanned last, in the order of the span. Where a key is repeated the first counts.
  struct Found {
    std::uint32_t key;
    std::string_view value;  // AnyValue, undecoded
  };
  std::span<const Found> found() const { return found_; }
  // Empty value when the span does not have it.
  const Found* find(std::uint32_t key) const;

 private:
  void note(std::string_view key_value);
  void note(std::string_view key, std::string_view value);
  bool wants(std::string_view key) const { return (bits_ & otlp::key_bit(key)) != 0; }
  std::vector<std::string> keys_;
  std::uint64_t bits_ = 0;  // otlp::key_bit() of each
  std::vector<Found> found_;
};

}  // namespace weir::processors::tail_sampling
