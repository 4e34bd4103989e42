#include "otlp/landmarks.h"

#include <doctest/doctest.h>

#include "base/rng.h"
#include "otlp/fuzzing.h"
#include "otlp/test_messages.h"

using namespace weir;
using namespace weir::otlp;

namespace {

std::string attribute(std::string_view key, std::string_view text) { return field(9, field(1, key) + field(2, field(1, text))); }

constexpr std::string_view status_error("\x18\x02", 2);
constexpr std::string_view status_ok("\x18\x01", 2);

std::string head(std::string_view name = "GET /") { return span_head(name); }

Bytes request(const std::vector<std::string>& spans) {
  Writer out;
  for (std::size_t i = spans.size(); i-- > 0;) out.bytes(2, spans[i]);
  out.close(2, 0);
  out.close(1, 0);
  return out.finish();
}

std::size_t with_landmarks(const std::string& span) { return fuzzing::check_landmarks(request({span})); }

std::shared_ptr<const Sought> seek(std::initializer_list<std::string_view> keys) {
  auto out = std::make_shared<Sought>();
  std::vector<std::string> texts(keys.begin(), keys.end());
  out->add(texts);
  return out;
}

Batch noted(const std::vector<std::string>& spans, std::shared_ptr<const Sought> sought) {
  auto batch = Batch::parse(Signal::traces, request(spans), {}, std::move(sought));
  REQUIRE(batch.has_value());
  return std::move(*batch);
}

}  // namespace

TEST_CASE("spans as SDKs send them have landmarks, and the same is found by them as without") {
  CHECK(with_landmarks(head() + attribute("a", "1") + attribute("b", "2") + field(15, status_error)) == 1);
  CHECK(with_landmarks(head()) == 1);
  CHECK(with_landmarks(std::string()) == 1);
  CHECK(with_landmarks(head() + attribute("a", std::string(300, 'x')) + attribute(std::string(200, 'k'), "1") + attribute("b", "2")) == 1);
  // The first counts.
  CHECK(with_landmarks(head() + attribute("a", "1") + attribute("b", "2") + attribute("a", "3")) == 1);
  // The key behind the value, and one that stands there twice.
  CHECK(with_landmarks(head() + field(9, field(2, field(1, "v")) + field(1, "a"))) == 1);
  CHECK(with_landmarks(head() + field(9, field(1, "b") + field(2, field(1, "v")) + field(1, "a")) + attribute("b", "2")) == 1);
  // Events between attributes, unknown fields.
  std::string event = field(11, field(2, "exception") + field(3, field(1, "a") + field(2, field(1, "of the event"))));
  CHECK(with_landmarks(head() + attribute("a", "1") + event + attribute("b", "2") + field(99, "x") + field(15, status_ok)) == 1);
  CHECK(with_landmarks(head() + event + field(15, field(2, "broken") + std::string(status_error)) + attribute("a", "1")) == 1);
}

