#pragma once
// What checks found out, as metrics.
#include "components/receivers/httpcheck/validation.h"
#include "otlp/batch.h"

namespace weir::receivers::httpcheck {

struct Finding {
  std::string url, method;
  std::int64_t millis = 0;
  int status = 0;      // 0: there was no answer
  std::string error;   // then why
  std::int64_t size = 0;
  std::vector<Verdict> verdicts;
};

otlp::Batch to_metrics(std::span<const Finding> findings, const Metrics& wanted, UnixNanos start, UnixNanos now);

// Where a redirect leads; empty when it leads nowhere.
std::string redirected(const std::string& url, std::string_view location);

}  // namespace weir::receivers::httpcheck
