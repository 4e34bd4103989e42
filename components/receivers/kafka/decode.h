#pragma once
// Messages of a topic as OTLP requests.
#include "base/time.h"
#include "ottl/text/encoding.h"
#include "otlp/batch.h"

namespace weir::receivers::kafka {

// One encoding. One core.
class Decoder {
 public:
  // Errc::config for an encoding that this signal does not have.
  static Result<Decoder> make(otlp::Signal signal, std::string_view encoding);

  // An OTLP request with what the message says. `charge` grows by what that takes beside the message. `now`: for records of logs
  // that say no time. Errors as those of Batch::parse().
  Result<Bytes> decode(const Bytes& message, UnixNanos now, Budget& budget, Charge& charge);

 private:
  enum class Kind : std::uint8_t { otlp_proto, otlp_json, jaeger_proto, jaeger_json, zipkin_proto, zipkin_json, zipkin_thrift, raw, text, json };
  explicit Decoder(otlp::Signal signal, Kind kind) : signal_(signal), kind_(kind) {}

  otlp::Signal signal_;
  Kind kind_;
  std::optional<ottl::TextDecoder> text_;  // none: UTF-8
};

}  // namespace weir::receivers::kafka
