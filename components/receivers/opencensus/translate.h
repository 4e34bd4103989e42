#pragma once
// OpenCensus' messages as OTLP's.
#include "components/shared/trace_writer/trace_writer.h"
#include "otlp/batch.h"

namespace weir::receivers::opencensus {

// Who sends, as the messages of a call have said so far: what one of them leaves out is that of those before it.
class Sender {
 public:
  explicit Sender(Charge charge) : charge_(std::move(charge)) {}

  // Takes what this request says about its sender. An error: it is not of this protocol, or there is no room.
  Result<> update(std::string_view request);

  const std::optional<std::string>& node() const { return node_; }
  const std::optional<std::string>& resource() const { return resource_; }

 private:
  std::optional<std::string> node_, resource_;  // encoded
  Charge charge_;                               // for both
};

// OTLP requests made of one or more of OpenCensus'.
class Translator {
 public:
  Translator(otlp::Signal signal, Charge& charge) : signal_(signal), charge_(charge), scratch_(charge), writer_(charge) {}

  // An ExportTraceServiceRequest or an ExportMetricsServiceRequest, of this sender.
  Result<> add(std::string_view request, const Sender& sender);
  // Points that OTLP has no place for (gauges that are distributions), and metrics that do not say what they are.
  std::size_t lost() const { return lost_; }
  bool empty() const { return writer_.spans() == 0; }
  Result<Bytes> finish() { return writer_.finish(); }

 private:
  Result<> add_item(std::string_view item, const Sender& sender, std::optional<TraceWriter::Group>& common);
  Result<TraceWriter::Group> group_of(const std::optional<std::string>& node, std::optional<std::string_view> resource);

  otlp::Signal signal_;
  Charge& charge_;
  Scratch scratch_;
  TraceWriter writer_;
  std::size_t lost_ = 0;
};

// The parts; texts are views into the messages.
Result<> read_span(std::string_view message, Scratch& scratch, otlp::Span& span);
// False: nothing of OTLP's stands for it; `lost` grows by its points.
Result<bool> read_metric(std::string_view message, Scratch& scratch, otlp::Metric& metric, std::size_t& lost);

}  // namespace weir::receivers::opencensus
