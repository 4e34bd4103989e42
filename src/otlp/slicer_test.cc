#include "otlp/slicer.h"

#include <doctest/doctest.h>

#include "otlp/item_counter.h"
#include "otlp/json.h"
#include "otlp/test_messages.h"
#include "otlp/verify.h"

using namespace weir;
using namespace weir::otlp;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string request_of(std::string_view items, std::string_view resource = {}) {
  return field(1, (resource.empty() ? "" : field(1, resource)) + field(2, field(1, field(1, "lib")) + std::string(items)));
}

Batch parsed(Signal signal, std::string request, Budget& budget) {
  Charge charge = budget.charge_unchecked(request.size());
  auto batch = Batch::parse(signal, Bytes::take(std::move(request)), std::move(charge));
  REQUIRE(batch.has_value());
  return std::move(*batch);
}

// Of all its items decoded.
std::size_t taken_apart(Batch& batch) {
  std::size_t before = batch.charge.bytes();
  Arena& arena = batch.arena();
  for (auto& group : batch.groups()) {
    group.resource.read(arena);
    for (auto& scope : group.scopes) {
      scope.scope.read(arena);
      for (auto& item : scope.items) {
        if (batch.signal() == Signal::traces) item.read<Span>(arena);
        if (batch.signal() == Signal::metrics) item.read<Metric>(arena);
        if (batch.signal() == Signal::logs) item.read<LogRecord>(arena);
      }
    }
  }
  return batch.charge.bytes() - before + arena.footprint();
}

// Bodies that take far more decoded than on the wire.
std::vector<std::pair<Signal, std::string>> explosive(std::size_t n) {
  std::string attribute = field(1, ""), event = field(11, ""), link = field(13, "");
  std::string one = field(9, attribute);
  std::vector<std::pair<Signal, std::string>> out;
  for (auto& span : {std::string(), repeated(field(9, ""), n), repeated(event, n), repeated(link, n), repeated(field(11, field(3, "")), n),
                     repeated(field(9, field(2, field(5, repeated(field(1, ""), 40)))), n / 40), repeated(std::string("\xa0\x06\x00", 3), n)})
    out.emplace_back(Signal::traces, request_of(repeated(field(2, span), span.empty() ? n : 1)));
  out.emplace_back(Signal::traces, repeated(field(1, field(2, field(2, ""))), n));
  out.emplace_back(Signal::traces, request_of(field(2, ""), repeated(field(1, ""), n)));
  out.emplace_back(Signal::logs, request_of(repeated(field(2, ""), n)));
  out.emplace_back(Signal::logs, request_of(field(2, repeated(field(6, ""), n))));
  for (std::uint32_t kind : {5u, 7u, 9u, 10u, 11u}) out.emplace_back(Signal::metrics, request_of(field(2, field(kind, repeated(field(1, ""), n)))));
  out.emplace_back(Signal::metrics, request_of(field(2, repeated(field(5, field(1, "")), n))));
  out.emplace_back(Signal::metrics, request_of(repeated(field(2, field(5, field(1, ""))), n)));
  out.emplace_back(Signal::metrics, request_of(field(2, field(10, field(1, field(8, field(2, repeated(std::string(1, 1), n))))))));
  out.emplace_back(Signal::metrics, request_of(field(2, field(9, field(1, repeated(field(6, std::string(8, 1)), n))))));
  out.emplace_back(Signal::metrics, request_of(field(2, field(5, field(1, repeated(field(5, ""), n))))));
  out.emplace_back(Signal::metrics, request_of(field(2, field(11, field(1, repeated(field(6, ""), n))))));
  return out;
}

}  // namespace

