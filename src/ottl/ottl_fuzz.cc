// Bytes are a statement, run in the span context on a small fixed span; its value is asked for too.
#include "ottl/testing.h"

using namespace weir;
using namespace weir::ottl;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size > 4096) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  Options options{.caller = Callers::transform, .lambdas = true};
  Bench bench(ContextId::span, options);
  bench.span.name = "GET /cart/7";
  bench.span.trace_state = "a=1,b=2";
  bench.span.kind = otlp::Span::server;
  bench.set(bench.span.attributes, "s", "Hello, w\xC3\xB6rld 10.1.2.3");
  bench.set(bench.span.attributes, "i", std::int64_t{-42});
  bench.set(bench.span.attributes, "d", 2.5);
  bench.set_bool(bench.span.attributes, "t", true);
  bench.set(bench.span.attributes, "json", R"({"a": [1, {"b": null}], "c": "x"})");
  bench.set(bench.span.attributes, "xml", R"(<a i="1"><b>x</b>y</a>)");
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
