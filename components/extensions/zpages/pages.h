#pragma once
// The pages as text. All of them are made from scratch for each request; nothing is kept.
#include "engine/plan.h"
#include "telemetry/metrics.h"

namespace weir::extensions::zpages {

struct ProcessFacts {
  UnixNanos started = 0, now = 0;
  std::size_t resident = 0, budget_used = 0, budget_limit = 0;
};

std::string service_page(const ProcessFacts& facts);
// Pipelines, the plan with its exchanges, and what went through each part. `plan` may be null.
std::string pipelines_page(const engine::Plan* plan, std::span<const telemetry::Family> metrics);
std::string extensions_page(const engine::Plan* plan);
std::string features_page();
// What is scraped, from scrape::Board::json().
std::string targets_page(std::string_view json);
// Go's expvar layout: {"cmdline": [...], "memstats": {...}}, and our metrics.
std::string expvar_json(const ProcessFacts& facts, std::span<const telemetry::Family> metrics);

}  // namespace weir::extensions::zpages
