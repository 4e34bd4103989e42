#include "components/exporters/prometheusremotewrite/translate.h"

#include <doctest/doctest.h>

#include "components/exporters/prometheusremotewrite/requests.h"
#include "components/shared/exporting/rest.h"
#include "prometheus/number.h"

using namespace weir;
using namespace weir::otlp;
using namespace weir::exporters::prometheusremotewrite;

namespace {

constexpr UnixNanos t0 = 1'700'000'000'000'000'000, second = 1'000'000'000;

KeyValue text(std::string_view key, std::string_view value) { return {key, Value::of(value)}; }

// A batch of one resource and scope, made of metrics.
struct Made {
  Made() : batch(Signal::metrics) {
    resource = arena().make<Resource>();
    resource->attributes.push_back(arena(), text("service.name", "shop"));
    resource->attributes.push_back(arena(), text("service.namespace", "eu"));
    resource->attributes.push_back(arena(), text("service.instance.id", "i1"));
    scope = arena().make<Scope>();
  }
  Arena& arena() { return batch.arena(); }
  Metric& add(std::string_view name, MetricType type, std::vector<DataPoint> points) {
    Metric* m = arena().make<Metric>();
    m->name = name;
    m->type = type;
    m->temporality = Temporality::cumulative;
    for (auto& p : points) m->points.push_back(arena(), p);
    metrics.push_back(m);
    return *m;
  }
  Batch finish() {
    auto& group = batch.groups().emplace_back();
    group.resource = Lazy<Resource>(resource);
    auto& scopes = group.scopes.emplace_back();
    scopes.scope = Lazy<Scope>(scope);
    for (Metric* m : metrics) scopes.items.push_back(Item::of(m, static_cast<std::uint32_t>(m->points.size())));
    batch.prune();
    return std::move(batch);
  }
  DataPoint number(double v, UnixNanos at = t0, std::vector<KeyValue> attributes = {}) {
    DataPoint p{.start_time_unix_nano = t0 - second, .time_unix_nano = at, .type = NumberType::real, .real = v};
    for (auto& kv : attributes) p.attributes.push_back(arena(), kv);
    return p;
  }

  Batch batch;
  Resource* resource;
  Scope* scope;
  std::vector<Metric*> metrics;
};

std::string print(const Translated& t) {
  std::vector<std::string> lines;
  for (auto& s : t.series) {
    std::string line;
    for (auto& l : s.data.labels) line += fmt::format("{}={} ", l.name, l.value);
    for (auto& x : s.data.samples)
      line += fmt::format("{}@{} ", prometheus::is_stale_marker(x.value) ? "stale" : fmt::format("{}", x.value), (x.time - 1'700'000'000'000) / 1000);
    for (auto& h : s.data.histograms) line += fmt::format("h{}/{} ", h.schema, h.count);
    for (auto& e : s.data.exemplars) line += fmt::format("e{}/{} ", e.value, e.labels.size());
    lines.push_back(line);
  }
  std::ranges::sort(lines);
  std::string out;
  for (auto& line : lines) out += line + "\n";
  return out;
}

std::string translated(Made& made, TranslationSettings settings = {}) {
  Batch batch = made.finish();
  return print(translate(batch, settings));
}

}  // namespace

TEST_CASE("remote write: names, job and instance, attributes that become one label") {
  Made m;
  m.add("a.b", MetricType::gauge, {m.number(1.5, t0, {text("x.y", "2"), text("x_y", "1"), text("empty", ""), text("_u", "3")})}).unit = "s";
  CHECK(translated(m) == "__name__=a_b_seconds instance=i1 job=eu/shop key_u=3 x_y=2;1 1.5@0 \n");
}