TEST_CASE("what a request takes when it is taken apart is known before") {
  Budget budget;
  std::size_t number = 0;
  for (auto& [signal, request] : explosive(5000)) {
    CAPTURE(number++);
    Batch batch = parsed(signal, request, budget);
    std::size_t said = batch.cost().bytes, took = taken_apart(batch);
    CHECK(took <= said + 2 * 256 * 1024);  // the arena's last chunk and its first ones
    CHECK(said <= 200 * request.size() * 4 + 100'000);
  }
  Batch usual = parsed(Signal::traces, request_of(repeated(field(2, span_head("GET /") + repeated(field(9, field(1, "http.route") + field(2, field(1, "/cart"))), 8)), 20)), budget);
  CHECK_FALSE(usual.cost().dense);
  CHECK(usual.cost().bytes < Cost::ordinary(usual.items(), usual.bytes()));
}

TEST_CASE("pieces have all items, each once and in order, and none takes more than was asked for") {
  Budget budget;
  std::size_t number = 0;
  for (auto& [signal, request] : explosive(5000)) {
    CAPTURE(number++);
    Batch whole = parsed(signal, request, budget), copy = whole.fork();
    std::size_t items = whole.items(), largest = std::max<std::size_t>(whole.cost().largest, 100'000), seen = 0;
    std::vector<std::string_view> raw, expected;
    std::vector<Batch> kept;
    for (Slicer slicer(std::move(copy), 100'000); !slicer.done();) {
      Batch piece = slicer.next();
      seen += piece.items();
      CHECK(piece.cost().bytes <= largest + 100'000);
      for (auto& group : piece.groups())
        for (auto& scope : group.scopes) {
          for (auto& item : scope.items) raw.push_back(item.raw);
        }
      kept.push_back(std::move(piece));
    }
    for (auto& group : whole.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) expected.push_back(item.raw);
    CHECK(seen == items);
    CHECK(raw == expected);
  }
}

TEST_CASE("a resource as large as a piece is not taken apart for each item") {
  Budget budget;
  Batch whole = parsed(Signal::traces, request_of(repeated(field(2, ""), 1000), repeated(field(1, ""), 10'000)), budget);
  std::size_t resource = cost_of_resource(repeated(field(1, ""), 10'000)).bytes, all = whole.cost().bytes, pieces = 0, items = 0;
  for (Slicer slicer(std::move(whole), resource + 1); !slicer.done(); ++pieces) {
    Batch piece = slicer.next();
    CHECK(piece.cost().bytes <= 2 * resource);
    items += piece.items();
    piece.settle({});
  }
  CHECK(items == 1000);
  CHECK(pieces <= 2 * (all - resource) / resource + 2);
}

TEST_CASE("a piece keeps the body, and its charge, alive; the last one gives it back") {
  Budget budget;
  Batch whole = parsed(Signal::traces, request_of(repeated(field(2, ""), 1000)), budget);
  std::size_t body = whole.bytes();
  Slicer slicer(std::move(whole), 100'000);
  Batch first = slicer.next();
  while (!slicer.done()) slicer.next();
  CHECK(budget.used() > body);
  first = Batch(Signal::traces);
  CHECK(budget.used() == 0);
}

TEST_CASE("a batch that is made small has the same content and no index") {
  Budget budget;
  Batch batch = parsed(Signal::logs, request_of(repeated(field(2, field(3, "WARN")), 1000)), budget);
  for (auto& item : batch.groups()[0].scopes[0].items) item.edit<LogRecord>(batch.arena()).severity_number = 5;
  std::size_t before = batch.footprint();
  batch.compact();
  CHECK(batch.footprint() < before / 4);
  CHECK(batch.items() == 1000);
  CHECK(batch.groups()[0].scopes[0].items[999].read<LogRecord>(batch.arena()).severity_number == 5);
}

TEST_CASE("items are counted in a stream, however it is cut") {
  Budget budget;
  for (auto& [signal, request] : explosive(500)) {
    std::size_t items = parsed(signal, request, budget).items();
    Batch batch = parsed(signal, request, budget);
    std::string json = to_json(batch);
    for (std::size_t step : {1u, 7u, 100'000u}) {
      ItemCounter counter(signal, ItemCounter::Encoding::protobuf), in_json(signal, ItemCounter::Encoding::json);
      for (std::size_t at = 0; at < request.size(); at += step) counter.take(std::string_view(request).substr(at, step));
      for (std::size_t at = 0; at < json.size(); at += step) in_json.take(std::string_view(json).substr(at, step));
      CHECK(counter.items() == items);
      CHECK(in_json.items() == items);
    }
  }
  ItemCounter spans(Signal::traces, ItemCounter::Encoding::json);
  spans.take(R"({"resourceSpans":[{"resource":{"attributes":[{"key":"spans","value":{"arrayValue":{"values":[{},{}]}}}]},"scopeSpans":[{"spans":[{"name":"\"[{"},{"events":[{},{}]}]}]}]})");
  CHECK(spans.items() == 2);
}
