#include "engine/testing.h"

namespace weir::engine::testing {

// Lets the source and sink below reach the world they belong to; a factory has no other way to carry it than its config.
struct WorldAccess {
  World* world;
  std::string name;

  void register_intake(std::uint16_t shard, Intake& intake) const {
    auto& intakes = world->intakes_[name];
    if (intakes.size() <= shard) intakes.resize(shard + 1);
    intakes[shard] = &intake;
  }
  Outcome arrive(std::uint16_t shard, Batch& batch) const {
    auto rule = world->rules_.find(name);
    if (rule != world->rules_.end() && rule->second)
      if (Outcome outcome = rule->second(batch)) return outcome;
    Batch copy = batch.fork();
    copy.settle({});  // the copy's part; the batch itself is settled by the sink
    world->inbox_[name].push_back({shard, world->simulation_.clock().wall(), std::make_shared<Batch>(std::move(copy))});
    return {};
  }
};

namespace {

const WorldAccess& access(const void* config) { return *static_cast<const WorldAccess*>(config); }

class Source : public Receiver {
 public:
  Source(const WorldAccess& world, ReceiverContext& context) { world.register_intake(context.shard, context.intake); }
  Result<> start() override { return {}; }
  void stop(io::Task done) override { done(); }
};

class Sink : public Stage {
 public:
  Sink(const WorldAccess& world, std::uint16_t shard) : world_(world), shard_(shard) {}
  void process(Batch batch, Out& out) override {
    if (Outcome outcome = world_.arrive(shard_, batch)) return out.refuse(std::move(batch), *outcome);
    out.delivered(std::move(batch));
  }

