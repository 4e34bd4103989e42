// A stage keyed by an attribute, from its settings to its test. The shortest way to write one.
#include <doctest/doctest.h>

#include <set>

#include "engine/key.h"
#include "engine/out.h"
#include "engine/testing.h"

using namespace weir;
using namespace weir::engine;
using namespace weir::engine::testing;

namespace {

struct Config {
  std::string attribute = "tenant";
};

// What cores counted: a tenant's spans meet on one of them.
using Counts = std::map<std::string, std::map<std::uint16_t, std::size_t>>;

class CountByTenant : public Stage {
 public:
  CountByTenant(const Config& config, Counts& counts, std::uint16_t core) : attribute_(config.attribute), counts_(counts), core_(core) {}

  void process(Batch batch, Out& out) override {
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) ++counts_[tenant(group, item, batch.arena())][core_];
    out.push(std::move(batch));
  }

 private:
  std::string tenant(otlp::ResourceGroup& group, otlp::Item& item, Arena& arena) const {
    auto* value = item.read<otlp::Span>(arena).attributes.find(attribute_);
    if (value == nullptr) value = group.resource.read(arena).attributes.find(attribute_);
    return value ? std::string(otlp::to_text(*value)) : "";
  }

  std::string attribute_;
  Counts& counts_;
  std::uint16_t core_;
};

Counts counts;

const Factory by_tenant{
    .kind = Kind::processor,
    .type = "by_tenant",
    .signals = {Signal::traces},
    .key = [](const void* config, Signal) { return Key::of({static_cast<const Config*>(config)->attribute}); },
    .make_stage = [](const void* config, StageContext& context) -> Result<std::unique_ptr<Stage>> {
      return std::make_unique<CountByTenant>(*static_cast<const Config*>(config), counts, context.shard);
    }};

}  // namespace

TEST_CASE("a stage keyed by an attribute sees all of a value on one core, whichever core it came in on") {
  counts.clear();
  World world(4, 1);
  world.add(by_tenant, "by_tenant", std::make_shared<Config>());
  world.pipeline("traces", Signal::traces, {"source"}, {"by_tenant"}, {"sink"});
  world.start();
  for (std::size_t round = 0; round < 40; ++round) {
    std::vector<SpanSpec> spans(10);
    for (std::size_t i = 0; i < spans.size(); ++i)
      if (i != 9) spans[i].attributes = {{"tenant", fmt::format("t{}", i)}};
    world.push(make_traces(spans), round % 4);
  }
  world.advance(1s);
  CHECK(counts.size() == 10);
  std::set<std::uint16_t> cores;
  for (auto& [tenant, by_core] : counts) {
    CAPTURE(tenant);
    REQUIRE(by_core.size() == 1);
    CHECK(by_core.begin()->second == 40);
    cores.insert(by_core.begin()->first);
  }
  CHECK(cores.size() > 1);
  world.check_conservation();
  world.stop();
}
