// The limit itself is kept by the byte budget, for the whole process; this stage sets it and refuses in its pipeline.
#include "base/memory.h"
#include "components/processors/memory_limiter/config.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::processors::memory_limiter {
namespace {

constexpr std::size_t mib = 1024 * 1024;

class MemoryLimiter : public engine::Stage {
 public:
  MemoryLimiter(const Config& config, const engine::StageContext& context)
      : budget_(context.host.budget()),
        accepted_(counters(context, "accepted", "Items let through.")),
        refused_(counters(context, "refused", "Items refused because memory was short.")),
        refused_requests_(context.host.metrics().counter("otelcol_memorylimiter_refused_requests", "Requests refused because memory was short.",
                                                         {{"processor", context.id.to_string()}})) {
    context.host.limit_memory(refusing_from(config, total_memory()));
  }

  bool opens() const override { return false; }
  void process(otlp::Batch batch, engine::Out& out) override {
    // What is held already would be lost by refusing, and a part of a request would come again with the others.
    if (budget_.has_room() || !batch.whole()) {
      for (auto* counter : accepted_) counter->add(batch.items());
      return out.push(std::move(batch));
    }
    for (auto* counter : refused_) counter->add(batch.items());
    refused_requests_.add();
    out.refuse(std::move(batch), {Errc::refused, "data refused due to high memory usage", 1s});
  }

 private:
  // Under its old name and the one that collectors use since 0.155.
  using Counters = std::array<telemetry::Counter*, 2>;
  static Counters counters(const engine::StageContext& context, std::string_view what, std::string_view help) {
    auto counter = [&](std::string_view prefix) {
      return &context.host.metrics().counter(fmt::format("otelcol_processor_{}{}_{}", prefix, what, otlp::items_name(context.signal)), help,
                                             {{"processor", context.id.to_string()}});
    };
    return {counter(""), counter("memory_limiter_")};
  }
  Budget& budget_;
  Counters accepted_, refused_;
  telemetry::Counter& refused_requests_;
};

}  // namespace

std::size_t refusing_from(const Config& config, std::size_t total) {
  std::size_t limit = config.limit_mib ? config.limit_mib * mib : total / 100 * config.limit_percentage;
  std::size_t spike = config.limit_mib ? config.spike_limit_mib * mib : total / 100 * config.spike_limit_percentage;
  if (spike == 0) spike = limit / 5;
  return limit - std::min(limit, spike);
}

Result<> Config::validate() const {
  if (check_interval <= 0s) return fail(Errc::config, "'check_interval' must be greater than zero");
  if (limit_mib == 0 && limit_percentage == 0) return fail(Errc::config, "'limit_mib' or 'limit_percentage' must be greater than zero");
  if (limit_mib != 0 && spike_limit_mib >= limit_mib) return fail(Errc::config, "'spike_limit_mib' must be smaller than 'limit_mib'");
  if (limit_percentage > 100 || spike_limit_percentage > 100)
    return fail(Errc::config, "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred");
  if (limit_mib == 0 && spike_limit_percentage >= limit_percentage)
    return fail(Errc::config, "'spike_limit_percentage' must be smaller than 'limit_percentage'");
  return {};
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::check_interval>("check_interval", "Accepted as in the collector; the budget is exact at all times."),
      field<&Config::limit_mib>("limit_mib", "Hard limit on the process's memory, in MiB."),
      field<&Config::spike_limit_mib>("spike_limit_mib", "Refusing starts this much below limit_mib; 0 is a fifth of it."),
      field<&Config::limit_percentage>("limit_percentage", "Hard limit in percent of the cgroup's limit or of all memory."),
      field<&Config::spike_limit_percentage>("spike_limit_percentage", "Refusing starts this much below limit_percentage."),
      config::ignored("min_gc_interval_when_soft_limited", "there is no garbage collector"),
      config::ignored("min_gc_interval_when_hard_limited", "there is no garbage collector"),
      config::ignored("max_gc_interval_when_soft_limited", "there is no garbage collector"),
      config::ignored("max_gc_interval_when_hard_limited", "there is no garbage collector"),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "memory_limiter",
          .summary = "Keeps the process's memory under a limit by refusing input in time.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs, otlp::Signal::profiles},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .memory_limit = [](const void* config) { return refusing_from(*static_cast<const Config*>(config), total_memory()); },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<MemoryLimiter>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::memory_limiter
