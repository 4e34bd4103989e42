#include "otlp/growth.h"

#include <doctest/doctest.h>

#include "base/rng.h"
#include "otlp/test_messages.h"

using namespace weir;
using namespace weir::otlp;

namespace {

std::string number_field(std::uint32_t number, std::uint64_t value) {
  Writer out;
  out.number(number, value);
  return std::string(out.view());
}
std::string fixed_field(std::uint32_t number, std::uint64_t value) {
  Writer out;
  out.fixed64(number, value);
  return std::string(out.view());
}

// A few of `parts`, in any order.
std::string some(Rng& rng, const std::vector<std::string>& parts) {
  std::string out;
  for (std::uint64_t n = rng.below(2 * parts.size()); n-- > 0;) out += parts[rng.below(parts.size())];
  return out;
}

std::string random_value(Rng& rng, int depth) {
  const std::string text = field(1, std::string(rng.below(300), 'x'));
  const std::vector<std::string> leaves = {text, number_field(2, 1), number_field(3, ~std::uint64_t{0}), fixed_field(4, 1), field(7, "bytes"), ""};
  if (depth == 0 || rng.chance(0.6)) return leaves[rng.below(leaves.size())];
  std::string inner;
  for (std::uint64_t n = rng.below(4); n-- > 0;) {
    std::string value = random_value(rng, depth - 1);
    inner += depth % 2 == 0 ? field(1, value) : field(1, field(1, "key") + field(2, value));
  }
  return field(depth % 2 == 0 ? 5 : 6, inner);
}

std::string random_attribute(Rng& rng, std::uint32_t number) { return field(number, field(1, std::string(rng.below(40), 'k')) + field(2, random_value(rng, 3))); }

std::string random_message(Rng& rng, const Span*) {
  std::string event = field(11, some(rng, {fixed_field(1, 5), field(2, "event"), random_attribute(rng, 3), number_field(4, 9), field(99, "unknown")}));
  std::string link = field(13, some(rng, {field(1, "trace___________"), field(2, "span____"), field(3, "a=b"), random_attribute(rng, 4), number_field(5, 9), field(99, "u")}));
  return some(rng, {span_head(std::string(rng.below(200), 'n')), field(3, "ot=th:8"), random_attribute(rng, 9), number_field(10, 1u << 31), event, link, number_field(12, 3),
                    number_field(14, 3), field(15, field(2, "failed") + number_field(3, 2)), field(99, "unknown")});
}
std::string random_message(Rng& rng, const LogRecord*) {
  return some(rng, {fixed_field(1, 5), number_field(2, 9), field(3, "INFO"), field(5, random_value(rng, 3)), random_attribute(rng, 6), number_field(7, 9),
                    field(9, "trace___________"), field(10, "span____"), fixed_field(11, 7), field(12, "event"), field(99, "unknown")});
}
std::string random_message(Rng& rng, const Metric*) {
  std::string exemplar = some(rng, {fixed_field(2, 5), fixed_field(3, 1), field(4, "span____"), field(5, "trace___________"), random_attribute(rng, 7)});
  const std::string number = some(rng, {fixed_field(2, 1), fixed_field(3, 1), fixed_field(4, 1), field(5, exemplar), random_attribute(rng, 7), number_field(8, 1)});
  const std::string histogram = some(rng, {fixed_field(2, 1), fixed_field(4, 1), fixed_field(5, 1), field(6, std::string(800, '\1')), field(7, std::string(800, '\1')), field(8, exemplar),
                                           random_attribute(rng, 9), fixed_field(11, 1), fixed_field(12, 1)});
  const std::string buckets = number_field(1, 12) + field(2, std::string(500, '\1'));
  const std::string exponential = some(rng, {random_attribute(rng, 1), fixed_field(4, 1), number_field(6, 3), fixed_field(7, 1), field(8, buckets), field(9, buckets), field(11, exemplar)});
  const std::string summary = some(rng, {fixed_field(4, 1), field(6, fixed_field(1, 1) + fixed_field(2, 1)), random_attribute(rng, 7)});
  const std::vector<std::string> kinds = {field(5, field(1, number)), field(7, field(1, number) + number_field(2, 2) + number_field(3, 1)), field(9, field(1, histogram) + number_field(2, 1)),
                                          field(10, field(1, exponential) + field(1, exponential)), field(11, field(1, summary))};
  return field(1, "name") + field(2, "what it is") + field(3, "s") + random_attribute(rng, 12) + kinds[rng.below(kinds.size())] + field(99, "unknown");
}

template <class T>
void check_bound(std::uint64_t seed) {
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    Arena arena;
    std::string raw = random_message(rng, static_cast<const T*>(nullptr));
    T message;
    decode(raw, arena, message);
    if constexpr (requires { message.attributes; }) {
      for (auto& kv : message.attributes) {  // some decoded to the ground
        if (kv.value.is(ValueType::map)) kv.value.map(arena);
        if (kv.value.is(ValueType::array)) kv.value.array(arena);
      }
    }
    Writer writer;
    encode(message, writer);
    REQUIRE(encoded_size_at_most(message) >= writer.size());
    REQUIRE(encoded_size_at_most(message) <= 12 * writer.size() + 400);
  }
}

// Spans of which each gets a text that stands once.
struct Grown {
  Budget budget{64 * 1024 * 1024};
  Batch batch{Signal::traces};
  std::string text = std::string(1024 * 1024, 'x');
  std::size_t taken = 0;
  std::optional<Error> error;

  explicit Grown(std::size_t used_by_others = 0) {
    Charge others = budget.charge_unchecked(used_by_others);
    std::string spans;
    for (int i = 0; i < 1000; ++i) spans += field(2, field(5, "span"));
    Bytes request = Bytes::copy_of(field(1, field(2, spans)));
    Charge charge = budget.charge_unchecked(request.size());
    batch = *Batch::parse(Signal::traces, std::move(request), std::move(charge));
    Growth growth(batch);
    for (Item& item : batch.groups()[0].scopes[0].items) {
      item.edit<Span>(batch.arena()).attributes.set(batch.arena(), "x", Value::of(std::string_view(text)));
      if (!growth.add<Span>(item)) {
        error = growth.error();
        break;
      }
      ++taken;
    }
    CHECK(budget.used() <= budget.limit());
  }
};

}  // namespace

TEST_CASE("what messages take encoded is known before they are") {
  check_bound<Span>(1);
  check_bound<LogRecord>(2);
  check_bound<Metric>(3);
}

TEST_CASE("a batch grows by a part of the budget and no more") {
  Grown grown;
  REQUIRE(grown.error);
  CHECK(grown.error->code == Errc::too_large);
  CHECK(grown.taken > 10);
  CHECK(grown.taken < 30);
}

TEST_CASE("a batch that may find room later is refused for now") {
  Grown grown(60 * 1024 * 1024);
  REQUIRE(grown.error);
  CHECK(grown.error->code == Errc::refused);
  CHECK(grown.taken < 5);
}
