#include "otlp/span_view.h"

#include "otlp/excerpt.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::otlp;

namespace {

Span sample(Arena& arena) {
  Span span;
  span.trace_id.bytes[15] = 1;
  span.span_id.bytes[7] = 2;
  span.parent_span_id.bytes[7] = 3;
  span.trace_state = "ot=th:8";
  span.name = "GET /";
  span.kind = Span::server;
  span.status_code = Span::error;
  span.status_message = "down";
  span.start_time_unix_nano = 5;
  span.end_time_unix_nano = 9;
  span.flags = 1;
  span.attributes.push_back(arena, {"http.method", Value::of(std::string_view("GET"))});
  span.attributes.push_back(arena, {"http.status_code", Value::of(std::int64_t{500})});
  span.attributes.push_back(arena, {"http.method", Value::of(std::string_view("second"))});
  span.attributes.push_back(arena, {"nothing", Value{}});
  for (std::string_view type : {"IOError", "Timeout"}) {
    auto& event = span.events.push_back(arena, {});
    event.name = "exception";
    event.attributes.push_back(arena, {"exception.type", Value::of(type)});
  }
  return span;
}

std::string bytes_of(const Span& span) {
  Writer out;
  encode(span, out);
  return std::string(out.view());
}

void check_view(const SpanView& view, Arena& arena) {
  CHECK(view.trace_id.bytes[15] == 1);
  CHECK(view.span_id.bytes[7] == 2);
  CHECK(view.parent_span_id.bytes[7] == 3);
  CHECK(view.trace_state == "ot=th:8");
  CHECK(view.name == "GET /");
  CHECK(view.kind == Span::server);
  CHECK(view.status_code == Span::error);
  CHECK(view.start_time_unix_nano == 5);
  CHECK(view.end_time_unix_nano == 9);

  WantedKeys wanted;
  std::size_t code = wanted.add("http.status_code"), method = wanted.add("http.method"), gone = wanted.add("http.route"),
              nothing = wanted.add("nothing");
  CHECK(wanted.add("http.method") == method);
  std::array<AttributeView, 4> found;
  wanted.find(view.attributes, found);
  CHECK(found[code].value(arena).integer == 500);
  CHECK(!found[code].text());
  CHECK(found[code].integer() == 500);
  CHECK(!found[method].integer());
  CHECK(found[method].text() == "GET");
  CHECK(!found[gone]);
  CHECK(found[nothing].value(arena).is(ValueType::empty));

  std::vector<std::string> types;
  view.each_event([&](const AttributesView& attributes) {
    attributes.each([&](const AttributeView& attribute) { types.push_back(std::string(attribute.text().value_or("?"))); });
  });
  CHECK(types == std::vector<std::string>{"IOError", "Timeout"});
}

}  // namespace

TEST_CASE("a span view reads bytes and decoded spans alike") {
  Arena arena;
  Span span = sample(arena);
  std::string raw = bytes_of(span);
  check_view(SpanView(Item{.raw = raw}), arena);
  Item read{.raw = raw};
  read.read<Span>(arena);
  check_view(SpanView(read), arena);
  check_view(SpanView(Item::of(&span)), arena);
}

TEST_CASE("a span view finds fields wherever they stand") {
  Arena arena;
  std::string raw = bytes_of(sample(arena));
  // The same fields twice as far apart: unknown ones in between, attributes and events mixed.
  std::vector<std::string> first, last;
  for (Reader reader(raw); reader.next();) {
    reader.skip();
    (reader.field() % 2 ? first : last).push_back(std::string(reader.whole()));
  }
  Writer unknown;
  unknown.bytes(99, "x");
  std::string mixed;
  for (std::size_t i = 0; i < std::max(first.size(), last.size()); ++i) {
    if (i < first.size()) mixed += first[i];
    mixed += unknown.view();
    if (i < last.size()) mixed += last[i];
  }
  check_view(SpanView(Item{.raw = mixed}), arena);
}

TEST_CASE("a span view of an empty span is empty") {
  SpanView view(Item{.raw = ""});
  CHECK(view.trace_id.empty());
  int seen = 0;
  view.attributes.each([&](const AttributeView&) { ++seen; });
  view.each_event([&](const AttributesView&) { ++seen; });
  CHECK(seen == 0);
}

TEST_CASE("an excerpt has the attributes that were asked for, also where keys and values are long or written oddly") {
  Arena arena;
  Span span = sample(arena);
  std::string long_key(200, 'k'), long_text(300, 'x');
  span.attributes.push_back(arena, {long_key, Value::of(std::int64_t{1})});
  span.attributes.push_back(arena, {"other", Value::of(std::string_view(long_text))});
  std::string bytes = bytes_of(span);
  // The key behind the value, and a key that stands there twice, of which the last counts.
  for (std::string_view key_value : {std::string_view("\x12\x02\x18\x07\x0A\x03odd", 9), std::string_view("\x0A\x01z\x12\x02\x18\x08\x0A\x05twice", 14)}) {
    bytes += '\x4A';
    bytes += static_cast<char>(key_value.size());
    bytes += key_value;
  }
  Excerpt excerpt{Parts::attributes, {}};
  for (std::string_view key : {std::string_view("http.method"), std::string_view(long_key), std::string_view("odd"), std::string_view("twice")}) excerpt.keys.add(key);

  Item item{.raw = bytes};
  ExcerptReader<Span> reader;
  auto& seen = *static_cast<const Span*>(reader.look(item, excerpt).message);
  CHECK(seen.name == "GET /");
  CHECK(seen.status_code == Span::error);
  CHECK(seen.events.empty());
  CHECK(seen.attributes.find("http.status_code") == nullptr);
  CHECK(seen.attributes.find("nothing") == nullptr);
  CHECK(seen.attributes.find("http.method")->text == "GET");
  CHECK(seen.attributes.find(long_key)->integer == 1);
  CHECK(seen.attributes.find("odd")->integer == 7);
  CHECK(seen.attributes.find("twice")->integer == 8);
  CHECK(item.message == nullptr);

  auto& few = *static_cast<const Span*>(reader.look(item, {Parts::fields, {}, Excerpt::field(5) | Excerpt::field(15)}).message);
  CHECK(few.name == "GET /");
  CHECK(few.status_code == Span::error);
  CHECK(few.trace_id.empty());
  CHECK(few.start_time_unix_nano == 0);
  CHECK(few.attributes.empty());

  // Nothing stays of what was seen before.
  Span unset;
  unset.attributes.push_back(arena, {"http.method", Value::of(std::string_view("PUT"))});
  std::string other = bytes_of(unset);
  Item second{.raw = other};
  Excerpt status{Parts::attributes, {}, Excerpt::field(15)};
  status.keys.add("http.method");
  for (int i = 0; i < 2; ++i) {
    auto& after = *static_cast<const Span*>(reader.look(second, status).message);
    CHECK(after.name.empty());
    CHECK(after.status_code == Span::unset);
    REQUIRE(after.attributes.size() == 1);
    CHECK(after.attributes[0].value.text == "PUT");
  }
  CHECK(static_cast<const Span*>(reader.look(item, status).message)->status_code == Span::error);
  CHECK(static_cast<const Span*>(reader.look(second, status).message)->status_code == Span::unset);

  Item decoded = Item::of(&span);
  CHECK(&reader.look(decoded, excerpt) == &decoded);
}