TEST_CASE("remote write: histograms are a series for each bucket, with exemplars where they belong") {
  Made m;
  DataPoint p{.time_unix_nano = t0, .count = 6, .has_sum = true, .sum = 12};
  for (double b : {0.5, 1e6}) p.explicit_bounds.push_back(m.arena(), b);
  for (std::uint64_t n : {1, 2, 3}) p.bucket_counts.push_back(m.arena(), n);
  Exemplar low{.type = NumberType::real, .real = 0.1}, high{.type = NumberType::real, .real = 1e9};
  low.trace_id.bytes.fill(1);
  p.exemplars.push_back(m.arena(), low);
  p.exemplars.push_back(m.arena(), high);
  m.add("h", MetricType::histogram, {p});
  CHECK(translated(m) ==
        "__name__=h_bucket instance=i1 job=eu/shop le=+Inf 6@0 e1000000000/0 \n"
        "__name__=h_bucket instance=i1 job=eu/shop le=0.5 1@0 e0.1/1 \n"
        "__name__=h_bucket instance=i1 job=eu/shop le=1000000 3@0 \n"
        "__name__=h_count instance=i1 job=eu/shop 6@0 \n"
        "__name__=h_sum instance=i1 job=eu/shop 12@0 \n");
  Made custom;
  DataPoint gone{.time_unix_nano = t0, .flags = 1};
  gone.explicit_bounds.push_back(custom.arena(), 0.5);
  custom.add("h", MetricType::histogram, {gone});
  CHECK(translated(custom, {.custom_buckets = true}).starts_with("__name__=h instance=i1 job=eu/shop h-53/"));
}

TEST_CASE("remote write: summaries, exponential histograms, stale points") {
  Made m;
  DataPoint s{.time_unix_nano = t0, .count = 3, .sum = 4};
  s.quantiles.push_back(m.arena(), {0.99, 7});
  m.add("s", MetricType::summary, {s});
  DataPoint e{.time_unix_nano = t0, .count = 2, .has_sum = true, .sum = 1, .scale = 12};
  e.positive.counts.push_back(m.arena(), 2);
  m.add("e", MetricType::exponential_histogram, {e});
  auto gone = m.number(1);
  gone.flags = 1;
  m.add("g", MetricType::gauge, {gone});
  CHECK(translated(m) ==
        "__name__=e instance=i1 job=eu/shop h8/2 \n"
        "__name__=g instance=i1 job=eu/shop stale@0 \n"
        "__name__=s instance=i1 job=eu/shop quantile=0.99 7@0 \n"
        "__name__=s_count instance=i1 job=eu/shop 3@0 \n"
        "__name__=s_sum instance=i1 job=eu/shop 4@0 \n");
}

TEST_CASE("remote write: target_info with the newest time, scope and external labels") {
  Made m;
  m.resource->attributes.push_back(m.arena(), text("host.name", "n1"));
  m.scope->name = "lib";
  m.scope->attributes.push_back(m.arena(), text("k", "v"));
  m.add("g", MetricType::gauge, {m.number(1, t0 + second), m.number(2, t0 + 5 * second, {text("region", "own")})});
  CHECK(translated(m, {.name_space = "n", .external_labels = {{"region", "eu"}, {"job", "other"}}}) ==
        "__name__=n_g instance=i1 job=eu/shop otel_scope_k=v otel_scope_name=lib region=eu 1@1 \n"
        "__name__=n_g instance=i1 job=eu/shop otel_scope_k=v otel_scope_name=lib region=own 2@5 \n"
        "__name__=n_target_info host_name=n1 instance=i1 job=eu/shop region=eu 1@5 \n");
}

TEST_CASE("remote write: what cannot be sent is counted, the rest goes") {
  Made m;
  m.add("d", MetricType::sum, {m.number(1), m.number(2)}).temporality = Temporality::delta;
  m.add("...", MetricType::gauge, {m.number(1)});
  m.add("ok", MetricType::gauge, {m.number(1, t0, {text("", "x")}), m.number(2)});
  Batch batch = m.finish();
  Translated t = translate(batch, {});
  CHECK(t.points == 5);
  CHECK(t.invalid == 4);
  CHECK(t.why == "invalid temporality and type combination for metric \"d\"");
  CHECK(print(t) == "__name__=ok instance=i1 job=eu/shop 2@0 \n");
}

TEST_CASE("remote write: samples of a series are in the order of their times, wherever they stood") {
  Made m;
  m.add("g", MetricType::gauge, {m.number(3, t0 + 3 * second), m.number(1, t0 + second)});
  m.add("g", MetricType::gauge, {m.number(2, t0 + 2 * second)});
  CHECK(translated(m) == "__name__=g instance=i1 job=eu/shop 1@1 2@2 3@3 \n");
}

