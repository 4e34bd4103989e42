#include "otlp/batch.h"

#include <doctest/doctest.h>

#include "otlp/test_messages.h"
#include "otlp/verify.h"

using namespace weir;
using namespace weir::otlp;

namespace {

// `groups` resources, each with two scopes of `spans` spans.
Bytes traces(int groups, int spans) {
  Writer out;
  for (int g = groups; g-- > 0;) {
    std::size_t group = out.size();
    for (int s = 2; s-- > 0;) {
      std::size_t scope = out.size();
      for (int i = spans; i-- > 0;) {
        Arena arena;
        Span span;
        span.trace_id.bytes[15] = static_cast<unsigned char>(i + 1);
        span.name = "op";
        span.start_time_unix_nano = 5;
        span.attributes.set(arena, "n", Value::of(std::int64_t{i}));
        std::size_t mark = out.size();
        encode(span, out);
        out.close(2, mark);
      }
      out.close(2, scope);
    }
    Arena arena;
    Resource resource;
    resource.attributes.set(arena, "service.name", Value::of(std::string_view("shop")));
    std::size_t mark = out.size();
    encode(resource, out);
    out.close(1, mark);
    out.close(1, group);
  }
  return out.finish();
}

std::string joined(const Batch& batch) {
  std::string out;
  for (auto& piece : batch.encode()) out += piece.view();
  return out;
}

}  // namespace

TEST_CASE("a batch that nobody touched goes out as it came in") {
  Bytes body = traces(2, 3);
  auto batch = Batch::parse(Signal::traces, body);
  REQUIRE(batch);
  CHECK(batch->items() == 12);
  CHECK(joined(*batch) == body.view());
  batch->groups();
  CHECK(batch->groups().size() == 2);
  CHECK(joined(*batch) == body.view());
}

TEST_CASE("an edited span is spliced in, the rest stays bytes") {
  auto batch = Batch::parse(Signal::traces, traces(1, 2));
  REQUIRE(batch);
  Item& item = batch->groups()[0].scopes[1].items[0];
  item.edit<Span>(batch->arena()).name = "renamed";
  auto again = Batch::parse(Signal::traces, Bytes::take(joined(*batch)));
  REQUIRE(again);
  CHECK(again->items() == 4);
  CHECK(again->groups()[0].scopes[1].items[0].read<Span>(again->arena()).name == "renamed");
  CHECK(again->groups()[0].scopes[1].items[0].read<Span>(again->arena()).attributes.find("n")->integer == 0);
  CHECK(again->groups()[0].scopes[0].items[1].read<Span>(again->arena()).name == "op");
}

TEST_CASE("what was left out or changed between items does not come back with the runs around it") {
  for (unsigned gone = 0; gone < 32; ++gone)
    for (unsigned changed = 0; changed < 32; ++changed) {
      auto batch = Batch::parse(Signal::traces, traces(1, 5));
      REQUIRE(batch);
      for (auto& scope : batch->groups()[0].scopes) {
        for (unsigned i = 0; i < 5; ++i)
          if (changed & (1u << i)) scope.items[i].edit<Span>(batch->arena()).name = "changed";
        unsigned at = 0;
        std::erase_if(scope.items, [&](const Item&) { return (gone & (1u << at++)) != 0; });
      }
      auto again = Batch::parse(Signal::traces, Bytes::copy_of(joined(*batch)));
      REQUIRE(again);
      for (auto& scope : again->groups()[0].scopes) {
        std::size_t at = 0;
        for (unsigned i = 0; i < 5; ++i) {
          if (gone & (1u << i)) continue;
          REQUIRE(at < scope.items.size());
          auto& span = scope.items[at++].read<Span>(again->arena());
          REQUIRE(span.trace_id.bytes[15] == i + 1);
          REQUIRE(span.name == ((changed & (1u << i)) ? "changed" : "op"));
        }
        REQUIRE(at == scope.items.size());
      }
    }
}

TEST_CASE("cutting in front keeps every item and every receipt") {
  for (std::size_t n : {1, 5, 6, 7, 12}) {
    CAPTURE(n);
    int answers = 0;
    auto batch = Batch::parse(Signal::traces, traces(2, 3));
    REQUIRE(batch);
    batch->receipts.push_back(Receipt::open([&](Outcome o) {
      CHECK_FALSE(o);
      ++answers;
    }));
    Batch front = batch->take_front(n);
    CHECK(front.items() == n);
    CHECK(batch->items() == 12 - n);
    auto again = Batch::parse(Signal::traces, Bytes::take(joined(front) + joined(*batch)));
    REQUIRE(again);
    CHECK(again->items() == 12);
    front.settle({});
    CHECK(answers == (n == 12 ? 1 : 0));
    batch->settle({});
    CHECK(answers == 1);
  }
}

