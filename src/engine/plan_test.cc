#include "engine/plan.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::engine;

namespace {

const Factory source{.kind = Kind::receiver, .type = "in", .signals = {Signal::traces}};
const Factory sink{.kind = Kind::exporter, .type = "out", .signals = {Signal::traces, Signal::metrics}};
const Factory plain{.kind = Kind::processor, .type = "plain", .signals = {Signal::traces}};
const Factory editing{.kind = Kind::processor, .type = "editing", .signals = {Signal::traces}, .edits_resource = true};
const Factory by_trace{.kind = Kind::processor, .type = "trace", .signals = {Signal::traces}, .key = [](const void*, Signal) -> Key { return Key::trace_id; }};
const Factory by_service{.kind = Kind::processor, .type = "service", .signals = {Signal::traces}, .key = [](const void*, Signal) -> Key { return Key::service; }};
const Factory forward{.kind = Kind::connector, .type = "forward", .conversions = {{Signal::traces, Signal::traces}}};

PlanSpec spec() {
  PlanSpec out;
  out.receivers = {{{"in", ""}, &source, nullptr}};
  out.exporters = {{{"out", ""}, &sink, nullptr}};
  for (auto* f : {&plain, &editing, &by_trace, &by_service}) out.processors.push_back({{std::string(f->type), ""}, f, nullptr});
  out.processors.push_back({{"trace", "2"}, &by_trace, nullptr});
  for (auto name : {"a", "b"}) out.connectors.push_back({{"forward", name}, &forward, nullptr});
  return out;
}

std::size_t exchanges(const Plan& plan) {
  return static_cast<std::size_t>(std::count_if(plan.nodes().begin(), plan.nodes().end(), [](auto& n) { return n.role == PlanNode::Role::exchange; }));
}

}  // namespace

TEST_CASE("an exchange stands only where the stream is not cut that way already") {
  struct {
    std::vector<config::ComponentId> processors;
    std::size_t exchanges;
  } const rows[] = {
      {{{"plain", ""}}, 0},
      {{{"trace", ""}}, 1},
      {{{"trace", ""}, {"plain", ""}, {"trace", "2"}}, 1},
      {{{"trace", ""}, {"service", ""}}, 2},
      {{{"trace", ""}, {"editing", ""}, {"trace", "2"}}, 1},
  };
  for (auto& row : rows) {
    PlanSpec s = spec();
    s.pipelines = {{"traces", Signal::traces, {{"in", ""}}, row.processors, {{"out", ""}}}};
    auto plan = Plan::build(std::move(s));
    REQUIRE(plan);
    CHECK(exchanges(*plan) == row.exchanges);
  }
}

TEST_CASE("a cut survives a connector that passes on, and explain says why an exchange is there") {
  PlanSpec s = spec();
  s.pipelines = {{"traces/a", Signal::traces, {{"in", ""}}, {{"trace", ""}}, {{"forward", "a"}}},
                 {"traces/b", Signal::traces, {{"forward", "a"}}, {{"trace", "2"}}, {{"out", ""}}}};
  auto plan = Plan::build(std::move(s));
  REQUIRE(plan);
  CHECK(exchanges(*plan) == 1);
  CHECK(plan->explain() ==
        "receiver in  OK is in memory\n"
        "  pipeline traces/a\n"
        "    exchange by trace_id (traces/a)  because trace (traces/a) keeps state by trace_id; its input is not cut by any key\n"
        "      processor trace (traces/a)  keyed by trace_id\n"
        "        connector forward/a (traces to traces)\n"
        "          pipeline traces/b\n"
        "            processor trace/2 (traces/b)  keyed by trace_id\n"
        "              exporter out  OK is in memory\n");
}

TEST_CASE("an OK of a stage that keeps data is worth no more than that of what is behind it") {
  Factory keeps = plain, memory = sink, delivers = sink;
  keeps.durability = [](const void*, const StorageInfo&) { return Durability::os; };
  memory.durability = [](const void*, const StorageInfo&) { return Durability::memory; };
  delivers.durability = [](const void*, const StorageInfo&) { return Durability::delivered; };
  for (auto [factory, worth] : {std::pair{&memory, "in memory"}, std::pair{&delivers, "written"}}) {
    PlanSpec s = spec();
    s.exporters = {{{"out", ""}, factory, nullptr}};
    s.processors = {{{"plain", ""}, &keeps, nullptr}};
    s.pipelines = {{"traces", Signal::traces, {{"in", ""}}, {{"plain", ""}}, {{"out", ""}}}};
    auto plan = Plan::build(std::move(s));
    REQUIRE(plan);
    CHECK(plan->explain().find(fmt::format("processor plain (traces)  OK is {}", worth)) != std::string::npos);
    CHECK(plan->explain().find(fmt::format("receiver in  OK is {}", worth)) != std::string::npos);
  }
}