TEST_CASE("spans in any other order have none, and are read all the same") {
  CHECK(with_landmarks(attribute("a", "1") + head()) == 0);
  CHECK(with_landmarks(head() + attribute("a", "1") + head("again")) == 0);
  CHECK(with_landmarks(head() + attribute("a", "1") + field(5, "again") + attribute("b", "2")) == 0);
  CHECK(with_landmarks(head() + field(3, "ot=th:8") + attribute("a", "1")) == 0);
  CHECK(with_landmarks(head(std::string(200, 'n')) + attribute("a", "1")) == 0);
  // Two statuses are one of both.
  CHECK(with_landmarks(head() + field(15, status_error) + field(15, field(2, "broken"))) == 0);
  // Too far away.
  CHECK(with_landmarks(head() + attribute("long", std::string(70'000, 'x')) + attribute("a", "1")) == 0);
}

TEST_CASE("landmarks are found by whatever bytes a span has") {
  Rng rng(7);
  const std::vector<std::string> parts = {head(), attribute("a", "1"), attribute("b", std::string(200, 'x')), attribute("", ""), field(15, status_error),
                                          field(11, field(3, field(1, "a"))), field(3, "x=y"), field(99, "x"), field(5, "n"), field(9, "")};
  std::size_t found = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::string> spans(1 + rng.below(4));
    for (auto& span : spans) {
      if (rng.chance(0.7)) span = parts[0];
      for (std::uint64_t n = rng.below(6); n-- > 0;) span += parts[rng.below(parts.size())];
    }
    found += fuzzing::check_landmarks(request(spans));
  }
  CHECK(found > 500);
}

TEST_CASE("a request of many very short spans keeps no landmarks; what is kept is charged") {
  Budget budget;
  Bytes body = request({head() + attribute("a", "1"), head()});
  auto batch = Batch::parse(Signal::traces, body, budget.charge_unchecked(body.size()), seek({"a"}));
  REQUIRE(batch.has_value());
  CHECK(budget.used() == body.size() + 2 * seek({"a"})->row_bytes());
  CHECK(fuzzing::check_landmarks(request(std::vector<std::string>(3000, field(99, "")))) == 0);
}

TEST_CASE("landmarks stay with the items of forks, parts and joined batches; those of two kinds are of no use") {
  auto keys = seek({"a", "b"}), others = seek({"b"});
  std::vector<std::string> spans;
  for (int i = 0; i < 20; ++i) spans.push_back(head() + attribute("a", std::to_string(i)) + attribute("b", "x"));

  auto check = [&](Batch& batch, std::size_t items) {
    CHECK(batch.sought() == keys);
    Excerpt excerpt = fuzzing::head_and_status();
    excerpt.keys.add("a");
    WantedKeys wanted;
    wanted.add("b");
    std::size_t found = 0;
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) found += fuzzing::check_landmarks(item, batch.sought(), excerpt, wanted);
    CHECK(found == items);
  };
  Batch batch = noted(spans, keys);
  Batch unread = batch.fork();
  batch.groups();
  Batch read = batch.fork();
  check(unread, 20), check(read, 20);
  unread.append(std::move(read));
  check(unread, 40);
  Batch front = unread.take_front(15);
  check(front, 15), check(unread, 25);
  std::size_t next = 0;
  auto parts = batch.partition(2, [&](auto&, auto&, auto&) { return next++ % 2; });
  check(parts[0], 10), check(parts[1], 10);

  Batch empty(Signal::traces);
  empty.append(std::move(parts[0]));
  check(empty, 10);
  empty.append(noted(spans, others));
  CHECK(empty.sought() == nullptr);
  empty.append(std::move(parts[1]));
  CHECK(empty.sought() == nullptr);
}

TEST_CASE("what is sought knows its keys up to a bound") {
  Sought sought;
  CHECK(sought.empty());
  sought.add(Excerpt::nothing());
  CHECK(!sought.empty());
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < Sought::max_keys - 1; ++i) keys.push_back(fmt::format("key {}", i));
  sought.add(keys);
  sought.add(keys);
  CHECK(sought.keys().size() == Sought::max_keys - 1);
  CHECK(sought.slot("key 0") == 0);
  // Two more are one too many: neither is taken.
  Excerpt excerpt{Parts::attributes, {}, 0};
  excerpt.keys.add("one more");
  excerpt.keys.add("and another");
  sought.add(excerpt);
  CHECK(sought.slot("one more") == Sought::nowhere);
  CHECK(!Guide::to(excerpt, sought).covers);
  CHECK(sought.id() != Sought().id());
}

TEST_CASE("landmarks tell that a span has no events; those of one that has some are read by walking through it") {
  std::string event = field(11, field(2, "exception"));
  Batch batch = noted({head() + attribute("a", "1"), head() + attribute("a", "2") + event}, seek({"a"}));
  Excerpt excerpt{Parts::children, {}, Excerpt::field(15)};
  ExcerptReader<Span> reader;
  reader.use(batch.sought());
  auto events = [&](Item& item) { return static_cast<const Span*>(reader.look(item, excerpt).message)->events.size(); };
  auto& items = batch.groups()[0].scopes[0].items;
  CHECK(Landmarks(items[0].landmarks).child() == 0);
  CHECK(Landmarks(items[1].landmarks).child() != 0);
  CHECK(events(items[0]) == 0);
  CHECK(events(items[1]) == 1);
}

TEST_CASE("an excerpt has nothing of those before it, which were changed or had other fields") {
  std::string event = field(11, field(2, "exception"));
  std::vector<std::string> spans = {head(), head("") + field(15, status_error), std::string(), attribute("a", "1") + field(15, status_ok),
                                    head("b") + field(3, "state") + attribute("a", "2"), head("c") + event + field(15, field(2, "broken") + std::string(status_error))};
  const Excerpt excerpts[] = {{Parts::attributes, {}, Excerpt::field(5) | Excerpt::field(15)}, {Parts::fields, {}, Excerpt::field(15)}, {Parts::fields, {}, Excerpt::field(5)}};
  auto sought = std::make_shared<Sought>();
  for (auto& excerpt : excerpts) sought->add(excerpt);
  Batch batch = noted(spans, sought);
  auto& items = batch.groups()[0].scopes[0].items;
  ExcerptReader<Span> reader;
  reader.use(batch.sought());
  Rng rng(1);
  Arena arena;
  for (int i = 0; i < 5000; ++i) {
    Item& item = items[rng.below(items.size())];
    const Excerpt& excerpt = excerpts[rng.below(3)];
    ExcerptReader<Span> fresh;
    auto& expected = *static_cast<const Span*>(fresh.look(item, excerpt).message);
    Item& seen = reader.look(item, excerpt);
    auto& span = *static_cast<const Span*>(seen.message);
    if (excerpt.fields & Excerpt::field(5)) CHECK(span.name == expected.name);
    if (excerpt.fields & Excerpt::field(15)) CHECK((span.status_code == expected.status_code && span.status_message == expected.status_message));
    CHECK(span.attributes.size() == expected.attributes.size());
    CHECK(span.events.size() == expected.events.size());
    if (rng.chance(0.7)) continue;
    Span& changed = seen.edit<Span>(arena);
    changed.name = "changed", changed.status_code = 7, changed.status_message = "changed", changed.trace_state = "changed", changed.dropped_links_count = 9;
  }
}

TEST_CASE("what landmarks cannot find is not sought") {
  Sought sought;
  sought.add(Excerpt{Parts::attributes, KeySet::every(), 0});
  sought.add(Excerpt{Parts::unknown, {}, 0});
  sought.add(Excerpt{Parts::fields, {}, Excerpt::field(3)});
  CHECK(sought.empty());
}
