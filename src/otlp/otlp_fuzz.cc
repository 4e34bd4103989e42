// Any bytes as a request: what verify() accepts can be indexed, read, written as JSON and read from that again. What it costs is known
// before, pieces of it have all of it, and its items are counted as it passes by.
#include "otlp/fuzzing.h"
#include "otlp/item_counter.h"
#include "otlp/slicer.h"

using namespace weir;
using namespace weir::otlp;

namespace {

bool has_one_trace_id(std::string_view span) {
  int found = 0;
  for (Reader reader(span); reader.next(); reader.skip()) found += reader.field() == 1;
  return found == 1;
}

// Views agree with decoded spans.
void check_views(Batch& batch) {
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) {
        SpanView view(item);
        const Span& span = item.read<Span>(batch.arena());
        WEIR_CHECK(view.trace_id == span.trace_id && view.span_id == span.span_id && view.parent_span_id == span.parent_span_id);
        WEIR_CHECK(view.name == span.name && view.kind == span.kind && view.status_code == span.status_code);
        if (has_one_trace_id(item.raw)) WEIR_CHECK(peek_trace_id(Signal::traces, item.raw) == span.trace_id);
        std::size_t at = 0;
        view.attributes.each([&](const AttributeView& attribute) {
          const KeyValue& kv = span.attributes[at++];
          WEIR_CHECK(attribute.key == kv.key && to_text(attribute.value(batch.arena())) == to_text(kv.value));
        });
        WEIR_CHECK(at == span.attributes.size());
      }
}

std::vector<std::string_view> items_of(Batch& batch) {
  std::vector<std::string_view> out;
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) out.push_back(item.raw);
  return out;
}

// Its index and all of it decoded take no more than was said before. Of an arena at least the half is in use, its first chunk apart.
void check_cost(Signal signal, const Bytes& body) {
  Budget budget;
  auto batch = Batch::parse(signal, body, budget.empty_charge());
  std::size_t said = batch->cost().bytes, before = batch->charge.bytes();
  Arena& arena = batch->arena();
  for (auto& group : batch->groups()) {
    group.resource.read(arena);
    for (auto& scope : group.scopes) {
      scope.scope.read(arena);
      for (auto& item : scope.items) {
        if (signal == Signal::traces) item.read<Span>(arena);
        if (signal == Signal::metrics) item.read<Metric>(arena);
        if (signal == Signal::logs) item.read<LogRecord>(arena);
      }
    }
  }
  constexpr std::size_t first_chunk = 4096;
  std::size_t index = batch->charge.bytes() - before, decoded = arena.footprint() / 2;
  WEIR_CHECK(index + decoded <= said + first_chunk, "{} + {} bytes, {} were said", index, decoded, said);
}

void check_pieces(Signal signal, const Bytes& body, std::size_t most) {
  auto whole = Batch::parse(signal, body), cut = Batch::parse(signal, body);
  std::vector<std::string_view> seen;
  std::vector<Batch> kept;
  for (Slicer slicer(std::move(*cut), most); !slicer.done();) {
    for (auto raw : items_of(kept.emplace_back(slicer.next()))) seen.push_back(raw);
  }
  WEIR_CHECK(seen == items_of(*whole));
}

void check_counter(Signal signal, std::string_view body, std::size_t items) {
  for (std::size_t part : {std::size_t{1}, std::size_t{7}, body.size()}) {
    ItemCounter counter(signal, ItemCounter::Encoding::protobuf);
    for (std::size_t at = 0; at < body.size(); at += part) counter.take(body.substr(at, part));
    WEIR_CHECK(counter.items() == items, "{} counted, {} items", counter.items(), items);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  Signal signal = fuzzing::signal_of(data[0]);
  Bytes body = fuzzing::exact({reinterpret_cast<const char*>(data) + 1, size - 1});
  auto batch = Batch::parse(signal, body);
  if (!batch) return 0;
  bool repaired = batch->repaired_texts > 0;
  WEIR_CHECK(repaired || fuzzing::joined(*batch) == body.view());
  check_counter(signal, body.view(), batch->items());
  if (!repaired) {
    check_cost(signal, body);
    check_pieces(signal, body, 1 + data[0] * std::size_t{40});
  }
  if (signal == Signal::traces) {
    check_views(*batch);
    fuzzing::check_landmarks(body);
  }
  fuzzing::check_encoding(*batch);
  std::string json = to_json(*batch);
  auto protobuf = json_to_protobuf(signal, json);
  WEIR_CHECK(protobuf.has_value(), "{}: {}", protobuf.error().what, json);
  auto again = Batch::parse(signal, *protobuf);
  WEIR_CHECK(again && again->items() == batch->items(), "{} items, {} in\n{}", batch->items(), again ? again->items() : 0, json);
  WEIR_CHECK(to_json(*again) == json, "{}\n{}", json, to_json(*again));
  return 0;
}
