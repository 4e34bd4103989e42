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
  for (auto& out : t.series) {
    auto s = t.whole(out);
    std::string line;
    for (auto& l : s.labels) line += fmt::format("{}={} ", l.name, l.value);
    for (auto& x : s.samples)
      line += fmt::format("{}@{} ", prometheus::is_stale_marker(x.value) ? "stale" : fmt::format("{}", x.value), (x.time - 1'700'000'000'000) / 1000);
    for (auto& h : s.histograms) line += fmt::format("h{}/{} ", h.schema, h.count);
    for (auto& e : s.exemplars) line += fmt::format("e{}/{} ", e.value, e.labels.size());
    lines.push_back(line);
  }
  std::ranges::sort(lines);
  std::string out;
  for (auto& line : lines) out += line + "\n";
  return out;
}

std::string translated(Made& made, TranslationSettings settings = {}) {
  Batch batch = made.finish();
  KnownSeries known;
  known.begin(TimePoint{});
  return print(translate(batch, settings, known));
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
  KnownSeries known;
  known.begin(TimePoint{});
  Translated t = translate(batch, {}, known);
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

// Of every type, each point twice with other values, and one with exemplars.
void fill(Made& m, double more) {
  auto at = t0 + static_cast<UnixNanos>(more) * second;
  Arena& a = m.arena();
  m.resource->attributes.push_back(a, text("host.name", "n1"));
  m.scope->name = "lib";
  m.add("g", MetricType::gauge, {m.number(1 + more, at, {text("k", "a"), text("l", "b")}), m.number(2 + more, at, {text("l", "b"), text("k", "a")}), m.number(3, at)}).unit = "s";
  m.add("c", MetricType::sum, {m.number(more, at, {{"n", Value::of(std::int64_t{7})}}), m.number(5, at, {text("n", "7")})}).is_monotonic = true;
  DataPoint whole{.time_unix_nano = at, .flags = more == 2, .type = NumberType::integer, .integer = -4};
  m.add("i", MetricType::sum, {whole});
  m.add("d", MetricType::sum, {whole}).temporality = Temporality::delta;
  auto histogram = [&](bool sum, std::initializer_list<double> bounds) {
    DataPoint p{.time_unix_nano = at, .count = 9, .has_sum = sum, .sum = 12 + more};
    for (double b : bounds) p.explicit_bounds.push_back(a, b);
    for (std::size_t i = 0; i <= bounds.size(); ++i) p.bucket_counts.push_back(a, i + static_cast<std::uint64_t>(more));
    return p;
  };
  auto with_exemplar = histogram(true, {0.5});
  with_exemplar.attributes.push_back(a, text("k", "e"));
  with_exemplar.exemplars.push_back(a, {.time_unix_nano = at, .type = NumberType::real, .real = 0.1});
  m.add("h", MetricType::histogram, {histogram(true, {1, 2}), histogram(false, {1, 3}), histogram(true, {}), histogram(true, {1, INFINITY}), histogram(true, {2, 1}), with_exemplar});
  DataPoint s{.time_unix_nano = at, .count = 3, .has_sum = true, .sum = 4 + more};
  s.quantiles.push_back(a, {0.99, 7});
  s.quantiles.push_back(a, {0.5, more});
  m.add("s", MetricType::summary, {s, DataPoint{.time_unix_nano = at, .count = 1}});
  DataPoint e{.time_unix_nano = at, .count = 2, .has_sum = true, .sum = 1, .scale = 1};
  e.positive.present = true;
  e.positive.counts.push_back(a, 2);
  m.add("e", MetricType::exponential_histogram, {e});
}

Batch from_wire(double more) {
  Made m;
  fill(m, more);
  std::string bytes;
  for (auto& piece : m.finish().encode()) bytes += piece.view();
  auto out = Batch::parse(Signal::metrics, Bytes::take(std::move(bytes)));
  REQUIRE(out);
  return std::move(*out);
}

std::vector<TranslationSettings> all_settings() {
  using remote_write::Version;
  return {{},
          {.version = Version::v2},
          {.name_space = "n", .strategy = Strategy::none, .external_labels = {{"k", "x"}, {"z", "y"}}, .version = Version::v2},
          {.conversion = {.enabled = true}, .target_info = false, .scope_info = false},
          {.metadata = true, .custom_buckets = true, .classic_beside = true},
          {.custom_buckets = true}};
}

}  // namespace