TEST_CASE("stages that need the same cut of the same stream share an exchange") {
  PlanSpec s = spec();
  s.pipelines = {{"traces/a", Signal::traces, {{"in", ""}}, {{"trace", ""}}, {{"out", ""}}},
                 {"traces/b", Signal::traces, {{"in", ""}}, {{"trace", "2"}}, {{"out", ""}}},
                 {"traces/c", Signal::traces, {{"in", ""}}, {{"plain", ""}, {"trace", "2"}}, {{"out", ""}}}};
  auto plan = Plan::build(std::move(s));
  REQUIRE(plan);
  CHECK(exchanges(*plan) == 2);  // what passes another stage first is another stream
  CHECK(plan->explain() ==
        "receiver in  OK is in memory\n"
        "  pipeline traces/a\n"
        "    exchange by trace_id (traces/a)  because trace (traces/a) and trace/2 (traces/b) keep state by trace_id; their input is not cut by any key\n"
        "      processor trace (traces/a)  keyed by trace_id\n"
        "        exporter out  OK is in memory\n"
        "      processor trace/2 (traces/b)  keyed by trace_id\n"
        "        exporter out  OK is in memory\n"
        "  pipeline traces/b\n"
        "    exchange by trace_id (traces/a)  because trace (traces/a) and trace/2 (traces/b) keep state by trace_id; their input is not cut by any key  (shown above)\n"
        "  pipeline traces/c\n"
        "    processor plain (traces/c)\n"
        "      exchange by trace_id (traces/c)  because trace/2 (traces/c) keeps state by trace_id; its input is not cut by any key\n"
        "        processor trace/2 (traces/c)  keyed by trace_id\n"
        "          exporter out  OK is in memory\n");
}

TEST_CASE("settings that do not fit the pipeline's signal are errors") {
  const Factory picky{.kind = Kind::processor,
                      .type = "picky",
                      .signals = {Signal::traces, Signal::logs},
                      .check = [](const void*, Signal signal) -> Result<> {
                        if (signal == Signal::logs) return fail(Errc::config, "span_names are not for logs");
                        return {};
                      }};
  const Factory any{.kind = Kind::receiver, .type = "in", .signals = {Signal::traces, Signal::logs}};
  const Factory drain{.kind = Kind::exporter, .type = "out", .signals = {Signal::traces, Signal::logs}};
  PlanSpec s;
  s.receivers = {{{"in", ""}, &any, nullptr}};
  s.exporters = {{{"out", ""}, &drain, nullptr}};
  s.processors = {{{"picky", "x"}, &picky, nullptr}};
  s.pipelines = {{"traces", Signal::traces, {{"in", ""}}, {{"picky", "x"}}, {{"out", ""}}},
                 {"logs", Signal::logs, {{"in", ""}}, {{"picky", "x"}}, {{"out", ""}}}};
  auto plan = Plan::build(std::move(s));
  REQUIRE_FALSE(plan);
  REQUIRE(plan.error().size() == 1);
  CHECK(plan.error()[0].what == "processors::picky/x: in pipeline logs: span_names are not for logs");

  Factory picky_begin = picky;
  picky_begin.kind = Kind::receiver;
  PlanSpec r;
  r.receivers = {{{"picky", ""}, &picky_begin, nullptr}};
  r.exporters = {{{"out", ""}, &drain, nullptr}};
  r.pipelines = {{"traces", Signal::traces, {{"picky", ""}}, {}, {{"out", ""}}}, {"logs", Signal::logs, {{"picky", ""}}, {}, {{"out", ""}}}};
  auto begins = Plan::build(std::move(r));
  REQUIRE_FALSE(begins);
  CHECK(begins.error()[0].what == "receivers::picky: in pipeline logs: span_names are not for logs");

  Factory picky_end = picky;
  picky_end.kind = Kind::exporter;
  PlanSpec e;
  e.receivers = {{{"in", ""}, &any, nullptr}};
  e.exporters = {{{"picky", ""}, &picky_end, nullptr}};
  e.pipelines = {{"logs", Signal::logs, {{"in", ""}}, {}, {{"picky", ""}}}};
  plan = Plan::build(std::move(e));
  REQUIRE_FALSE(plan);
  CHECK(plan.error()[0].what == "exporters::picky: in pipeline logs: span_names are not for logs");
}

TEST_CASE("cycles and connectors that lead nowhere are errors, all at once") {
  PlanSpec s = spec();
  s.pipelines = {{"traces/a", Signal::traces, {{"forward", "b"}}, {}, {{"forward", "a"}}},
                 {"traces/b", Signal::traces, {{"forward", "a"}}, {}, {{"forward", "b"}}}};
  auto plan = Plan::build(std::move(s));
  REQUIRE_FALSE(plan);
  CHECK(plan.error()[0].what.starts_with("cycle detected: forward/"));

  s = spec();
  s.pipelines = {{"traces/a", Signal::traces, {{"in", ""}}, {}, {{"forward", "a"}}},
                 {"traces/b", Signal::traces, {{"forward", "b"}}, {}, {{"out", ""}}}};
  plan = Plan::build(std::move(s));
  REQUIRE_FALSE(plan);
  CHECK(plan.error().size() == 2);
}
