#include "sim/backend.h"

namespace weir::sim {
namespace {

class Link : public exporting::Sender {
 public:
  Link(Backend& backend, engine::StageContext& context) : backend_(backend), life_(backend.life), executor_(context.executor), rng_(context.rng.next()) {}

  void send(exporting::Payload payload, Duration, Done done) override {
    ++backend_.attempts;
    Duration delay(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(backend_.slowest.count()) + 1)));
    executor_.at(executor_.now() + delay, [this, payload = std::move(payload), done = std::move(done)]() mutable {
      if (!*life_) return done(Error{Errc::retryable, "backend away", {}});
      bool away = executor_.now() >= backend_.away_from && executor_.now() < backend_.away_until;
      if (away || rng_.chance(backend_.failures)) return done(Error{Errc::retryable, "backend away", {}});
      take(payload);
      done({});
    });
  }

 private:
  void take(const exporting::Payload& payload) {
    std::string body;
    for (auto& piece : payload.pieces) body += piece.view();
    auto batch = otlp::Batch::parse(payload.signal, Bytes::take(std::move(body)));
    WEIR_CHECK(batch.has_value(), "an exporter sent what cannot be read: {}", batch ? "" : batch.error().what);
    backend_.got.push_back(std::make_unique<otlp::Batch>(std::move(*batch)));
  }

  Backend& backend_;
  std::shared_ptr<const bool> life_;  // shared with the world
  io::Executor& executor_;
  Rng rng_;
};

Backend& backend_of(const void* config) { return *const_cast<Backend*>(static_cast<const Backend*>(config)); }

}  // namespace

const engine::Factory& backend_factory() {
  static const engine::Factory factory{
      .kind = engine::Kind::exporter,
      .type = "backend",
      .summary = "A backend of the simulation.",
      .signals = {otlp::Signal::traces, otlp::Signal::metrics},
      .durability = [](const void* config, const engine::StorageInfo& storage) { return exporting::durability(backend_of(config).settings, storage); },
      .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
        Backend& backend = backend_of(config);
        return exporting::make_stage(backend.settings, std::make_unique<Link>(backend, context), context);
      }};
  return factory;
}

}  // namespace weir::sim
