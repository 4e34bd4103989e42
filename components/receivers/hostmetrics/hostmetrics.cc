// Looks at the machine again and again. The first core asks, a worker thread reads /proc.
#include "components/receivers/hostmetrics/scrapers.h"
#include "components/shared/points/periodic.h"
#include "engine/decode.h"
#include "io/workers.h"

namespace weir::receivers::hostmetrics {
namespace {

class HostMetrics final : public engine::Receiver {
 public:
  HostMetrics(Collector collector, const Config& config, engine::ReceiverContext& context)
      : config_(config), context_(context), periodic_(context, config.collection_interval), collector_(std::make_shared<Collector>(std::move(collector))) {}
  ~HostMetrics() override { *alive_ = false; }

  Result<> start() override {
    if (context_.shard != 0 || !context_.intake.takes(engine::Signal::metrics)) return {};
    periodic_.start(config_.initial_delay, [this] { look(); });
    return {};
  }

  void stop(io::Task done) override {
    periodic_.stop();
    *alive_ = false;
    done();
  }

 private:
  void look() {
    if (busy_) return;  // the last one takes longer than the interval
    auto made = std::make_shared<std::optional<otlp::Batch>>();  // shared by the worker and this core, one after the other
    auto submitted = context_.host.workers().submit(
        io::Workers::Priority::normal, context_.executor, [collector = collector_, made, now = context_.executor.wall()] { made->emplace(collector->collect(now)); },
        [this, alive = alive_, made] {
          if (!*alive) return (*made)->settle({});
          busy_ = false;
          periodic_.push(std::move(**made));
        });
    busy_ = submitted.has_value();
  }

  const Config& config_;  // the plan's, which outlives us
  engine::ReceiverContext context_;
  points::Periodic periodic_;
  std::shared_ptr<Collector> collector_;  // shared with the worker at work
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what was submitted
  bool busy_ = false;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "hostmetrics",
          .aliases = {"host_metrics"},
          .summary = "Looks at CPU, memory, disks, network and processes of this machine.",
          .signals = {engine::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* erased, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            auto& config = *static_cast<const Config*>(erased);
            WEIR_ASSIGN(Collector collector, Collector::make(config, HostFiles::of(config.root_path)));
            return std::make_unique<HostMetrics>(std::move(collector), config, context);
          }};
}

}  // namespace weir::receivers::hostmetrics
