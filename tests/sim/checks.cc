#include "sim/checks.h"

namespace weir::sim {
namespace {

using otlp::Batch;

template <class T, class Visit>
void each(Batch& batch, Visit visit) {
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) visit(group, item.read<T>(batch.arena()));
}

std::string text_of(const otlp::Attributes& attributes, std::string_view key) {
  const otlp::Value* value = attributes.find(key);
  return value ? otlp::to_text(*value) : "";
}

std::string hex(const otlp::TraceId& id) {
  std::string out;
  for (unsigned char byte : id.bytes) out += fmt::format("{:02x}", byte);
  return out;
}

class Checker {
 public:
  Checker(const Reference& reference, bool exactly_once, std::string_view world)
      : r_(reference), exactly_once_(exactly_once), world_(world) {}

  void whole_traces(Backend& backend) {
    std::map<otlp::TraceId, std::multiset<otlp::SpanId>> got;
    for (auto& batch : backend.got)
      each<otlp::Span>(*batch, [&](auto&, const otlp::Span& span) { got[span.trace_id].insert(span.span_id); });
    for (auto& [trace, spans] : got) {
      auto wanted = r_.traces.find(trace);
      WEIR_CHECK(wanted != r_.traces.end(), "{}: trace {} was never sent", world_, hex(trace));
      std::set<otlp::SpanId> distinct(spans.begin(), spans.end());
      WEIR_CHECK(distinct == wanted->second, "{}: trace {} came with {} of {} spans", world_, hex(trace), distinct.size(),
                 wanted->second.size());
      WEIR_CHECK(!exactly_once_ || spans.size() == distinct.size(), "{}: trace {} has spans twice", world_, hex(trace));
      WEIR_CHECK(!r_.clean.contains(trace), "{}: trace {} has no error but was kept", world_, hex(trace));
      seen.kept.insert(trace);
    }
    for (auto& trace : r_.failed)
      WEIR_CHECK(seen.kept.contains(trace), "{}: trace {} has only errors but was not kept", world_, hex(trace));
  }

  void metrics(Backend& backend) {
    for (auto& batch : backend.got) each<otlp::Metric>(*batch, [&](auto& group, const otlp::Metric& m) { metric(group, m, batch->arena()); });
    equal("calls", seen.calls, r_.calls);
    equal("durations", durations_, r_.calls);
    equal("edges", seen.edges, r_.edges);
  }

  Seen seen;

 private:
  void metric(otlp::ResourceGroup& group, const otlp::Metric& m, Arena& arena) {
    std::string resource = text_of(group.resource.read(arena).attributes, "service.name");
    for (auto& point : m.points) {
      bool calls = m.name.ends_with(".calls"), duration = m.name.ends_with(".duration");
      if (calls || duration) {
        std::string key = call_key(text_of(point.attributes, "service.name"), text_of(point.attributes, "span.name"),
                                   text_of(point.attributes, "span.kind"), text_of(point.attributes, "status.code") == "STATUS_CODE_ERROR");
        grow(calls ? seen.calls : durations_, key, calls ? static_cast<std::uint64_t>(point.integer) : point.count);
        for (auto& exemplar : point.exemplars) check_exemplar(exemplar);
      } else if (m.name == "traces_service_graph_request_total") {
        bool virtual_node = text_of(point.attributes, "connection_type") == "virtual_node";
        std::string key = text_of(point.attributes, "client") + "/" + text_of(point.attributes, "server");
        if (!virtual_node) add_edge(key, text_of(point.attributes, "failed"), static_cast<std::uint64_t>(point.integer));
      }
    }
  }

  // Cumulative: the last value counts, and it never goes back.
  void grow(std::map<std::string, std::uint64_t>& into, const std::string& key, std::uint64_t value) {
    std::uint64_t& there = into[key];
    WEIR_CHECK(value >= there, "{}: {} went from {} to {}", world_, key, there, value);
    there = value;
  }
  // Edges are counted with and without failures apart; the reference does not tell them apart.
  void add_edge(const std::string& key, const std::string& failed, std::uint64_t value) {
    std::uint64_t& there = edge_parts_[{key, failed}];
    WEIR_CHECK(value >= there, "{}: edge {} failed={} went from {} to {}", world_, key, failed, there, value);
    seen.edges[key] += value - there;
    there = value;
  }

  void check_exemplar(const otlp::Exemplar& exemplar) {
    ++seen.exemplars;
    WEIR_CHECK(seen.kept.contains(exemplar.trace_id), "{}: an exemplar leads to trace {}, which did not arrive", world_,
               hex(exemplar.trace_id));
  }

  void equal(std::string_view what, const std::map<std::string, std::uint64_t>& got, const std::map<std::string, std::uint64_t>& wanted) {
    for (auto& [key, value] : wanted) {
      auto at = got.find(key);
      std::uint64_t n = at == got.end() ? 0 : at->second;
      WEIR_CHECK(exactly_once_ ? n == value : n >= value, "{}: {} of {}: {}, expected {}", world_, what, key, n, value);
    }
    for (auto& [key, value] : got) WEIR_CHECK(wanted.contains(key), "{}: {} of {}: {}, expected none", world_, what, key, value);
  }

  const Reference& r_;
  bool exactly_once_;
  std::string_view world_;
  std::map<std::string, std::uint64_t> durations_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> edge_parts_;
};

}  // namespace

Seen check(const Reference& reference, Backend& traces, Backend& metrics, bool exactly_once, std::string_view world) {
  Checker checker(reference, exactly_once, world);
  checker.whole_traces(traces);
  checker.metrics(metrics);
  return std::move(checker.seen);
}

}  // namespace weir::sim
