#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/testing.h"
#include "io/simulation.h"

namespace weir::receivers::nop {
engine::Factory factory();
}

using namespace weir;

TEST_CASE("nop: starts and stops, for every signal") {
  struct NoIntake : engine::Intake {
    bool takes(otlp::Signal) const override { return true; }
    void push(otlp::Batch, std::string_view, std::move_only_function<void(Outcome)>) override { FAIL("nop pushed"); }
    void refused(otlp::Signal, std::string_view, std::size_t) override { FAIL("nop refused"); }
  } intake;
  io::Simulation simulation(1, 1);
  engine::testing::TestHost host;
  engine::Factory factory = receivers::nop::factory();
  for (auto signal : otlp::all_signals) CHECK(factory.supports(signal));
  config::Problems problems;
  auto config = factory.decode(nullptr, problems);
  REQUIRE(config != nullptr);
  engine::ReceiverContext context{.id = {"nop", ""}, .executor = simulation.core(0), .intake = intake, .host = host};
  auto receiver = factory.make_receiver(config.get(), context);
  REQUIRE(receiver.has_value());
  CHECK((*receiver)->start().has_value());
  bool stopped = false;
  (*receiver)->stop([&] { stopped = true; });
  simulation.run_ready();
  CHECK(stopped);
}