namespace {

// Many points with series of their own, and a backend that says what a rule says.
Batch many(std::size_t count) {
  static std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (int i = 0; i < 1000; ++i) out.push_back(fmt::format("v{}", i));
    return out;
  }();
  Made m;
  std::vector<DataPoint> points;
  for (std::size_t i = 0; i < count; ++i) points.push_back(m.number(static_cast<double>(i), t0, {text("k", names[i])}));
  m.add("g", MetricType::gauge, points);
  return m.finish();
}

struct Tally {
  std::size_t requests = 0, samples = 0;
};
Tally deliver(Delivery& delivery, const std::function<Verdict(const Request&)>& backend) {
  Tally out;
  while (!delivery.finished()) {
    for (std::size_t lane = 0; lane < delivery.lanes(); ++lane) {
      const Request* request = delivery.next(lane);
      if (request == nullptr) continue;
      ++out.requests;
      Verdict verdict = backend(*request);
      if (verdict.kind == Verdict::Kind::taken) out.samples += request->samples();
      delivery.answered(lane, verdict);
    }
  }
  return out;
}

bool has(const Request& request, double value) {
  return std::ranges::any_of(request.series, [&](auto* s) { return s->data.samples[0].value == value; });
}

Error away() { return {Errc::retryable, "away", 2s}; }

}  // namespace

TEST_CASE("remote write: a batch goes in lanes and requests of a limited size") {
  Batch batch = many(1000);
  Delivery delivery(translate(batch, {}), 4, 10'000);
  Tally all = deliver(delivery, [](auto& r) {
    CHECK(r.series.size() < 200);
    return Verdict{};
  });
  CHECK(all.samples == 1000);
  CHECK(all.requests > 8);
  CHECK_FALSE(delivery.error());
}

TEST_CASE("remote write: an error that may pass stops its lane, and only what has not arrived is left") {
  Batch batch = many(1000);
  Delivery delivery(translate(batch, {}), 3, 8'000);
  std::size_t answered = 0;
  Tally first = deliver(delivery, [&](auto&) { return ++answered % 5 == 0 ? Verdict{Verdict::Kind::try_again, away(), {}} : Verdict{}; });
  REQUIRE(delivery.error());
  CHECK(delivery.error()->retry_after == 2s);
  Batch rest = exporting::rest_of(batch, delivery.unsent());
  CHECK(rest.items() + first.samples == 1000);
  CHECK(rest.items() > 0);
  Delivery again(translate(rest, {}), 3, 8'000);
  CHECK(deliver(again, [](auto&) { return Verdict{}; }).samples == rest.items());
}

TEST_CASE("remote write: of a request with a bad series only that series is dropped") {
  Batch batch = many(300);
  Delivery delivery(translate(batch, {}), 1, 1'000'000);
  Tally all = deliver(delivery, [](auto& r) {
    return has(r, 17) || has(r, 200) ? Verdict{Verdict::Kind::partly, {Errc::permanent, "out of order", {}}, {}} : Verdict{};
  });
  CHECK(delivery.rejected() == 2);
  CHECK(all.samples == 298);
  CHECK(all.requests < 40);
  CHECK(delivery.reason() == "out of order");
  CHECK_FALSE(delivery.error());
}

TEST_CASE("remote write: a backend that says how much it has written is believed") {
  Batch batch = many(300);
  Delivery delivery(translate(batch, {}), 1, 1'000'000);
  Tally all = deliver(delivery, [](auto&) { return Verdict{Verdict::Kind::partly, {Errc::permanent, "x", {}}, 297}; });
  CHECK(all.requests == 1);
  CHECK(delivery.rejected() == 3);
  CHECK(delivery.anything_taken());
}

TEST_CASE("remote write: a backend that wants nothing is not asked without end") {
  Batch batch = many(1000);
  Delivery delivery(translate(batch, {}), 2, 1'000'000);
  Tally all = deliver(delivery, [](auto&) { return Verdict{Verdict::Kind::partly, {Errc::permanent, "no", {}}, {}}; });
  CHECK(delivery.rejected() == 1000);
  CHECK(all.requests < 400);
  CHECK_FALSE(delivery.anything_taken());
}
