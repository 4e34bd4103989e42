#include <doctest/doctest.h>

#include "components/processors/tail_sampling/testing.h"

using namespace weir;
using namespace weir::processors::tail_sampling;
using namespace weir::processors::tail_sampling::testing;

namespace {

Policy exemplars(Exemplars settings = {}) { return {.name = "exemplars", .type = "exemplars", .exemplars = std::move(settings)}; }

}  // namespace

TEST_CASE("a trace is kept for each series and bucket that has none, once in an interval") {
  Fixture f({.decision_wait = 1s, .policies = {exemplars()}});
  f.world.push(make_traces({{.trace = 1, .duration = 3ms}, {.trace = 2, .duration = 3ms}, {.trace = 3, .duration = 300ms}, {.trace = 4, .name = "other", .duration = 3ms}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 1}, {3, 1}, {4, 1}});
  f.world.push(make_traces({{.trace = 5, .duration = 3ms}, {.trace = 6, .service = "bank", .duration = 3ms}, {.trace = 7, .kind = 3, .duration = 3ms}, {.trace = 8, .status = 2, .duration = 3ms}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{6, 1}, {7, 1}, {8, 1}});
  f.world.advance(60s);
  f.world.push(make_traces({{.trace = 9, .duration = 3ms}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{9, 1}});
  CHECK(f.metric("count_traces_sampled", {{"policy", "exemplars"}, {"decision", "sampled"}}) == 7);
  f.world.stop();
}

TEST_CASE("traces kept by other policies cover their points; dropped ones neither cover nor are kept") {
  Policy no_probes{.name = "probes", .type = "drop"};
  no_probes.drop.drop_sub_policy = {{.name = "path", .type = "string_attribute", .string_attribute = {.key = "path", .values = {"/healthz"}}}};
  Fixture f({.decision_wait = 1s, .policies = {exemplars(), errors(), no_probes}});
  f.world.push(make_traces({{.trace = 1}, {.trace = 1, .span = 2, .status = 2}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 2}});
  f.world.push(make_traces({{.trace = 2}, {.trace = 3, .name = "probe", .attributes = {{"path", "/healthz"}}}}));
  f.world.advance(2s);
  CHECK(f.out().empty());
  f.world.push(make_traces({{.trace = 4, .name = "probe"}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{4, 1}});
  f.world.stop();
}

TEST_CASE("dimensions come from the span, then the resource, then the default") {
  Exemplars settings{.dimensions = {{"zone", "a"}, {"service.name", {}}}};
  Fixture f({.decision_wait = 1s, .policies = {exemplars(settings)}});
  auto kept = [&](std::uint8_t trace, std::vector<std::pair<std::string, std::string>> attributes) {
    f.world.push(make_traces({{.trace = trace, .attributes = std::move(attributes)}}));
    f.world.advance(2s);
    return !f.out().empty();
  };
  CHECK(kept(1, {}));
  CHECK_FALSE(kept(2, {{"zone", "a"}}));
  CHECK(kept(3, {{"zone", "b"}}));
  CHECK_FALSE(kept(4, {{"service.name", "shop"}}));
  CHECK(kept(5, {{"service.name", "else"}}));
  f.world.stop();
}

TEST_CASE("the table is bounded: a point without room keeps no trace and is counted") {
  Fixture f({.decision_wait = 1s, .policies = {exemplars({.interval = 10s, .max_cells = 3})}});
  for (std::uint8_t trace = 1; trace <= 5; ++trace) f.world.push(make_traces({{.trace = trace, .name = std::string(trace, 'x')}}));
  f.world.advance(2s);
  CHECK(f.out().size() == 3);
  CHECK(f.metric("exemplar_overflow") == 2);
  f.world.advance(10s);  // what is older makes room
  f.world.push(make_traces({{.trace = 9, .name = "new"}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{9, 1}});
  f.world.stop();
}

TEST_CASE("all cores share the table") {
  for (std::size_t cores : {1, 2, 8}) {
    Fixture f({.decision_wait = 1s, .policies = {exemplars()}}, cores);
    std::vector<SpanSpec> spans;
    for (std::uint8_t trace = 1; trace <= 100; ++trace) spans.push_back({.trace = trace, .name = trace % 2 ? "odd" : "even"});
    f.world.push(make_traces(spans));
    f.world.advance(2s);
    CHECK(f.out().size() == 2);
    f.world.stop();
  }
}

TEST_CASE("there is one such policy, at the top, and it needs whole traces") {
  CHECK(Policies::check({.policies = {exemplars()}}).empty());
  CHECK_FALSE(Policies::check({.policies = {exemplars(), exemplars()}}).empty());
  CHECK_FALSE(Policies::check({.policies = {exemplars()}, .sampling_strategy = Strategy::span_ingest}).empty());
  CHECK_FALSE(Policies::check({.policies = {exemplars({.buckets = {2s, 1s}})}}).empty());
  Policy both{.name = "both", .type = "and"};
  both.and_policy.and_sub_policy = {exemplars()};
  CHECK_FALSE(Policies::check({.policies = {both}}).empty());
}