TEST_CASE("remote write: a series that is known becomes the same as one that is new") {
  for (auto& settings : all_settings()) {
    KnownSeries known;
    for (double more : {0, 1, 2, 3}) {
      known.begin(TimePoint{} + std::chrono::seconds(static_cast<int>(more)));
      Batch batch = from_wire(more);
      Translated t = translate(batch, settings, known);
      Made fresh;
      fill(fresh, more);
      Batch decoded = fresh.finish();
      KnownSeries nothing;
      nothing.begin(TimePoint{});
      Translated expected = translate(decoded, settings, nothing);
      CHECK(print(t) == print(expected));
      CHECK(t.points == expected.points);
      CHECK(t.invalid == expected.invalid);
      Request all, expected_all;
      for (auto& s : t.series) all.series.push_back(&s);
      for (auto& s : expected.series) expected_all.series.push_back(&s);
      Bytes bytes = encode(settings.version, t, all), expected_bytes = encode(settings.version, expected, expected_all);
      auto differs = std::ranges::mismatch(bytes.view(), expected_bytes.view());
      CHECK(bytes.view().substr(static_cast<std::size_t>(differs.in1 - bytes.view().begin())) == "");
      if (more == 3) CHECK(known.points() > 5);
    }
  }
}

TEST_CASE("remote write: requests are those that the whole series would make") {
  for (auto& settings : all_settings()) {
    if (settings.version == remote_write::Version::v2) continue;  // symbols stand in another order there
    KnownSeries known;
    known.begin(TimePoint{});
    Batch batch = from_wire(1);
    Translated t = translate(batch, settings, known);
    Request request;
    std::vector<remote_write::Series> whole;
    for (auto& s : t.series) {
      request.series.push_back(&s);
      whole.push_back(t.whole(s));
    }
    request.metadata = t.metadata;
    std::vector<const remote_write::Series*> pointers;
    for (auto& s : whole) pointers.push_back(&s);
    Bytes bytes = encode(settings.version, t, request);
    CHECK(bytes.view() == remote_write::encode(settings.version, pointers, request.metadata));
  }
}

TEST_CASE("remote write: what has not come for long is forgotten, the rest stays") {
  KnownSeries known(Charge{}, {.age = 100s});
  auto round = [&](int second, int from, int to) {
    known.begin(TimePoint{} + std::chrono::seconds(second));
    std::vector<std::string> texts;
    for (int i = from; i < to; ++i) texts.push_back(fmt::format("v{}", i));
    for (auto& text : texts) {
      LabelSet set;
      set.put({"__name__", "m"});
      set.put({"k", text});
      auto key = known.key(text);
      if (auto there = known.find(key)) {
        CHECK(known.labels((*there)[0]).size() == 2);
        CHECK(known.pair(known.labels((*there)[0])[1]).value() == text);
        known.place((*there)[0]) = 1;
        continue;
      }
      KnownSeries::Id id = known.intern(set, 1);
      known.remember(key, std::span(&id, 1));
    }
  };
  for (int second = 1; second < 1000; ++second) round(second, second * 10, second * 10 + 50);
  CHECK(known.size() < 3000);
  CHECK(known.points() == known.size());
  CHECK(known.size() > 1000);
  for (int second = 1000; second < 1300; ++second) round(second, 0, 5);
  CHECK(known.size() == 5);
}

