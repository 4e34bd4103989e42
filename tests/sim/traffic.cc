#include "sim/traffic.h"

namespace weir::sim {
namespace {

constexpr std::array<std::string_view, 6> services = {"web", "cart", "pay", "stock", "mail", "auth"};
constexpr UnixNanos epoch = 1'700'000'000'000'000'000;

template <class Id>
Id random_id(Rng& rng) {
  Id id;
  for (auto& byte : id.bytes) byte = static_cast<unsigned char>(rng.below(256));
  return id;
}

// A root and a few calls, each a client span in one service and a server span in another.
std::vector<SimSpan> random_trace(Rng& rng, Duration at) {
  auto trace = random_id<otlp::TraceId>(rng);
  double errors = rng.chance(0.2) ? 0.5 : 0.0;
  std::vector<SimSpan> spans;
  auto add = [&](std::string_view service, std::int32_t kind, otlp::SpanId parent) {
    spans.push_back({.trace = trace,
                     .id = random_id<otlp::SpanId>(rng),
                     .parent = parent,
                     .service = std::string(service),
                     .name = fmt::format("op{}", rng.below(3)),
                     .kind = kind,
                     .error = rng.chance(errors),
                     .start = epoch + static_cast<UnixNanos>(at.count()),
                     .length = Duration(static_cast<std::int64_t>(rng.below(3'000'000'000)))});
    return spans.back().id;
  };
  std::vector<otlp::SpanId> parents = {add(services[rng.below(services.size())], otlp::Span::internal, {})};
  for (std::size_t calls = rng.below(5); calls > 0; --calls) {
    auto client = add(services[rng.below(services.size())], otlp::Span::client, parents[rng.below(parents.size())]);
    parents.push_back(add(services[rng.below(services.size())], otlp::Span::server, client));
  }
  return spans;
}

void note(Reference& r, const std::vector<SimSpan>& spans) {
  std::map<otlp::SpanId, const SimSpan*> clients;
  for (auto& s : spans) {
    ++r.spans;
    r.traces[s.trace].insert(s.id);
    ++r.calls[call_key(s.service, s.name, kind_name(s.kind), s.error)];
    if (s.kind == otlp::Span::client) clients[s.id] = &s;
  }
  for (auto& s : spans)
    if (auto client = clients.find(s.parent); s.kind == otlp::Span::server && client != clients.end())
      ++r.edges[client->second->service + "/" + s.service];
  if (std::none_of(spans.begin(), spans.end(), [](auto& s) { return s.error; })) r.clean.insert(spans.front().trace);
}

}  // namespace

std::string call_key(std::string_view service, std::string_view name, std::string_view kind, bool error) {
  return fmt::format("{}/{}/{}/{}", service, name, kind, error ? "error" : "fine");
}

std::string_view kind_name(std::int32_t kind) {
  constexpr std::array<std::string_view, 6> names = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                                     "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
  return names[static_cast<std::size_t>(kind)];
}

Traffic Traffic::random(Rng& rng, Duration length) {
  Traffic out;
  std::map<std::int64_t, std::vector<SimSpan>> by_time;  // milliseconds
  auto random_time = [&](Duration limit) { return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(limit / 1ms) + 1)); };
  for (std::size_t traces = 20 + rng.below(60); traces > 0; --traces) {
    std::int64_t begin = random_time(length);
    auto spans = random_trace(rng, begin * 1ms);
    note(out.reference, spans);
    // Most traces come at once, some over a while, a few with spans that are later than any decision.
    Duration spread = std::array<Duration, 4>{0s, 0s, 1s, 20s}[rng.below(4)];
    bool all_failed = true;
    std::map<std::int64_t, bool> failed;
    for (auto& span : spans) {
      std::int64_t at = begin + random_time(spread);
      failed[at] |= span.error;
      by_time[at].push_back(span);
    }
    for (auto& [at, error] : failed) all_failed &= error;
    if (all_failed) out.reference.failed.insert(spans.front().trace);
  }
  for (auto& [at, spans] : by_time) {
    for (std::size_t i = spans.size(); i > 1; --i) std::swap(spans[i - 1], spans[rng.below(i)]);
    out.requests.push_back({at * 1ms, std::move(spans)});
  }
  return out;
}

otlp::Batch to_batch(const std::vector<SimSpan>& spans) {
  otlp::Batch batch(otlp::Signal::traces);
  Arena& arena = batch.arena();
  std::map<std::string_view, std::size_t> at;
  auto& groups = batch.groups();
  for (auto& s : spans) {
    auto [there, fresh] = at.emplace(s.service, groups.size());
    if (fresh) {
      auto* resource = arena.make<otlp::Resource>();
      resource->attributes.set(arena, "service.name", otlp::Value::of(std::string_view(s.service)));
      groups.push_back({otlp::Lazy<otlp::Resource>(resource), {}, {}, {}});
      groups.back().scopes.emplace_back();
    }
    auto* span = arena.make<otlp::Span>();
    span->trace_id = s.trace, span->span_id = s.id, span->parent_span_id = s.parent;
    span->name = s.name;
    span->kind = s.kind;
    span->status_code = s.error ? otlp::Span::error : otlp::Span::unset;
    span->start_time_unix_nano = s.start;
    span->end_time_unix_nano = s.start + static_cast<UnixNanos>(s.length.count());
    groups[there->second].scopes[0].items.push_back(otlp::Item::of(span));
  }
  batch.prune();
  std::string bytes;
  for (auto& piece : batch.encode()) bytes += piece.view();
  auto parsed = otlp::Batch::parse(otlp::Signal::traces, Bytes::take(std::move(bytes)));
  WEIR_CHECK(parsed.has_value(), "{}", parsed ? "" : parsed.error().what);
  return std::move(*parsed);
}

}  // namespace weir::sim
