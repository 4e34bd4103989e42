#include <doctest/doctest.h>

#include "components/processors/tail_sampling/testing.h"

using namespace weir;
using namespace weir::processors::tail_sampling;
using namespace weir::processors::tail_sampling::testing;

TEST_CASE("a late error keeps the whole trace; the others go") {
  Fixture f({.decision_wait = 10s, .policies = {errors()}});
  f.world.push(make_traces({{.trace = 1, .span = 1}, {.trace = 2, .span = 1}}));
  f.world.advance(4s);
  f.world.push(make_traces({{.trace = 1, .span = 2, .status = 2}}));
  f.world.advance(5s);
  CHECK(f.out().empty());
  f.world.check_conservation();
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 2}});
  CHECK(f.dropped(engine::Reason::sampled_out) == 1);
  f.world.stop();
}

TEST_CASE("late spans follow the decision") {
  Fixture f({.decision_wait = 1s, .policies = {errors()}});
  f.world.push(make_traces({{.trace = 1, .status = 2}, {.trace = 2}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 1}});
  f.world.push(make_traces({{.trace = 1, .span = 7}, {.trace = 2, .span = 7}}));
  CHECK(f.out() == Counts{{1, 1}});
  CHECK(f.dropped(engine::Reason::late) == 1);
  f.world.stop();
}

TEST_CASE("too many traces: the oldest is decided early, none is lost unseen") {
  Fixture f({.decision_wait = 30s, .num_traces = 3, .policies = {everything()}});
  for (std::uint8_t t = 1; t <= 5; ++t) f.world.push(make_traces({{.trace = t}}));
  f.world.advance(200ms);  // what was decided early goes on together
  CHECK(f.out() == Counts{{1, 1}, {2, 1}});
  f.world.stop();
  CHECK(f.out() == Counts{{3, 1}, {4, 1}, {5, 1}});
}

TEST_CASE("the root span, silence, and size end the wait early") {
  Fixture root({.decision_wait = 60s, .decision_wait_after_root_received = 2s, .policies = {everything()}});
  root.world.push(make_traces({{.trace = 1, .parent = 5}, {.trace = 2, .parent = 5}}));
  root.world.push(make_traces({{.trace = 1, .span = 5}}));
  root.world.advance(3s);
  CHECK(root.out() == Counts{{1, 2}});
  root.world.stop();

  Fixture idle({.decision_wait = 60s, .decision_wait_idle = 5s, .policies = {everything()}});
  idle.world.push(make_traces({{.trace = 1}, {.trace = 2}}));
  idle.world.advance(4s);
  idle.world.push(make_traces({{.trace = 1, .span = 2}}));
  idle.world.advance(2s);
  CHECK(idle.out() == Counts{{2, 1}});
  idle.world.advance(4s);
  CHECK(idle.out() == Counts{{1, 2}});
  idle.world.stop();

  Fixture large({.decision_wait = 1s, .policies = {everything()}, .maximum_trace_size_bytes = 300});
  for (std::uint8_t s = 1; s <= 20; ++s) large.world.push(make_traces({{.trace = 1, .span = s}}));
  large.world.push(make_traces({{.trace = 2}}));
  large.world.advance(2s);
  CHECK(large.out() == Counts{{2, 1}});
  CHECK(large.dropped(engine::Reason::too_large) > 0);
  large.world.stop();
}

TEST_CASE("drop wins over everything; not and and combine") {
  Policy no_errors{.name = "d", .type = "drop"};
  Policy inverse{.name = "n", .type = "not"};
  inverse.not_policy.not_sub_policy.policy = {errors()};
  no_errors.drop.drop_sub_policy = {inverse};
  Fixture f({.decision_wait = 1s, .policies = {everything(), no_errors}});
  f.world.push(make_traces({{.trace = 1, .status = 2}, {.trace = 2}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 1}});
  f.world.stop();
}

TEST_CASE("the hash of the salt and the trace id is the collector's") {
  otlp::TraceId id;
  std::string raw;
  for (auto [hex, hash] : {std::pair("4bf92f3577b34da6a3ce929d0e0e4736", 0xa54533ba2e4970b5ULL), std::pair("000102030405060708090a0b0c0d0e0f", 0xa6622cfe5bfb0e0dULL)}) {
    raw.clear();
    for (int i = 0; i < 32; i += 2) raw += static_cast<char>(std::stoi(std::string(hex).substr(static_cast<std::size_t>(i), 2), nullptr, 16));
    CHECK(trace_hash("default-hash-seed", otlp::TraceId::from(raw)) == hash);
  }
}

TEST_CASE("settings that make no sense are refused") {
  CHECK_FALSE(Policies::check({.policies = {{.name = "x", .type = "status_code"}}}).empty());
  CHECK_FALSE(Policies::check({.policies = {{.name = "x", .type = "status_code", .status_code = {{"MAYBE"}}}}}).empty());
  CHECK_FALSE(Policies::check({.policies = {{.name = "x", .type = "string_attribute", .string_attribute = {.key = "a", .values = {"("}, .enabled_regex_matching = true}}}}).empty());
  CHECK(Policies::check({.policies = {errors(), everything(), share(3)}}).empty());
}