TEST_CASE("items_within counts resources and scopes, cuts metrics between points, and lets through one that is too large") {
  for (std::size_t max : {60, 100, 150, 400, 100'000}) {
    CAPTURE(max);
    auto batch = Batch::parse(Signal::traces, traces(3, 4));
    REQUIRE(batch);
    std::size_t items = 0, pieces = 0;
    for (bool last = false; !last; ++pieces) {
      std::size_t n = batch->items_within(max);
      REQUIRE(n >= 1);
      last = n >= batch->items();
      Batch front = batch->take_front(n);
      items += front.items();
      bool too_large = n > 1 && joined(front).size() > max;
      CHECK_FALSE(too_large);
    }
    CHECK(items == 24);
    CHECK((pieces == 1) == (max == 100'000));
  }

  Arena arena;
  Metric metric;
  metric.name = "requests";
  metric.type = MetricType::gauge;
  for (int i = 0; i < 100; ++i) {
    DataPoint point;
    point.attributes.set(arena, "path", Value::of(std::string_view(i % 2 ? "/" : "/a/longer/path")));
    metric.points.push_back(arena, point);
  }
  Batch points(Signal::metrics);
  points.groups().emplace_back().scopes.emplace_back().items.push_back(Item::of(&metric, 100));
  points.prune();
  std::size_t n = points.items_within(500);
  CHECK(n > 5);
  CHECK(joined(points.take_front(n)).size() <= 500);
}

TEST_CASE("cutting a metric into many parts takes no memory for each point that is left") {
  Arena arena;
  Metric metric;
  metric.type = MetricType::gauge;
  for (int i = 0; i < 20'000; ++i) {
    DataPoint point;
    point.start_time_unix_nano = static_cast<std::uint64_t>(i);
    metric.points.push_back(arena, point);
  }
  Batch batch(Signal::metrics);
  batch.groups().emplace_back().scopes.emplace_back().items.push_back(Item::of(&metric, 20'000));
  batch.prune();
  std::size_t peak = 0;
  std::uint64_t next = 0;
  while (!batch.empty()) {
    peak = std::max(peak, batch.arena().footprint());
    Batch front = batch.take_front(10);
    auto& points = static_cast<Metric*>(front.groups()[0].scopes[0].items[0].message)->points;
    REQUIRE(points.size() == 10);
    for (auto& point : points) CHECK(point.start_time_unix_nano == next++);
  }
  CHECK(next == 20'000);
  CHECK(peak > 0);
  CHECK(peak < 2'000'000);
}

TEST_CASE("a partition has each item once") {
  auto batch = Batch::parse(Signal::traces, traces(2, 3));
  REQUIRE(batch);
  auto parts = batch->partition(
      4, [&](auto&, auto&, Item& item) { return peek_trace_id(Signal::traces, item.raw).bytes[15] % 4u; });
  CHECK(parts[0].items() == 0);
  for (std::size_t i : {1, 2, 3}) CHECK(parts[i].items() == 4);
}

TEST_CASE("a fork sees what was changed before it and nothing after") {
  auto batch = Batch::parse(Signal::traces, traces(1, 1));
  REQUIRE(batch);
  auto& item = batch->groups()[0].scopes[0].items[0];
  item.edit<Span>(batch->arena()).name = "first";
  Batch fork = batch->fork();
  item.edit<Span>(batch->arena()).name = "second";
  CHECK(fork.groups()[0].scopes[0].items[0].read<Span>(fork.arena()).name == "first");
}

TEST_CASE("long runs of unchanged items are sent from the body they came in") {
  Bytes body = traces(1, 200), other = traces(1, 150);
  auto batch = Batch::parse(Signal::traces, body);
  REQUIRE(batch);
  batch->groups();
  batch->append(std::move(*Batch::parse(Signal::traces, other)));
  auto& items = batch->groups()[0].scopes[1].items;
  items.erase(items.begin() + 100);
  items[40].edit<Span>(batch->arena()).name = "renamed";
  batch->prune();
  std::size_t referred = 0, copied = 0;
  for (const Bytes& piece : batch->encode()) {
    bool within = false;
    for (const Bytes* whole : {&body, &other}) within |= piece.data() >= whole->data() && piece.data() < whole->data() + whole->size();
    (within ? referred : copied) += piece.size();
  }
  CHECK(referred > (body.size() + other.size()) * 9 / 10);
  CHECK(copied < 300);
  auto again = Batch::parse(Signal::traces, Bytes::take(joined(*batch)));
  REQUIRE(again);
  CHECK(again->items() == 699);
  auto& got = again->groups()[0].scopes[1].items;
  CHECK(got[39].raw == items[39].raw);
  CHECK(got[40].read<Span>(again->arena()).name == "renamed");
  CHECK(got[100].read<Span>(again->arena()).attributes.find("n")->integer == 101);
  CHECK(again->groups()[1].scopes[1].items[149].raw == batch->groups()[1].scopes[1].items[149].raw);
}

TEST_CASE("a large resource is not copied by those that have a part of its items; what is copied is charged") {
  std::string head = field(1, field(1, field(1, "k") + field(2, field(1, std::string(100'000, 'v')))));
  std::string spans;
  for (int i = 0; i < 100; ++i) spans += field(2, field(5, "span " + std::to_string(i)));
  Bytes body = Bytes::take(field(1, head + field(2, spans)));
  Budget budget;
  auto batch = Batch::parse(Signal::traces, body, budget.charge_unchecked(body.size()));
  REQUIRE(batch);
  std::size_t turn = 0, before = budget.used();
  auto parts = batch->partition(2, [&](auto&, auto&, auto&) { return turn++ % 2; });
  for (Batch& part : parts) {
    std::size_t index = budget.used();
    auto pieces = part.encode();
    CHECK(budget.used() > index);
    CHECK(budget.used() < index + 10'000);
    std::string all;
    for (auto& piece : pieces) all += piece.view();
    pieces.clear();
    CHECK(budget.used() == index);
    auto again = Batch::parse(Signal::traces, Bytes::take(std::move(all)));
    REQUIRE(again);
    CHECK(again->items() == 50);
    CHECK(again->groups()[0].resource.raw() == part.groups()[0].resource.raw());
    part.settle({});
  }
  CHECK(budget.used() >= before - body.size());
}

TEST_CASE("what a writer refers to counts in lengths and stands where it was put") {
  Writer out(4);
  std::size_t mark = out.size();
  out.number(2, 7);
  out.refer(Bytes::copy_of(std::string(1000, 'a')));
  std::size_t inner = out.size();
  out.refer(Bytes::copy_of(std::string(2000, 'b')));
  out.raw(std::string(3000, 'c'));
  out.close(3, inner);
  out.close(1, mark);
  CHECK(out.size() == 6008);
  auto pieces = out.finish_pieces();
  CHECK(pieces.size() == 4);
  std::string text;
  for (const Bytes& piece : pieces) text += piece.view();
  CHECK(text == "\x0a\xf5\x2e\x1a\x88\x27" + std::string(3000, 'c') + std::string(2000, 'b') + std::string(1000, 'a') + "\x10\x07");
}

TEST_CASE("what is not OTLP is refused with the place") {
  std::string body(traces(1, 1).view());
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    CAPTURE(cut);
    CHECK_FALSE(Batch::parse(Signal::traces, Bytes::copy_of(std::string_view(body).substr(0, body.size() - cut))));
  }
}

TEST_CASE("text that is not UTF-8 is repaired, with everything around it as it was") {
  auto request = [](std::string_view bad) {
    Writer out;
    out.bytes(3, "after");
    std::size_t scopes = out.size();
    std::size_t span = out.size();
    out.bytes(99, "\xff unknown");
    std::size_t attribute = out.size(), value = out.size(), list = out.size(), item = out.size();
    out.bytes(1, bad);
    out.close(1, item);
    out.close(5, list);
    out.close(2, value);
    out.bytes(1, std::string("k") + std::string(bad));
    out.close(9, attribute);
    out.fixed64(7, 5);
    out.bytes(5, bad);
    out.bytes(2, "12345678");
    out.bytes(1, "1234567812345678");
    out.close(2, span);
    out.close(2, scopes);
    out.close(1, 0);
    return out.finish();
  };
  constexpr std::string_view good = "\xEF\xBF\xBD(\xEF\xBF\xBD";
  auto sought = std::make_shared<Sought>();
  auto batch = Batch::parse(Signal::traces, request("\xC3(\xFF"), {}, sought);
  REQUIRE(batch);
  CHECK(batch->repaired_texts == 3);
  CHECK(batch->items() == 1);
  std::string sent;
  for (auto& piece : batch->encode()) sent += piece.view();
  CHECK(sent == request(good).view());
  // Long texts, so that lengths need more bytes than before.
  std::string longer(120, '\xFF'), repaired;
  for (int i = 0; i < 120; ++i) repaired += "\xEF\xBF\xBD";
  sent.clear();
  for (auto& piece : Batch::parse(Signal::traces, request(longer))->encode()) sent += piece.view();
  CHECK(sent == request(repaired).view());
}

TEST_CASE("what a stage makes of text leaves as UTF-8") {
  Batch batch(Signal::logs);
  Arena& arena = batch.arena();
  auto* record = arena.make<LogRecord>();
  record->severity_text = "a\x80";
  record->body = Value::of(std::string_view("\xC3"));
  record->attributes.set(arena, "k\xFF", Value::of(std::string_view("v\xFF")));
  auto& group = batch.groups().emplace_back();
  group.scopes.emplace_back().items.push_back(Item::of(record));
  batch.prune();
  std::string sent;
  for (auto& piece : batch.encode()) sent += piece.view();
  auto extent = verify(Signal::logs, sent);
  REQUIRE(extent);
  CHECK(extent->broken_texts == 0);
  CHECK(sent.find("v\xEF\xBF\xBD") != sent.npos);
}

TEST_CASE("a metric without points is something") {
  Batch batch(Signal::metrics);
  auto* metric = batch.arena().make<Metric>();
  metric->name = "m";
  batch.groups().emplace_back().scopes.emplace_back().items.push_back(Item::of(metric, 0));
  batch.prune();
  CHECK(batch.items() == 0);
  CHECK(!batch.empty());
  auto parts = batch.partition(2, [](auto&, auto&, auto&) { return 1; });
  CHECK(parts[0].empty());
  CHECK(!parts[1].empty());
  CHECK(batch.empty());
}

TEST_CASE("joining keeps order and counts") {
  auto a = Batch::parse(Signal::traces, traces(1, 1));
  auto b = Batch::parse(Signal::traces, traces(2, 2));
  a->append(std::move(*b));
  CHECK(a->items() == 2 + 8);
  CHECK(a->encode().size() == 2);
  CHECK(a->groups().size() == 3);
}

TEST_CASE("decoding parts leaves out what was not asked for, and nothing else") {
  Arena arena;
  Span span;
  span.name = "GET";
  span.trace_id.bytes[0] = 7;
  span.status_code = Span::error;
  span.attributes.set(arena, "a", Value::of(std::int64_t{1}));
  span.events.push_back(arena, {});
  span.links.push_back(arena, {});
  span.unknown.push_back(arena, std::string_view("\xf8\x01\x01", 3));
  Writer writer;
  encode(span, writer);
  struct {
    Parts parts;
    std::size_t attributes, events, links, unknown;
  } const rows[] = {{Parts::fields, 0, 0, 0, 0},
                    {Parts::attributes, 1, 0, 0, 0},
                    {Parts::children, 0, 1, 1, 0},
                    {Parts::all, 1, 1, 1, 1}};
  for (auto& row : rows) {
    Span out;
    decode(writer.view(), arena, out, Excerpt{row.parts});
    CHECK(out.name == "GET");
    CHECK(out.trace_id == span.trace_id);
    CHECK(out.status_code == Span::error);
    CHECK(out.attributes.size() == row.attributes);
    CHECK(out.events.size() == row.events);
    CHECK(out.links.size() == row.links);
    CHECK(out.unknown.size() == row.unknown);
  }
  Metric metric;
  metric.name = "m";
  metric.type = MetricType::sum;
  metric.is_monotonic = true;
  metric.points.push_back(arena, {});
  writer.clear();
  encode(metric, writer);
  Metric without, with;
  decode(writer.view(), arena, without, Excerpt{Parts::fields});
  CHECK(without.type == MetricType::sum);
  CHECK(without.is_monotonic);
  CHECK(without.points.empty());
  decode(writer.view(), arena, with, Excerpt{Parts::children});
  CHECK(with.points.size() == 1);
}

TEST_CASE("what was answered already cannot be refused along with what was not") {
  auto open = [] { return Receipt::open([](Outcome) {}); };
  auto make = [&](bool waited_for) {
    auto batch = Batch::parse(Signal::traces, traces(1, 1));
    if (waited_for) batch->receipts.push_back(open());
    return std::move(*batch);
  };
  Batch both = make(true);
  CHECK(both.refusable());
  both.append(make(true));
  CHECK(both.refusable());
  both.append(make(false));
  CHECK_FALSE(both.refusable());
  CHECK_FALSE(both.receipts.empty());
  Batch front = both.take_front(1);
  CHECK_FALSE(front.refusable());
  Batch third = make(true);
  third.append(std::move(front));
  CHECK_FALSE(third.refusable());
  for (Batch* batch : {&both, &third}) batch->settle({});
  CHECK_FALSE(make(false).refusable());

  Batch empty(Signal::traces), late = make(true);
  empty.append(std::move(late));
  CHECK(empty.refusable());
  empty.settle({});
}

TEST_CASE("both parts of a metric that is cut have metadata of their own") {
  Arena arena;
  Metric metric;
  metric.type = MetricType::gauge;
  metric.metadata.set(arena, "unit", Value::of(std::string_view("s")));
  for (int i = 0; i < 2; ++i) metric.points.push_back(arena, {});
  Batch batch(Signal::metrics);
  batch.groups().emplace_back().scopes.emplace_back().items.push_back(Item::of(&metric, 2));
  batch.prune();
  Batch front = batch.take_front(1);
  auto metadata = [](Batch& of) -> Attributes& { return of.groups().at(0).scopes.at(0).items.at(0).edit<Metric>(of.arena()).metadata; };
  metadata(front).set(front.arena(), "unit", Value::of(std::string_view("ms")));
  metadata(front).set(front.arena(), "a", Value::of(true));
  metadata(batch).set(batch.arena(), "b", Value::of(true));
  CHECK(metadata(batch).find("unit")->text == "s");
  CHECK(metadata(front).find("a") != nullptr);
  CHECK(metadata(front).find("b") == nullptr);
}

TEST_CASE("a number of ten bytes is taken, what is above 64 bits does not count") {
  std::string_view dropped = "\x0a\x0d\x0a\x0b\x10\x85\x80\x80\x80\x80\x80\x80\x80\x80\x7e";  // dropped_attributes_count of a resource
  auto batch = Batch::parse(Signal::traces, Bytes::copy_of({dropped.data(), 15}));
  REQUIRE(batch);
  CHECK(batch->groups()[0].resource.read(batch->arena()).dropped_attributes_count == 5);
  CHECK(!Batch::parse(Signal::traces, Bytes::copy_of("\x0a\x0e\x0a\x0c\x10\x85\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")));
}

TEST_CASE("a field that another kind of metric has is unknown here, whatever its wire type") {
  std::string_view other = "\x19\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x02\x40\x01";  // field 3 as eight bytes, then a data point
  for (char data : {'\x2a', '\x4a', '\x52', '\x5a'}) {                               // all but sum
    std::string metric = {data, static_cast<char>(other.size())};
    Arena arena;
    Metric out;
    decode(metric += other, arena, out);
    CHECK(out.points.size() == 1);
    CHECK_FALSE(out.is_monotonic);
  }
}

TEST_CASE("of a metric with two kinds of data the last counts, the same kind twice is joined") {
  std::string_view point = "\x0a\x02\x40\x01";  // dataPoints: {flags: 1}
  auto field = [](char number, std::string_view content) { return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} += content; };
  auto request = [&](std::string metric) { return Bytes::take(field(1, field(2, field(2, metric)))); };
  struct {
    std::string metric;
    std::size_t items;
  } const rows[] = {{field(5, point), 1},
                    {field(5, point) + field(7, std::string(point) += point), 2},
                    {field(5, std::string(point) += point) + field(7, point), 1},
                    {field(7, point) + field(7, point), 2}};
  for (auto& row : rows) {
    auto batch = Batch::parse(Signal::metrics, request(row.metric));
    REQUIRE(batch);
    CHECK(batch->items() == row.items);
    Item& item = batch->groups()[0].scopes[0].items[0];
    CHECK(item.points == row.items);
    CHECK(item.read<Metric>(batch->arena()).points.size() == row.items);
  }
}

TEST_CASE("values as text: what the collector prints") {
  Arena arena;
  auto list = [&](Value item) {
    auto* items = arena.make<Array>();
    items->push_back(arena, item);
    return Value::of(items);
  };
  CHECK(to_text(list(Value::of(std::string_view("<a> & \"b\"\\\b\f\n\x01\u2028é")))) == R"(["<a> & \"b\"\\\b\f\n\u0001\u2028é"])");
  CHECK(to_text(list(Value::of(1.5))) == "[1.5]");
  CHECK(to_text(list(Value::of(std::nan("")))) == "");
  CHECK(to_text(list(list(Value::of(HUGE_VAL)))) == "");
  CHECK(to_text(Value{}) == "");
  CHECK(to_text(list(Value{})) == "[null]");
  CHECK(to_text(list(Value::of_bytes(""))) == "[null]");
  CHECK(to_text(list(Value::of_bytes("a"))) == R"(["YQ=="])");
}
