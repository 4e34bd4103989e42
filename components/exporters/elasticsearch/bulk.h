#pragma once
// Batches as bulk requests, and what comes back.
#include "components/exporters/elasticsearch/documents.h"
#include "otlp/batch.h"

namespace weir::exporters::elasticsearch {

// One request, of which parts may have to be sent again.
struct Bulk {
  std::string body;
  std::vector<std::size_t> ends;  // of each document with its action
  // Which item of the batch (of metrics: point) is in which document.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> items;
  std::size_t documents() const { return ends.size(); }
  std::string_view document(std::size_t number) const;
};

// Goes through a batch, one request after another. The batch must live as long.
class BulkWriter {
 public:
  BulkWriter(const Config& config, otlp::Batch& batch, UnixNanos now);
  // Empty when there is nothing more.
  Bulk next();
  // Items behind what next() gave.
  std::size_t reached() const { return number_; }
  // Items that have no document: points without a value, a metric twice in one document, bodies that are no document, modes that are not allowed.
  const std::vector<std::uint32_t>& without_form() const { return without_form_; }

 private:
  void write_logs(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, const Surroundings& around);
  void write_spans(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, const Surroundings& around);
  void write_points(otlp::ScopeGroup& scope, const Surroundings& around);
  void append(const Index& index, const otlp::Attributes* attributes, std::string_view templates, std::string_view document);
  // Sets the mode of what follows. False: it asks for one that it may not have.
  bool choose_mode(const otlp::Scope& scope);
  void pass_over(otlp::ScopeGroup& scope);
  bool full() const { return bulk_.body.size() >= config_.flush.bytes.value; }

  const Config& config_;
  Mapping mapping_;  // of the scope that is being written
  otlp::Batch& batch_;
  Router router_;
  UnixNanos now_;
  std::size_t group_ = 0, scope_ = 0, item_ = 0, point_ = 0;
  std::size_t part_ = 0;  // of a span: itself, then its events
  std::uint32_t number_ = 0;
  Bulk bulk_;
  std::vector<std::uint32_t> without_form_;
};

// What became of each document.
struct Verdict {
  std::int64_t status = 0;
  std::string reason;  // empty with success
};
// Of an answer to `documents` documents. Errors: it is no answer to them.
Result<std::vector<Verdict>> read_answer(std::string_view body, std::size_t documents);

}  // namespace weir::exporters::elasticsearch