TEST_CASE("metrics have the collector's names and labels") {
  Policy no_errors{.name = "no errors", .type = "drop"};
  no_errors.drop.drop_sub_policy = {errors()};
  Fixture f({.decision_wait = 1s, .policies = {everything(), no_errors}});
  f.world.push(make_traces({{.trace = 1}, {.trace = 1, .span = 2}, {.trace = 2, .status = 2}}));
  CHECK(f.metric("new_trace_id_received") == 2);
  CHECK(f.metric("sampling_traces_on_memory") == 2);
  CHECK(f.metric("sampling_bytes_on_memory") > 0);
  CHECK(f.world.host().budget().used() == static_cast<std::size_t>(f.metric("sampling_bytes_on_memory")));
  f.world.advance(2s);
  CHECK(f.metric("global_count_traces_sampled", {{"sampled", "true"}, {"decision", "sampled"}}) == 1);
  CHECK(f.metric("global_count_traces_sampled", {{"sampled", "false"}, {"decision", "dropped"}}) == 1);
  CHECK(f.metric("count_traces_sampled", {{"policy", "no errors"}, {"decision", "dropped"}}) == 1);
  CHECK(f.metric("count_traces_sampled", {{"policy", "no errors"}, {"decision", "not_sampled"}}) == 1);
  CHECK(f.metric("count_traces_sampled", {{"policy", "everything"}, {"decision", "sampled"}}) == 1);
  CHECK(f.metric("sampling_policy_execution_count", {{"policy", "everything"}}) == 1);
  CHECK(f.metric("sampling_trace_removal_age") == 2);
  CHECK(f.metric("sampling_decision_timer_latency") > 0);
  CHECK(f.metric("sampling_traces_on_memory") == 0);
  f.world.push(make_traces({{.trace = 1, .span = 3}, {.trace = 2, .span = 4}, {.trace = 2, .span = 5}}));
  CHECK(f.metric("early_releases_from_cache_decision", {{"sampled", "true"}}) == 1);
  CHECK(f.metric("early_releases_from_cache_decision", {{"sampled", "false"}}) == 2);
  CHECK(f.metric("sampling_late_span_age") == 3);
  f.world.stop();
  f.out();
  CHECK(f.world.host().budget().used() == 0);
}

TEST_CASE("decisions are on the board of the process") {
  Fixture f({.decision_wait = 1s, .policies = {errors()}});
  auto board = decisions::board_of(f.world.host());
  CHECK(board->decides());
  board->watch();
  f.world.push(make_traces({{.trace = 1, .status = 2}, {.trace = 2}}));
  auto verdict = [&](std::uint8_t trace) {
    otlp::TraceId id;
    id.bytes[15] = trace;
    return board->find(id);
  };
  CHECK(verdict(1) == decisions::Verdict::unknown);
  f.world.advance(2s);
  CHECK(verdict(1) == decisions::Verdict::kept);
  CHECK(verdict(2) == decisions::Verdict::dropped);
  CHECK(verdict(3) == decisions::Verdict::unknown);
  f.world.stop();
  CHECK_FALSE(board->decides());
}

TEST_CASE("pending traces are dropped at shutdown when the configuration says so") {
  Fixture f({.policies = {everything()}, .drop_pending_traces_on_shutdown = true});
  f.world.push(make_traces({{.trace = 1}}));
  f.world.stop();  // checks that each span is accounted for
  CHECK(f.out().empty());
}

TEST_CASE("strategy span-ingest: a policy that drops holds back what others keep, unless it fails") {
  Policy drop{.name = "drop", .type = "drop"};
  drop.drop.drop_sub_policy = {{.name = "broken", .type = "ottl_condition", .ottl_condition = {.error_mode = "propagate", .span = {R"(ParseJSON(name)["x"] == 1)"}}}};
  Fixture f({.decision_wait = 1s, .policies = {errors(), drop}, .sampling_strategy = Strategy::span_ingest});
  f.world.push(make_traces({{.trace = 1, .name = "not JSON", .status = 2}, {.trace = 2, .name = R"({"x": 2})", .status = 2}}));
  CHECK(f.out() == Counts{{1, 1}});
  f.world.stop();
}

TEST_CASE("strategy span-ingest decides by each part of a request alone, as soon as it is there") {
  Policy both{.name = "both", .type = "and"};
  both.and_policy.and_sub_policy = {errors(), {.name = "slow", .type = "latency", .latency = {.threshold_ms = 100}}};
  Fixture f({.decision_wait = 1s, .policies = {both}, .sampling_strategy = Strategy::span_ingest});
  f.world.push(make_traces({{.trace = 1, .status = 2}, {.trace = 2, .status = 2, .duration = 1s}}));
  CHECK(f.out() == Counts{{2, 1}});
  f.world.push(make_traces({{.trace = 1, .span = 2, .duration = 1s}, {.trace = 2, .span = 2}}));
  CHECK(f.out() == Counts{{2, 1}});
  f.world.push(make_traces({{.trace = 1, .span = 3, .status = 2, .duration = 1s}, {.trace = 3}}));
  CHECK(f.out() == Counts{{1, 3}});
  f.world.advance(2s);
  CHECK(f.out().empty());
  CHECK(f.dropped(engine::Reason::sampled_out) == 1);
  f.world.stop();
}
