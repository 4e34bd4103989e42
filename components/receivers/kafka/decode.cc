#include "components/receivers/kafka/decode.h"

#include <simdjson.h>

#include "base/text.h"
#include "components/shared/jaeger/jaeger.h"
#include "components/shared/zipkin/zipkin.h"
#include "otlp/json.h"

namespace weir::receivers::kafka {
namespace {

namespace dom = simdjson::dom;
using otlp::Signal;
using otlp::Value;

constexpr std::size_t tree_factor = 12, longest_nesting = 64;

// A request with one record and nothing else.
Result<Bytes> request_of(const otlp::LogRecord& record, Charge& charge) {
  otlp::Writer out(256);
  encode(record, out);
  out.close(2, 0);  // ScopeLogs.log_records
  out.close(2, 0);  // ResourceLogs.scope_logs
  out.close(1, 0);
  if (!charge.grow(out.size())) return fail(no_room());
  return out.finish();
}

Error malformed(std::string_view what) { return {Errc::invalid, fmt::format("not a JSON object: {}", what), {}}; }

// Numbers are doubles, as they are in JSON.
Result<Value> value_of(dom::element from, Scratch& scratch, std::size_t depth) {
  if (depth > longest_nesting) return fail(malformed("too deeply nested"));
  std::string_view text;
  double number;
  bool truth;
  if (!from.get(text)) {
    if (!scratch.take(text.size())) return fail(no_room());
    return Value::of(scratch.arena().copy(text));
  }
  if (!from.get(truth)) return Value::of(truth);
  if (!from.get(number)) return Value::of(number);
  if (dom::array list; !from.get(list)) {
    auto* out = scratch.arena().make<otlp::Array>();
    for (dom::element element : list) {
      WEIR_ASSIGN(auto value, value_of(element, scratch, depth + 1));
      if (!scratch.push(*out, value)) return fail(no_room());
    }
    return Value::of(out);
  }
  if (dom::object object; !from.get(object)) {
    auto* out = scratch.arena().make<otlp::Attributes>();
    AttributeSetter setter(scratch, *out);
    for (auto [key, element] : object) {
      WEIR_ASSIGN(auto value, value_of(element, scratch, depth + 1));
      if (!scratch.take(key.size()) || !setter.set(scratch.arena().copy(key), value)) return fail(no_room());
    }
    return Value::of(out);
  }
  return Value();
}

Result<Bytes> from_json(std::string_view message, UnixNanos now, Charge& charge) {
  Charge tree = charge.another();
  if (!tree.grow(tree_factor * message.size())) return fail(no_room());
  dom::parser parser;
  dom::element root;
  if (auto error = parser.parse(message.data(), message.size()).get(root)) return fail(malformed(simdjson::error_message(error)));
  if (!root.is_object()) return fail(malformed("the message is something else"));
  Scratch scratch(tree);
  WEIR_ASSIGN(auto body, value_of(root, scratch, 0));
  return request_of({.observed_time_unix_nano = static_cast<std::uint64_t>(now), .body = body}, charge);
}

}  // namespace

Result<Decoder> Decoder::make(Signal signal, std::string_view encoding) {
  struct Row {
    std::string_view name;
    Kind kind;
    std::optional<Signal> only;
  };
  static constexpr Row rows[] = {{"otlp_proto", Kind::otlp_proto, {}},
                                 {"otlp_json", Kind::otlp_json, {}},
                                 {"jaeger_proto", Kind::jaeger_proto, Signal::traces},
                                 {"jaeger_json", Kind::jaeger_json, Signal::traces},
                                 {"zipkin_proto", Kind::zipkin_proto, Signal::traces},
                                 {"zipkin_json", Kind::zipkin_json, Signal::traces},
                                 {"zipkin_thrift", Kind::zipkin_thrift, Signal::traces},
                                 {"raw", Kind::raw, Signal::logs},
                                 {"text", Kind::text, Signal::logs},
                                 {"json", Kind::json, Signal::logs}};
  for (auto& row : rows)
    if (row.name == encoding && (!row.only || row.only == signal) && (signal != Signal::profiles || row.kind == Kind::otlp_proto)) return Decoder(signal, row.kind);
  constexpr std::string_view charset = "text_";
  if (signal == Signal::logs && encoding.starts_with(charset)) {
    Decoder out(signal, Kind::text);
    WEIR_ASSIGN(auto text, ottl::TextDecoder::open(encoding.substr(charset.size())));
    out.text_.emplace(std::move(text));
    return out;
  }
  return fail(Errc::config, "unrecognized {} encoding \"{}\"", to_string(signal), encoding);
}

Result<Bytes> Decoder::decode(const Bytes& message, UnixNanos now, Budget& budget, Charge& charge) {
  std::string_view bytes = message.view();
  switch (kind_) {
    case Kind::otlp_proto: return message;
    case Kind::otlp_json: {
      WEIR_ASSIGN(auto request, otlp::json_to_protobuf(signal_, bytes, &budget));
      if (!charge.grow(request.size())) return fail(no_room());
      return request;
    }
    case Kind::jaeger_proto: return jaeger::from_proto_span(bytes, charge);
    case Kind::jaeger_json: return jaeger::from_json_span(bytes, charge);
    case Kind::zipkin_proto: return zipkin::from_proto_v2(bytes, false, charge);
    case Kind::zipkin_json: return zipkin::from_json_v2(bytes, false, charge);
    case Kind::zipkin_thrift: return zipkin::from_thrift_v1(bytes, charge);
    case Kind::raw: return request_of({.body = Value::of_bytes(bytes)}, charge);
    case Kind::json: return from_json(bytes, now, charge);
    case Kind::text: break;
  }
  std::string decoded;
  if (text_) {
    if (!charge.grow(3 * bytes.size())) return fail(no_room());
    text_->decode(bytes, decoded);
    bytes = decoded;
  }
  return request_of({.observed_time_unix_nano = static_cast<std::uint64_t>(now), .body = Value::of(bytes)}, charge);
}

}  // namespace weir::receivers::kafka
