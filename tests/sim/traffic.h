#pragma once
// Random traces, and what one thread finds by looking at all of them.
#include <map>
#include <set>

#include "base/rng.h"
#include "base/time.h"
#include "otlp/batch.h"

namespace weir::sim {

struct SimSpan {
  otlp::TraceId trace;
  otlp::SpanId id, parent;
  std::string service, name;
  std::int32_t kind = otlp::Span::internal;
  bool error = false;
  UnixNanos start = 0;
  Duration length{};
};

// Spans that a client sends in one request, at `at` since the beginning.
struct Request {
  Duration at{};
  std::vector<SimSpan> spans;
};

// What must come out, whatever the cores, faults and interleaving.
struct Reference {
  std::map<otlp::TraceId, std::set<otlp::SpanId>> traces;
  std::set<otlp::TraceId> failed;                       // traces that have an error in every one of their requests
  std::set<otlp::TraceId> clean;                        // traces without any error
  std::map<std::string, std::uint64_t> calls;           // "service/name/kind/error" → spans
  std::map<std::string, std::uint64_t> edges;           // "client/server" → pairs
  std::size_t spans = 0;
};

struct Traffic {
  std::vector<Request> requests;  // by time
  Reference reference;

  static Traffic random(Rng& rng, Duration length);
};

// As it would come from the network.
otlp::Batch to_batch(const std::vector<SimSpan>& spans);

std::string call_key(std::string_view service, std::string_view name, std::string_view kind, bool error);
std::string_view kind_name(std::int32_t kind);

}  // namespace weir::sim
