#include "bench/bodies.h"

namespace weir::bench {
namespace {

using otlp::Value;
using otlp::Writer;

constexpr std::array<std::string_view, 5> services = {"frontend", "checkout", "catalog", "payment", "shipping"};
constexpr std::array<std::string_view, 4> routes = {"/api/v1/products/{id}", "/api/v1/checkout", "/api/v1/cart", "/api/v1/shipping/quote"};

Value text(std::string_view v) { return Value::of(v); }

void random_bytes(auto& id, Rng& rng) {
  for (auto& b : id.bytes) b = static_cast<unsigned char>(rng.next());
}

otlp::Span make_span(const otlp::TraceId& trace, const otlp::SpanId& parent, bool root, Rng& rng, Arena& arena) {
  otlp::Span span;
  span.trace_id = trace;
  random_bytes(span.span_id, rng);
  if (!root) span.parent_span_id = parent;
  std::string_view route = routes[rng.below(routes.size())];
  span.name = arena.copy(fmt::format("GET {}", route));
  span.kind = root ? otlp::Span::server : static_cast<std::int32_t>(otlp::Span::server + rng.below(2));
  // A request of a tenth of a second; one span in a hundred is slow.
  span.start_time_unix_nano = 1'700'000'000'000'000'000 + rng.below(20'000'000);
  span.end_time_unix_nano = span.start_time_unix_nano + 100'000 + rng.below(100'000'000) + (rng.chance(0.01) ? 1'000'000'000 : 0);
  bool failed = rng.chance(0.02);
  if (failed) span.status_code = otlp::Span::error;
  auto& a = span.attributes;
  a.set(arena, "http.request.method", text("GET"));
  a.set(arena, "http.route", text(route));
  a.set(arena, "http.response.status_code", Value::of(std::int64_t{failed ? 500 : 200}));
  a.set(arena, "server.address", text("shop.example.com"));
  a.set(arena, "user_agent.original", text(rng.chance(0.05) ? "kube-probe/1.29" : "Mozilla/5.0 (X11; Linux)"));
  a.set(arena, "network.protocol.version", text("1.1"));
  a.set(arena, "thread.id", Value::of(static_cast<std::int64_t>(rng.below(64))));
  return span;
}

void write_resource(std::string_view service, Writer& out) {
  Arena arena;
  otlp::Resource resource;
  resource.attributes.set(arena, "service.name", text(service));
  resource.attributes.set(arena, "service.namespace", text("shop"));
  resource.attributes.set(arena, "service.instance.id", text("627cc493-f310-47de-96bd-71410b7dec09"));
  resource.attributes.set(arena, "host.name", text("node-17"));
  std::size_t mark = out.size();
  encode(resource, out);
  out.close(1, mark);
}

template <class Write>
void write_groups(int groups, Writer& out, Write write_items) {
  for (int g = groups; g-- > 0;) {
    std::size_t group = out.size(), scope = group;
    write_items(g);
    out.close(2, scope);
    write_resource(services[static_cast<std::size_t>(g)], out);
    out.close(1, group);
  }
}

template <class Message>
void write_item(const Message& message, Writer& out) {
  std::size_t mark = out.size();
  encode(message, out);
  out.close(2, mark);
}

void write_traces(const Shape& shape, Rng& rng, Writer& out) {
  int groups = shape.items >= 50 ? static_cast<int>(services.size()) : 1;
  int traces = std::max(1, shape.items / shape.spans_per_trace);
  std::vector<std::pair<otlp::TraceId, otlp::SpanId>> ids(static_cast<std::size_t>(traces));
  for (auto& [trace, root] : ids) random_bytes(trace, rng), random_bytes(root, rng);
  write_groups(groups, out, [&](int g) {
    for (int i = shape.items / groups; i-- > 0;) {
      Arena arena;
      auto& [trace, root] = ids[static_cast<std::size_t>(i) % ids.size()];
      otlp::Span span = make_span(trace, root, g == 0, rng, arena);
      if (g == 0) span.span_id = root;
      write_item(span, out);
    }
  });
}

void write_logs(const Shape& shape, Rng& rng, Writer& out) {
  write_groups(1, out, [&](int) {
    for (int i = 0; i < shape.items; ++i) {
      Arena arena;
      otlp::LogRecord record;
      record.time_unix_nano = record.observed_time_unix_nano = 1'700'000'000'000'000'000 + rng.below(1'000'000'000);
      record.severity_number = 9;
      record.severity_text = "INFO";
      record.body = text("order 12345 was taken: 3 items, 42.00 EUR, shipped to Hamburg within two days");
      record.attributes.set(arena, "log.file.path", text("/var/log/pods/shop_checkout-7d9f/checkout/0.log"));
      record.attributes.set(arena, "log.iostream", text("stdout"));
      random_bytes(record.trace_id, rng);
      random_bytes(record.span_id, rng);
      write_item(record, out);
    }
  });
}

// Ten points a metric; sums, gauges and histograms in turn.
void write_metrics(const Shape& shape, Rng& rng, Writer& out) {
  write_groups(1, out, [&](int) {
    for (int i = 0; i < shape.items; i += 10) {
      Arena arena;
      otlp::Metric metric;
      metric.name = "http.server.request.duration";
      metric.unit = "s";
      metric.type = i / 10 % 3 == 0 ? otlp::MetricType::sum : i / 10 % 3 == 1 ? otlp::MetricType::gauge : otlp::MetricType::histogram;
      metric.temporality = otlp::Temporality::cumulative;
      metric.is_monotonic = true;
      for (int p = 0; p < std::min(10, shape.items - i); ++p) {
        otlp::DataPoint& point = metric.points.push_back(arena, {});
        point.start_time_unix_nano = 1'700'000'000'000'000'000;
        point.time_unix_nano = 1'700'000'060'000'000'000;
        point.attributes.set(arena, "http.route", text(routes[rng.below(routes.size())]));
        point.attributes.set(arena, "http.response.status_code", Value::of(static_cast<std::int64_t>(200 + p)));
        if (metric.type != otlp::MetricType::histogram) {
          point.type = otlp::NumberType::real;
          point.real = rng.unit() * 1000;
          continue;
        }
        point.count = 1000;
        point.has_sum = true;
        point.sum = rng.unit() * 1000;
        for (int b = 0; b < 15; ++b) {
          point.bucket_counts.push_back(arena, rng.below(100));
          if (b) point.explicit_bounds.push_back(arena, b * 0.1);
        }
      }
      write_item(metric, out);
    }
  });
}

}  // namespace

Bytes make_request(const Shape& shape, Rng& rng) {
  Writer out(static_cast<std::size_t>(shape.items) * 400);
  switch (shape.signal) {
    case otlp::Signal::metrics: write_metrics(shape, rng, out); break;
    case otlp::Signal::logs: write_logs(shape, rng, out); break;
    default: write_traces(shape, rng, out);
  }
  return out.finish();
}

TraceIds find_trace_ids(std::string_view request) {
  TraceIds out;
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  auto walk = [&](auto& self, std::string_view message, int level) -> void {
    otlp::Reader reader(message);
    while (reader.next()) {
      bool nested = level < 3 && reader.field() == (level == 0 ? 1u : 2u);
      bool id = level == 3 && reader.field() == 1 && reader.is(otlp::WireType::bytes);
      if (!nested && !id) {
        reader.skip();
        continue;
      }
      std::string_view inner = reader.bytes();
      if (nested) {
        self(self, inner, level + 1);
      } else if (inner.size() == 16) {
        out.offsets.push_back(static_cast<std::size_t>(inner.data() - request.data()));
        out.traces.push_back(numbers.emplace(inner, static_cast<std::uint32_t>(numbers.size())).first->second);
      }
    }
  };
  walk(walk, request, 0);
  return out;
}

Bytes with_fresh_ids(std::string_view request, const TraceIds& ids, std::uint64_t base) {
  std::string copy(request);
  for (std::size_t k = 0; k < ids.offsets.size(); ++k) {
    Rng id(base + ids.traces[k]);
    std::uint64_t words[2] = {id.next(), id.next()};
    std::memcpy(copy.data() + ids.offsets[k], words, 16);
  }
  return Bytes::take(std::move(copy));
}

}  // namespace weir::bench