TEST_CASE("remote write: too many series and everything is forgotten") {
  KnownSeries known(Charge{}, {.max_bytes = 10'000});
  for (int second = 1; second < 50; ++second) {
    known.begin(TimePoint{} + std::chrono::seconds(second));
    CHECK(known.bytes() <= 10'000);
    for (int i = 0; i < 20; ++i) {
      std::string text = fmt::format("{}-{}", second, i);
      LabelSet set;
      set.put({"k", text});
      known.intern(set, 1);
    }
  }
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
      if (verdict.kind == Verdict::Kind::taken) for (auto* s : request->series) out.samples += delivery.content().samples_of(*s);
      delivery.answered(lane, verdict);
    }
  }
  return out;
}

bool has(const Delivery& delivery, const Request& request, double value) {
  return std::ranges::any_of(request.series, [&](auto* s) { return delivery.content().samples[s->first - 1].value.value == value; });
}

Error away() { return {Errc::retryable, "away", 2s}; }

}  // namespace

TEST_CASE("remote write: a batch goes in lanes and requests of a limited size") {
  KnownSeries known;
  known.begin(TimePoint{});
  Batch batch = many(1000);
  Delivery delivery(translate(batch, {}, known), 4, 10'000);
  Tally all = deliver(delivery, [](auto& r) {
    CHECK(r.series.size() < 200);
    return Verdict{};
  });
  CHECK(all.samples == 1000);
  CHECK(all.requests > 8);
  CHECK_FALSE(delivery.error());
}

TEST_CASE("remote write: an error that may pass stops its lane, and only what has not arrived is left") {
  KnownSeries known;
  known.begin(TimePoint{});
  Batch batch = many(1000);
  Delivery delivery(translate(batch, {}, known), 3, 8'000);
  std::size_t answered = 0;
  Tally first = deliver(delivery, [&](auto&) { return ++answered % 5 == 0 ? Verdict{Verdict::Kind::try_again, away(), {}} : Verdict{}; });
  REQUIRE(delivery.error());
  CHECK(delivery.error()->retry_after == 2s);
  Batch rest = exporting::rest_of(batch, delivery.unsent());
  CHECK(rest.items() + first.samples == 1000);
  CHECK(rest.items() > 0);
  known.begin(TimePoint{});
  Delivery again(translate(rest, {}, known), 3, 8'000);
  CHECK(deliver(again, [](auto&) { return Verdict{}; }).samples == rest.items());
}

TEST_CASE("remote write: of a request with a bad series only that series is dropped") {
  KnownSeries known;
  known.begin(TimePoint{});
  Batch batch = many(300);
  Delivery delivery(translate(batch, {}, known), 1, 1'000'000);
  Tally all = deliver(delivery, [&](auto& r) {
    return has(delivery, r, 17) || has(delivery, r, 200) ? Verdict{Verdict::Kind::partly, {Errc::permanent, "out of order", {}}, {}} : Verdict{};
  });
  CHECK(delivery.rejected() == 2);
  CHECK(all.samples == 298);
  CHECK(all.requests < 40);
  CHECK(delivery.reason() == "out of order");
  CHECK_FALSE(delivery.error());
}

TEST_CASE("remote write: a backend that says how much it has written is believed") {
  KnownSeries known;
  known.begin(TimePoint{});
  Batch batch = many(300);
  Delivery delivery(translate(batch, {}, known), 1, 1'000'000);
  Tally all = deliver(delivery, [](auto&) { return Verdict{Verdict::Kind::partly, {Errc::permanent, "x", {}}, 297}; });
  CHECK(all.requests == 1);
  CHECK(delivery.rejected() == 3);
  CHECK(delivery.anything_taken());
}

TEST_CASE("remote write: a backend that wants nothing is not asked without end") {
  KnownSeries known;
  known.begin(TimePoint{});
  Batch batch = many(1000);
  Delivery delivery(translate(batch, {}, known), 2, 1'000'000);
  Tally all = deliver(delivery, [](auto&) { return Verdict{Verdict::Kind::partly, {Errc::permanent, "no", {}}, {}}; });
  CHECK(delivery.rejected() == 1000);
  CHECK(all.requests < 400);
  CHECK_FALSE(delivery.anything_taken());
}