 private:
  WorldAccess world_;
  std::uint16_t shard_;
};

const Factory source_factory{
    .kind = Kind::receiver,
    .type = "source",
    .summary = "Fed by the test.",
    .signals = {Signal::traces, Signal::metrics, Signal::logs},
    .make_receiver = [](const void* config, ReceiverContext& context) -> Result<std::unique_ptr<Receiver>> {
      return std::make_unique<Source>(access(config), context);
    }};

const Factory sink_factory{
    .kind = Kind::exporter,
    .type = "sink",
    .summary = "Read by the test.",
    .signals = {Signal::traces, Signal::metrics, Signal::logs},
    .make_stage = [](const void* config, StageContext& context) -> Result<std::unique_ptr<Stage>> {
      return std::make_unique<Sink>(access(config), context.shard);
    }};

config::ComponentId id_of(std::string_view text) {
  auto slash = text.find('/');
  if (slash == text.npos) return {std::string(text), ""};
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

std::vector<config::ComponentId> ids_of(const std::vector<std::string>& texts) {
  std::vector<config::ComponentId> out;
  for (auto& text : texts) out.push_back(id_of(text));
  return out;
}

}  // namespace

Extension* TestHost::extension(const config::ComponentId& id) {
  auto at = extensions.find(id.to_string());
  return at == extensions.end() ? nullptr : at->second;
}

World::World(std::size_t cores, std::uint64_t seed) : simulation_(cores, seed) {
  host_.use(simulation_.workers());
  spec_.receivers.push_back({id_of("source"), &source_factory, std::make_shared<WorldAccess>(this, "source"), {}});
}

World::~World() {
  if (engine_) stop(0s);
}

void World::add(const Factory& factory, std::string_view id, Factory::Config config) {
  ComponentSpec spec{id_of(id), &factory, std::move(config), {}};
  auto& list = factory.kind == Kind::processor   ? spec_.processors
               : factory.kind == Kind::connector ? spec_.connectors
               : factory.kind == Kind::receiver  ? spec_.receivers
                                                 : spec_.exporters;
  std::erase_if(list, [&](auto& known) { return known.id == spec.id; });
  list.push_back(std::move(spec));
}

void World::pipeline(std::string id, Signal signal, std::vector<std::string> receivers, std::vector<std::string> processors,
                     std::vector<std::string> exporters) {
  for (auto& name : exporters) {
    if (!name.starts_with("sink")) continue;
    bool known = std::any_of(spec_.exporters.begin(), spec_.exporters.end(), [&](auto& s) { return s.id == id_of(name); });
    if (!known) spec_.exporters.push_back({id_of(name), &sink_factory, std::make_shared<WorldAccess>(this, name), {}});
  }
  spec_.pipelines.push_back({std::move(id), signal, ids_of(receivers), ids_of(processors), ids_of(exporters)});
}

void World::use(PlanSpec spec) {
  for (auto& receiver : spec.receivers) {
    receiver.factory = &source_factory;
    receiver.config = std::make_shared<WorldAccess>(this, receiver.id.to_string());
  }
  for (auto& exporter : spec.exporters) {
    exporter.factory = &sink_factory;
    exporter.config = std::make_shared<WorldAccess>(this, exporter.id.to_string());
  }
  spec.receivers.insert(spec.receivers.end(), spec_.receivers.begin(), spec_.receivers.end());
  spec_ = std::move(spec);
}

void World::start() {
  auto started = try_start();
  WEIR_CHECK(started.has_value(), "{}", started.error().what);
}

Result<> World::try_start() {
  spec_.data_directory = !host_.directory.empty();
  auto plan = Plan::build(spec_);
  if (!plan) {
    std::string text;
    for (auto& error : plan.error()) text += error.what + "\n";
    return fail(Errc::config, "{}", text);
  }
  engine_ = std::make_unique<Engine>(std::move(*plan), simulation_.executors(), host_, simulation_.rng().next());
  Result<> started = fail(Errc::internal, "did not start");
  bool done = false;
  engine_->start([&](Result<> result) { started = std::move(result), done = true; });
  simulation_.run_until([&] { return done; }, 60s);
  if (!started) engine_.reset();
  return started;
}

void World::begin_reload(Duration patience) {
  auto plan = Plan::build(spec_);
  if (!plan) {
    reloaded_ = fail(plan.error().front());
    return;
  }
  reloaded_.reset();
  simulation_.core(0).post([this, patience, plan = std::move(*plan)]() mutable {
    engine_->reload(std::move(plan), patience, [this](Result<> result) { reloaded_ = std::move(result); });
  });
}

Result<> World::finish_reload() {
  simulation_.run_until([this] { return reloaded_.has_value(); }, 60s);
  WEIR_CHECK(reloaded_.has_value(), "the reload is not through");
  return *reloaded_;
}

Result<> World::reload(Duration patience) {
  begin_reload(patience);
  return finish_reload();
}

std::size_t World::push_to(std::string_view receiver, Batch batch, std::size_t core) {
  std::size_t number = post(receiver, std::move(batch), core);
  simulation_.run_ready();
  return number;
}

std::vector<std::size_t> World::push_all(std::size_t count, const std::function<Batch()>& make, std::size_t core) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(post("source", make(), core));
  simulation_.run_ready();
  return numbers;
}

std::shared_ptr<const otlp::Sought> World::sought(std::string_view receiver, Signal signal) const {
  return intakes_.find(receiver)->second[0]->sought(signal);
}

// As a receiver would have checked it; as it is when it is one that no receiver would let in.
static Batch received(Batch batch, std::shared_ptr<const otlp::Sought> sought) {
  if (!sought || sought == batch.sought()) return batch;
  std::string bytes;
  for (auto& piece : batch.encode()) bytes += piece.view();
  auto out = Batch::parse(batch.signal(), Bytes::take(std::move(bytes)), {}, std::move(sought));
  if (!out) return batch;
  out->charge = std::move(batch.charge);
  out->context = std::move(batch.context);
  out->take_receipts(batch);
  return std::move(*out);
}

std::size_t World::post(std::string_view receiver, Batch batch, std::size_t core) {
  std::size_t number = answers_.size();
  answers_.emplace_back();
  Intake* intake = intakes_.find(receiver)->second[core];
  simulation_.core(core).post([this, number, intake, batch = std::move(batch)]() mutable {
    auto sought = intake->sought(batch.signal());
    intake->push(received(std::move(batch), std::move(sought)), "test", [this, number](Outcome outcome) { answers_[number] = std::move(outcome); });
  });
  return number;
}

void World::stop(Duration patience) {
  bool stopped = false;
  engine_->stop(patience, [&] { stopped = true; });
  simulation_.run_until([&] { return stopped; }, patience + 60s);
  WEIR_CHECK(stopped, "did not stop");
  check_conservation();
  engine_.reset();
}

std::vector<Arrived> World::take(std::string_view sink) { return std::exchange(inbox_[std::string(sink)], {}); }

void World::check_conservation() {
  for (const LedgerRow& row : engine_->ledger(true)) WEIR_CHECK(row.balanced(), "{}", row.text());
}

Batch make_traces(const std::vector<SpanSpec>& spans) {
  Batch batch(Signal::traces);
  Arena& arena = batch.arena();
  std::map<std::string, std::size_t> at;
  auto& groups = batch.groups();
  for (auto& spec : spans) {
    auto [there, fresh] = at.emplace(spec.service, groups.size());
    if (fresh) {
      auto* resource = arena.make<otlp::Resource>();
      if (!spec.service.empty()) resource->attributes.set(arena, "service.name", otlp::Value::of(arena.copy(spec.service)));
      groups.push_back({otlp::Lazy<otlp::Resource>(resource), {}, {}, {}});
      groups.back().scopes.emplace_back();
    }
    auto* span = arena.make<otlp::Span>();
    span->trace_id.bytes[15] = spec.trace;
    span->span_id.bytes[7] = spec.span;
    if (spec.parent) span->parent_span_id.bytes[7] = spec.parent;
    span->name = arena.copy(spec.name);
    span->kind = spec.kind;
    span->status_code = spec.status;
    span->start_time_unix_nano = spec.start;
    span->end_time_unix_nano = spec.start + static_cast<UnixNanos>(spec.duration.count());
    for (auto& [key, value] : spec.attributes)
      span->attributes.set(arena, arena.copy(key), otlp::Value::of(arena.copy(value)));
    groups[there->second].scopes[0].items.push_back(otlp::Item::of(span));
  }
  batch.prune();
  // As it would come from the network: bytes, not objects.
  std::string bytes;
  for (auto& piece : batch.encode()) bytes += piece.view();
  auto parsed = Batch::parse(Signal::traces, Bytes::take(std::move(bytes)));
  WEIR_CHECK(parsed.has_value(), "{}", parsed ? "" : parsed.error().what);
  return std::move(*parsed);
}

}  // namespace weir::engine::testing
