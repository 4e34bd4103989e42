#pragma once
// OTLP spans as a list of Zipkin's, version 2.
#include "components/shared/trace_writer/trace_writer.h"
#include "otlp/batch.h"

namespace weir::zipkin {

enum class Format : std::uint8_t { json, proto };
std::string_view content_type(Format format);

// One list under construction. A resource's attributes are written with each of its spans, so a list may be much longer than
// what it was made of: look at size().
class SpanWriter {
 public:
  // `default_service_name`: the local service of resources that name none; empty: the Go collector's word for that.
  SpanWriter(Format format, std::string default_service_name);

  // What the following spans belong to. Must live until those are added.
  void begin(const otlp::Resource& resource, const otlp::Scope& scope);
  // False: it has no trace id or span id, without which Zipkin takes none.
  bool add(const otlp::Span& span);

  std::size_t size() const { return body_.size(); }
  std::size_t spans() const { return spans_; }
  // The list. The writer is empty after it.
  Bytes finish();

 private:
  struct Model;
  Model model_of(const otlp::Span& span);
  void take_service();
  void write_json(const Model& span);
  void write_proto(const Model& span);

  Format format_;
  std::string default_service_;
  Charge unlimited_;
  Scratch base_scratch_{unlimited_}, scratch_{unlimited_};
  otlp::Attributes base_;  // text: of the resource and the scope
  std::string_view service_;
  std::string body_;
  std::size_t spans_ = 0;
};

// All spans of the batch, without those that have no ids; how many those are is added to `invalid`. nullopt: longer than `most`.
std::optional<Bytes> to_zipkin(otlp::Batch& batch, Format format, std::size_t& invalid, std::size_t most = SIZE_MAX);

}  // namespace weir::zipkin
