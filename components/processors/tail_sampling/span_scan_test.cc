#include "components/processors/tail_sampling/span_scan.h"

#include <doctest/doctest.h>

#include "base/rng.h"

using namespace weir;
using namespace weir::processors::tail_sampling;

namespace {

constexpr std::array<std::string_view, 5> keys = {"http.route", "http.methods", "a", "db.statement", "b"};

otlp::Span random_span(Rng& rng, Arena& arena) {
  otlp::Span span;
  for (auto& b : span.trace_id.bytes) b = static_cast<unsigned char>(rng.next());
  span.trace_id.bytes[0] |= 1;
  span.span_id.bytes[0] = 1;
  if (rng.chance(0.5)) span.parent_span_id.bytes[7] = 1;
  span.name = "GET";
  span.kind = static_cast<std::int32_t>(rng.below(6));
  span.start_time_unix_nano = rng.next(), span.end_time_unix_nano = rng.next();
  span.status_code = static_cast<std::int32_t>(rng.below(3));
  span.flags = static_cast<std::uint32_t>(rng.below(1000));
  for (std::uint64_t n = rng.below(12); n > 0; --n) {
    otlp::Value value = rng.chance(0.5) ? otlp::Value::of(static_cast<std::int64_t>(rng.next())) : otlp::Value::of(arena.copy(std::string(rng.below(rng.chance(0.2) ? 1000 : 100), 'x')));
    span.attributes.push_back(arena, {keys[rng.below(keys.size())], value});
  }
  return span;
}

// The first attribute of the key, as its bytes.
std::optional<std::string> first(const otlp::Span& span, std::string_view key) {
  for (auto& attribute : span.attributes) {
    if (attribute.key != key) continue;
    otlp::Writer out;
    otlp::encode(attribute.value, out);
    return std::string(out.view());
  }
  return {};
}

}  // namespace

TEST_CASE("a scan finds what decoding finds, whatever attributes are wanted and however long they are") {
  Rng rng(1);
  for (std::size_t wanted = 0; wanted < 4; ++wanted) {
    SpanScanner scanner;
    for (std::size_t i = 0; i < wanted; ++i) CHECK(scanner.want(keys[i]) == i);
    for (int round = 0; round < 2000; ++round) {
      Arena arena;
      otlp::Span span = random_span(rng, arena);
      otlp::Writer out;
      otlp::encode(span, out);
      SpanView view = scanner.scan(out.view());
      REQUIRE(view.trace_id == span.trace_id);
      REQUIRE(leading_trace_id(out.view()) == span.trace_id);
      REQUIRE(view.root == span.parent_span_id.empty());
      REQUIRE(view.name == span.name);
      REQUIRE(view.kind == span.kind);
      REQUIRE(view.start == span.start_time_unix_nano);
      REQUIRE(view.end == span.end_time_unix_nano);
      REQUIRE(view.status == span.status_code);
      REQUIRE(view.flags == span.flags);
      for (std::uint32_t i = 0; i < wanted; ++i) {
        auto expected = first(span, keys[i]);
        auto* found = scanner.find(i);
        REQUIRE((found != nullptr) == expected.has_value());
        if (found) REQUIRE(found->value == *expected);
      }
      REQUIRE(scanner.found().size() <= wanted);
    }
  }
}

TEST_CASE("a trace id is told in advance only where it is whole and comes first") {
  std::string id = std::string("\x0A\x10", 2) + std::string(16, 'i');
  CHECK(leading_trace_id(id));
  CHECK_FALSE(leading_trace_id(id.substr(0, 17)));
  CHECK_FALSE(leading_trace_id("\x12\x08" + id));
  CHECK_FALSE(leading_trace_id(std::string("\x0A\x00", 2) + std::string(16, 'i')));
  CHECK_FALSE(leading_trace_id(""));
}
