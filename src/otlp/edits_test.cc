#include "otlp/edits.h"

#include <doctest/doctest.h>

#include "base/rng.h"
#include "otlp/edit_checks.h"
#include "otlp/test_messages.h"

using namespace weir;
using namespace weir::otlp;

namespace {

std::string attribute(std::uint32_t number, std::string_view key, std::string_view text) {
  return field(number, field(1, key) + field(2, field(1, text)));
}

// Fields in any order and form that verify() lets pass.
template <class T>
std::string random_item(Rng& rng) {
  constexpr bool is_span = std::is_same_v<T, Span>;
  constexpr std::uint32_t own = is_span ? 9 : 6;
  static const std::vector<std::string> parts = {
      attribute(own, "a", "1"), attribute(own, "b", std::string(200, 'x')), attribute(own, "k", "k"), attribute(own, "error.type", "timeout"),
      field(own, field(2, field(1, "v")) + field(1, "a")), field(own, ""), attribute(own, "other", "x"), field(99, "unknown"),
      is_span ? field(5, "name") : field(3, "INFO"), is_span ? field(15, "\x18\x02") : field(5, field(1, "body")),
      is_span ? field(11, field(2, "exception") + attribute(3, "a", "of the event")) : field(12, "event"), is_span ? field(3, "ot=th:8") : std::string("\x10\x09", 2),
      is_span ? field(13, "") : std::string(), is_span ? field(1, "trace___________") : field(9, "trace___________")};
  std::string out = is_span && rng.chance(0.6) ? span_head("GET /") : std::string();
  for (std::uint64_t n = rng.below(9); n-- > 0;) out += parts[rng.below(parts.size())];
  if (rng.chance(0.02)) out += attribute(own, "long", std::string(Edits::longest_copied, 'l'));
  return out;
}

template <class T>
void compare_random(int count, std::uint64_t seed) {
  Rng rng(seed);
  auto below = [&](std::uint64_t n) { return rng.below(n); };
  for (int i = 0; i < count; ++i) edit_checks::compare<T>(random_item<T>(rng), below);
}

}  // namespace

TEST_CASE("changes written into a copy of the bytes say the same as changes to the decoded item") {
  const char* cases = std::getenv("EDIT_CASES");  // for a longer run
  int count = cases ? std::atoi(cases) : 20'000;
  compare_random<Span>(count, cases ? static_cast<std::uint64_t>(count) : 1);
  compare_random<LogRecord>(count, cases ? static_cast<std::uint64_t>(count) : 2);
}

TEST_CASE("an edited item stands where it stood, its other bytes as they came") {
  std::string raw = span_head("GET /") + attribute(9, "a", "1") + attribute(9, "b", "2") + attribute(9, "c", "3") + field(15, "\x18\x02") + field(99, "unknown");
  Arena arena;
  Item item{.raw = raw};
  Span changed;
  changed.name = "GET / shop";
  Edits edits;
  edits.set_fields(Excerpt::field(5));
  edits.remove("a");  // the last one takes its place
  edits.set("b", Value::of(std::string_view("new")));
  edits.set("d", Value::of(std::string_view("4")));
  edits.apply(changed, item, arena);
  CHECK(edits.empty());
  CHECK(item.raw == span_head("GET / shop") + attribute(9, "c", "3") + attribute(9, "b", "new") + attribute(9, "d", "4") + field(15, "\x18\x02") + field(99, "unknown"));
  CHECK(!item.dirty);
  CHECK(item.message == nullptr);
}

TEST_CASE("forks share the bytes of edited items and of what was decoded and changed") {
  std::string spans;
  for (int i = 0; i < 3; ++i) spans += field(2, span_head("op") + attribute(9, "n", std::to_string(i)));
  auto batch = Batch::parse(Signal::traces, Bytes::take(field(1, field(1, attribute(1, "service.name", "shop")) + field(2, spans))));
  REQUIRE(batch);
  auto& group = batch->groups().at(0);
  auto& items = group.scopes.at(0).items;
  Edits edits;
  edits.set("n", Value::of(std::string_view("edited")));
  edits.apply(Span{}, items[1], batch->arena());
  items[2].edit<Span>(batch->arena()).name = "decoded";
  group.resource.edit(batch->arena()).attributes.set(batch->arena(), "node", Value::of(std::string_view("n1")));

  Batch fork = batch->fork();
  auto& copies = fork.groups().at(0).scopes.at(0).items;
  for (std::size_t i = 0; i < 3; ++i) CHECK(copies[i].raw.data() == items[i].raw.data());
  CHECK(fork.groups()[0].resource.raw().data() == group.resource.raw().data());
  CHECK_FALSE(items[2].dirty);
  CHECK(copies[2].read<Span>(fork.arena()).name == "decoded");
  // Each may be changed further on its own.
  items[2].edit<Span>(batch->arena()).name = "again";
  copies[1].edit<Span>(fork.arena()).name = "of the fork";
  Batch last = batch->fork();
  { Batch gone = std::move(*batch); }
  auto names = [](Batch& of) {
    std::string out;
    for (auto& item : of.groups().at(0).scopes.at(0).items) out += std::string(item.read<Span>(of.arena()).name) + ";";
    return out;
  };
  CHECK(names(fork) == "op;of the fork;decoded;");
  CHECK(names(last) == "op;op;again;");
}
