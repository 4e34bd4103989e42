#pragma once
// Log lines for statements and conditions that fail while they are told to ignore errors.
#include "base/log.h"
#include "ottl/ottl.h"

namespace weir::ottl {

// One core, one component. Writes at most a few lines in ten seconds and says how many it left out.
class ErrorLog {
 public:
  ErrorLog(std::string component, std::string_view message) : component_(std::move(component)), message_(message) {
    on_error_ = [this](std::string_view statement, std::string_view error) { write(statement, error); };
  }
  ErrorLog(const ErrorLog&) = delete;

  const OnError& on_error() const { return on_error_; }
  const std::string& component() const { return component_; }

 private:
  void write(std::string_view statement, std::string_view error) {
    long long suppressed = 0;
    if (!limit_.allow(suppressed)) return;
    log::warn(message_, {{"component", component_}, {"statement", statement}, {"error", error}, {"suppressed", suppressed}});
  }

  std::string component_;
  std::string_view message_;
  log::RateLimit limit_;
  OnError on_error_;
};

}  // namespace weir::ottl
