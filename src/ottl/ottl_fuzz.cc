// Bytes are a statement, run in the span context on a small fixed span; its value is asked for too.
#include "ottl/testing.h"

using namespace weir;
using namespace weir::ottl;

namespace {

// One of each shape of value, as they come from a sender: arrays and maps not decoded yet.
std::string fixed_span() {
  Bench bench(ContextId::span);
  auto& attributes = bench.span.attributes;
  otlp::Array list;
  for (std::int64_t number : {3, 1, 2}) list.push_back(bench.arena, otlp::Value::of(number));
  list.push_back(bench.arena, otlp::Value::of(std::string_view("x")));
  otlp::Attributes inner, map;
  bench.set(inner, "", "no key");
  inner.set(bench.arena, "null", otlp::Value{});
  bench.set(map, "a", std::int64_t{1});
  map.set(bench.arena, "b", otlp::Value::of(&inner));
  map.set(bench.arena, "l", otlp::Value::of(&list));
  bench.span.name = "GET /cart/7";
  bench.span.trace_state = "a=1,b=2";
  bench.span.kind = otlp::Span::server;
  bench.set(attributes, "s", "Hello, w\xC3\xB6rld 10.1.2.3");
  bench.set(attributes, "i", std::int64_t{-42});
  bench.set(attributes, "d", 2.5);
  bench.set(attributes, "nan", std::numeric_limits<double>::quiet_NaN());
  bench.set_bool(attributes, "t", true);
  attributes.set(bench.arena, "by", otlp::Value::of_bytes(std::string_view("\x00\xFFz", 3)));
  attributes.set(bench.arena, "null", otlp::Value{});
  attributes.set(bench.arena, "l", otlp::Value::of(&list));
  attributes.set(bench.arena, "m", otlp::Value::of(&map));
  bench.set(attributes, "json", R"({"a": [1, {"b": null}], "c": "x"})");
  bench.set(attributes, "xml", R"(<a i="1"><b>x</b>y</a>)");
  otlp::Writer writer;
  otlp::encode(bench.span, writer);
  return std::string(writer.view());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const std::string span = fixed_span();
  if (size > 4096) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  Options options{.caller = Callers::transform, .lambdas = true};
  Bench bench(ContextId::span, options);
  otlp::decode(span, bench.arena, bench.span);
  bench.set(bench.span.attributes, "e", std::string_view());  // empty, and without an address
  bench.run({text});
  bench.test(text);
  bench.eval(text);
  // Whatever a statement did, the span can be encoded and read again.
  otlp::Writer writer;
  otlp::encode(bench.span, writer);
  Arena arena;
  otlp::Span again;
  otlp::decode(arena.copy(writer.view()), arena, again);
  WEIR_CHECK(again.attributes.size() == bench.span.attributes.size());
  return 0;
}
