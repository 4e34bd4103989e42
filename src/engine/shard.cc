#include "engine/shard.h"

#include "base/log.h"
#include "engine/life.h"
#include "otlp/slicer.h"

namespace weir::engine {

using Role = PlanNode::Role;

std::string_view to_string(Reason reason) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::count_)> names = {
      "filtered",   "sampled_out", "late",        "evicted", "too_large", "permanent_error", "retries_exhausted",
      "queue_full", "unroutable",  "cardinality", "invalid", "shutdown"};
  return names[static_cast<std::size_t>(reason)];
}

Shards::Shards(const std::vector<io::Executor*>& executors, Host& its_host, std::uint64_t seed) : host(its_host), owners(executors.size()) {
  for (std::size_t i = 0; i < executors.size(); ++i)
    shards_.push_back(std::make_unique<Shard>(*this, static_cast<std::uint16_t>(i), *executors[i], seed + i));
}

Shards::~Shards() = default;

io::Executor& Shards::home() { return shards_.front()->executor(); }

void Shards::on_all(std::function<void(Shard&, io::Task)> work, io::Task done) {
  struct Waiting {
    std::atomic<std::size_t> left;
    io::Task done;
  };
  // Shared by all cores until the last one is done.
  auto waiting = std::make_shared<Waiting>(shards_.size(), std::move(done));
  for (auto& shard : shards_)
    shard->executor().post([&shard = *shard, &first = home(), work, waiting] {
      work(shard, [&first, waiting] {
        if (waiting->left.fetch_sub(1) == 1) first.post(std::move(waiting->done));
      });
    });
}

void Shards::on_all(std::function<void(Shard&)> work, io::Task done) {
  on_all([work = std::move(work)](Shard& shard, io::Task next) { work(shard), next(); }, std::move(done));
}

Shard::Shard(Shards& all, std::uint16_t index, io::Executor& executor, std::uint64_t seed)
    : all_(all), index_(index), executor_(executor), seed_(seed) {}

Shard::~Shard() = default;

// State of a core is used on that core only. Tests may call from outside all cores.
void Shard::check_core() const {
#ifndef NDEBUG
  io::CoreId here = io::current_core();
  WEIR_CHECK(here == executor_.id() || here == io::no_core, "core {} uses what belongs to core {}", here.value, executor_.id().value);
#endif
}

Operator* Shard::find(OperatorId id) const {
  auto at = operators_.find(id);
  return at == operators_.end() ? nullptr : at->second.get();
}

Result<> Shard::make(const Revision& revision) {
  auto& nodes = revision.plan.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!revision.fresh[i]) continue;
    OperatorId id = revision.operators[i];
    auto made = std::make_unique<Operator>(id, nodes[i], *this, Rng(seed_ + (std::uint64_t{id.value} << 32)).next());
    if (made->role == Role::exchange || made->role == Role::receiver) made->opens = made->role == Role::exchange && all_.size() > 1;
    if (made->role == Role::exchange) made->exchange = std::make_unique<Exchange>(nodes[i].key, nodes[i].signal, all_.owners);
    std::lock_guard lock(all_.roster);
    operators_.emplace(id, std::move(made));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (revision.fresh[i]) wire(revision, i);
  for (std::size_t i = nodes.size(); i-- > 0;) {
    Operator& at = *find(revision.operators[i]);
    if (!revision.fresh[i] || at.role == Role::exchange || at.role == Role::receiver) continue;
    if (auto made = make_stage(at, nodes[i], revision); !made) {
      Error error = std::move(made).error();
      error.what = fmt::format("{} \"{}\": {}", to_string(at.role), nodes[i].component->id.to_string(), error.what);
      return fail(std::move(error));
    }
  }
  sought_ = ask_stages(revision);
  return {};
}

static std::string life_name(const ComponentSpec& spec, const Revision& revision) {
  return fmt::format("{} {} {}", to_string(spec.factory->kind), spec.id.to_string(), revision.lives.at(&spec).value);
}

Result<> Shard::make_stage(Operator& made, const PlanNode& node, const Revision& revision) {
  LifeScope life(life_name(*node.component, revision));
  StageContext context{.id = node.component->id,
                       .pipeline = node.pipeline,
                       .signal = node.signal,
                       .output_signal = node.output_signal,
                       .output_pipelines = {},
                       .best_answer = node.best_answer_behind,
                       .shard = index_,
                       .shards = static_cast<std::uint16_t>(all_.size()),
                       .executor = executor_,
                       .rng = made.rng,
                       .host = all_.host};
  for (auto& port : node.ports) context.output_pipelines.push_back(port.pipeline);
  WEIR_ASSIGN(made.stage, node.component->factory->make_stage(made.config.get(), context));
  made.opens = made.stage->opens();
  return made.stage->start(made.out);
}

void Shard::wire(const Revision& revision, std::size_t node) {
  Operator& at = *find(revision.operators[node]);
  at.ports.clear();
  at.all.clear();
  for (auto& port : revision.plan.nodes()[node].ports) {
    auto& targets = at.ports.emplace_back();
    for (std::size_t to : port.to) {
      Operator* target = find(revision.operators[to]);
      targets.push_back(target);
      if (std::find(at.all.begin(), at.all.end(), target) == at.all.end()) at.all.push_back(target);
    }
  }
}

std::shared_ptr<const otlp::Sought> Shard::ask_stages(const Revision& revision) {
  otlp::Sought sought;
  for (OperatorId id : revision.operators)
    if (Operator* at = find(id); at->stage && at->signal == Signal::traces) at->stage->seek(sought);
  if (sought.empty()) return nullptr;
  // Equal sets of keys share one object, because batches move between cores and are compared by its address.
  return std::static_pointer_cast<const otlp::Sought>(
      all_.host.shared("landmarks:" + sought.id(), [&] { return std::make_shared<otlp::Sought>(std::move(sought)); }));
}

Result<> Shard::start_receivers(const Revision& revision) {
  for (auto* spec : revision.new_receivers) WEIR_TRY(start_receiver(*spec, revision));
  return {};
}

Result<> Shard::start_receiver(const ComponentSpec& spec, const Revision& revision) {
  auto& hosted = receivers_[revision.lives.at(&spec)];
  hosted.intake = std::make_shared<ReceiverIntake>(*this, spec.id.to_string());
  wire_intake(spec, revision);
  LifeScope life(life_name(spec, revision));
  ReceiverContext context{.id = spec.id,
                          .shard = index_,
                          .shards = static_cast<std::uint16_t>(all_.size()),
                          .executor = executor_,
                          .intake = *hosted.intake,
                          .host = all_.host};
  auto made = spec.factory->make_receiver(spec.config.get(), context);
  Result<> ok = made ? (*made)->start() : Result<>(std::unexpected(made.error()));
  if (!ok) return fail(ok.error().code, "receiver \"{}\": {}", spec.id.to_string(), ok.error().what);
  hosted.receiver = std::move(*made);
  return {};
}

void Shard::begin_receivers(const std::vector<LifeId>& lives) {
  for (LifeId life : lives)
    if (auto at = receivers_.find(life); at != receivers_.end())
      if (auto* begins = dynamic_cast<Begins*>(at->second.receiver.get())) begins->begin();
}

void Shard::wire_intake(const ComponentSpec& spec, const Revision& revision) {
  auto at = receivers_.find(revision.lives.at(&spec));
  if (at == receivers_.end()) return;
  std::array<Operator*, 4> entries{};
  auto& nodes = revision.plan.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].role == Role::receiver && nodes[i].component == &spec)
      entries[static_cast<std::size_t>(nodes[i].signal)] = find(revision.operators[i]);
  at->second.intake->wire(entries);
}

void Shard::commit(const Revision& revision) {
  for (std::size_t i = 0; i < revision.operators.size(); ++i) wire(revision, i);
  sought_ = ask_stages(revision);
  for (auto& [spec, life] : revision.lives)
    if (spec->factory->kind == Kind::receiver) wire_intake(*spec, revision);
}

template <class Component>
static void share(Component* component) {
  if (auto* listens = dynamic_cast<Listens*>(component)) listens->share_listeners();
}

void Shard::share_listeners(const Gone& gone) {
  for (LifeId life : gone.receivers)
    if (auto at = receivers_.find(life); at != receivers_.end()) share(at->second.receiver.get());
  for (OperatorId id : gone.operators)
    if (Operator* at = find(id); at != nullptr) share(at->stage.get());
}

void Shard::stop_receivers(const Gone& gone, io::Task done) {
  struct Waiting {
    std::size_t left;
    io::Task done;
  };
  std::vector<Receiver*> there;
  for (LifeId life : gone.receivers)
    if (auto at = receivers_.find(life); at != receivers_.end() && at->second.receiver) there.push_back(at->second.receiver.get());
  if (there.empty()) return done();
  // Shared by the callbacks of all receivers of this core.
  auto waiting = std::make_shared<Waiting>(there.size(), std::move(done));
  for (Receiver* receiver : there)
    receiver->stop([waiting] {
      if (--waiting->left == 0) waiting->done();
    });
}

void Shard::drain(OperatorId id) {
  if (Operator* at = find(id); at != nullptr && at->stage) at->stage->drain(at->out);
}

void Shard::drain_exporters(const Gone& gone) {
  for (OperatorId id : gone.operators)
    if (Operator* at = find(id); at != nullptr && at->role == Role::exporter) drain(id);
}

bool Shard::idle(const Gone& gone) const {
  return std::ranges::all_of(gone.operators, [this](OperatorId id) {
    Operator* at = find(id);
    return at == nullptr || !at->stage || at->stage->idle();
  });
}

std::size_t Shard::open_requests(const Gone& gone) const {
  std::size_t open = 0;
  for (LifeId life : gone.receivers)
    if (auto at = receivers_.find(life); at != receivers_.end()) open += at->second.intake->open();
  return open;
}

void Shard::abandon(const Gone& gone) {
  for (LifeId life : gone.receivers)
    if (auto at = receivers_.find(life); at != receivers_.end()) at->second.intake->abandon();
  for (OperatorId id : gone.operators) drain(id);
  for (OperatorId id : gone.operators) {
    Operator* at = find(id);
    if (at == nullptr) continue;
    if (at->stage) at->stage->abandon(at->out);
    at->closed = true;
  }
}

void Shard::destroy_stages(const Gone& gone) {
  for (OperatorId id : gone.operators) {
    Operator* at = find(id);
    if (at == nullptr) continue;
    at->closed = true;
    if (at->timer) executor_.cancel(at->timer);
    at->timer = 0;
    at->stage.reset();
  }
}

void Shard::destroy(const Gone& gone) {
  for (LifeId life : gone.receivers) {
    auto at = receivers_.find(life);
    if (at == receivers_.end()) continue;
    at->second.receiver.reset();
    receivers_.erase(at);
  }
  std::vector<std::unique_ptr<Operator>> dead;
  std::lock_guard lock(all_.roster);
  for (OperatorId id : gone.operators) {
    auto at = operators_.find(id);
    if (at == operators_.end()) continue;
    all_.remember(*at->second);
    dead.push_back(std::move(at->second));
    operators_.erase(at);
  }
}

void Shard::deliver(Operator& to, Batch batch) {
  check_core();
  if (batch.empty()) return batch.settle({});
  bool large = to.opens && batch.cost().bytes > piece_bytes();
  if (large && batch.signal() != Signal::profiles) return deliver_in_pieces(to, std::move(batch));
  take(to, std::move(batch));
}

void Shard::deliver_in_pieces(Operator& to, Batch batch) {
  otlp::Slicer pieces(std::move(batch), piece_bytes());
  for (bool first = true; !pieces.done(); first = false) {
    Batch piece = pieces.next();
    if (!first || !pieces.done()) piece.mark_part();
    if (!piece.empty()) take(to, std::move(piece));
  }
}

void Shard::take(Operator& to, Batch batch) {
  Ledger::add(to.ledger.in, batch.items());
  if (to.exchange && !to.closed) return exchange(to, std::move(batch));
  if (!to.stage || to.closed) return turn_away(to, std::move(batch));
  if (to.stage->keeps()) make_small(batch);
  to.stage->process(std::move(batch), to.out);
}

// Called before a stage keeps the batch for an unknown time.
void Shard::make_small(Batch& batch) const {
  const Budget& budget = all_.host.budget();
  constexpr std::size_t slack = 64 * 1024;
  if (budget.used() > budget.limit() / 2 && batch.footprint() > 2 * batch.bytes() + slack) batch.compact();
}

void Shard::turn_away(Operator& at, Batch batch) {
  Error error{Errc::retryable, "shutting down", {}};
  if (batch.refusable())
    at.out.refuse(std::move(batch), std::move(error));
  else
    at.out.drop(std::move(batch), Reason::shutdown, std::move(error));
}

void Shard::fan_out(const std::vector<Operator*>& targets, Batch batch) {
  if (targets.empty()) return batch.settle({});
  // Copying an index costs less than indexing each copy. A stage that only passes bodies on needs no index.
  auto indexes = [](const Operator* at) { return at->exchange != nullptr; };
  if (targets.size() > 1 && std::all_of(targets.begin(), targets.end(), indexes)) batch.groups();
  for (std::size_t i = 0; i + 1 < targets.size(); ++i) {
    Batch copy = batch.fork();
    // The copy shares the bytes but not the index: for small batches that is about as much memory again.
    deliver(*targets[i], std::move(copy));
  }
  deliver(*targets.back(), std::move(batch));
}

void Shard::exchange(Operator& at, Batch batch) {
  // A part of a request that was cut is not refused. A batch without senders that wait goes through as well: its memory exists already.
  if (batch.whole() && (congested(at) || (all_.size() > 1 && refuses(at))))
    return at.out.refuse(std::move(batch), {Errc::refused, fmt::format("the cores behind \"{}\" are busy", at.label), 1s});
  Ledger::add(at.ledger.out, batch.items());
  if (all_.size() == 1) return fan_out(at.all, std::move(batch));
  auto parts = at.exchange->cut(std::move(batch));
  std::size_t left = 0;
  for (const Batch& part : parts) left += part.items();
  bool cut = std::ranges::count_if(parts, [](const Batch& part) { return !part.empty(); }) > 1;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    if (cut) parts[i].mark_part();
    Charge room = Reserve::share(parts[i].items(), left);
    left -= parts[i].items();
    if (i == index_) {
      Reserve reserve(room);
      fan_out(at.all, std::move(parts[i]));
      continue;
    }
    Shard& other = all_.at(i);
    std::size_t bytes = parts[i].bytes();
    auto& in_flight = at.exchange->in_flight;
    in_flight.fetch_add(bytes, std::memory_order_relaxed);
    other.executor_.post([&other, &in_flight, id = at.id, bytes, room = std::move(room), part = std::move(parts[i])]() mutable {
      in_flight.fetch_sub(bytes, std::memory_order_relaxed);
      other.arrive(id, std::move(part), room);
    });
  }
}

// A part that another core cut from a batch.
void Shard::arrive(OperatorId exchange, Batch part, Charge& room) {
  Operator* at = find(exchange);
  WEIR_CHECK(at != nullptr, "a batch arrived at exchange {}, which is gone", exchange.value);
  Reserve reserve(room);
  fan_out(at->all, std::move(part));  // as it was when the part was cut: another wiring makes it another exchange
}

bool Shard::refuses(const Operator& at) const {
  if (at.exchange && congested(at)) return true;
  if (at.stage && at.stage->refuses(at.out)) return true;
  bool holds = at.stage && (at.stage->keeps() || at.stage->bytes_per_item() > 0);  // what is behind comes later
  return !holds && std::ranges::any_of(at.all, [this](const Operator* next) { return refuses(*next); });
}

bool Shard::congested(const Operator& at) const {
  if (at.exchange) return at.exchange->in_flight.load(std::memory_order_relaxed) >= all_.exchange_credit.load(std::memory_order_relaxed);
  return at.stage && at.stage->congested();
}

void Shard::arm(Operator& at, TimePoint when) {
  check_core();
  if (at.timer && at.wake <= when) return;
  if (at.timer) executor_.cancel(at.timer);
  at.wake = when;
  at.timer = executor_.at(when, [this, &at] { fire(at); });
}

void Shard::fire(Operator& at) {
  at.timer = 0;
  if (at.stage) at.stage->tick(executor_.now(), at.out);
}

void Out::push(Batch batch) {
  Ledger::add(node_->ledger.out, batch.items());
  shard_->fan_out(node_->all, std::move(batch));
}

void Out::push_to(std::size_t port, Batch batch) {
  Ledger::add(node_->ledger.out, batch.items());
  shard_->fan_out(node_->ports[port], std::move(batch));
}

void Out::emit(Batch batch) {
  Ledger::add(node_->ledger.created, batch.items());
  push(std::move(batch));
}

void Out::drop(Batch batch, Reason reason) {
  count_dropped(batch.items(), reason);
  batch.settle({});
}

void Out::drop(Batch batch, Reason reason, Error error) {
  count_dropped(batch.items(), reason);
  batch.settle(std::move(error));
}

void Out::count_dropped(std::size_t items, Reason reason) {
  Ledger::add(node_->ledger.dropped[static_cast<std::size_t>(reason)], items);
}

void Out::count_created(std::size_t items) { Ledger::add(node_->ledger.created, items); }
void Out::count_consumed(std::size_t items) { Ledger::add(node_->ledger.consumed, items); }

void Out::refuse(Batch batch, Error error) {
  if (!batch.refusable()) return drop(std::move(batch), Reason::queue_full, std::move(error));
  Ledger::add(node_->ledger.refused, batch.items());
  batch.settle(std::move(error));
}

void Out::outgrown(Batch batch, Error error) {
  static log::RateLimit lines;
  if (long long more = 0; lines.allow(more))
    log::warn("A batch is too large for memory", {{"component", node_->label}, {"items", batch.items()}, {"error", error.what}, {"suppressed", more}});
  bool others_taken = batch.refusable() && !batch.whole();
  if (others_taken) return drop(std::move(batch), Reason::too_large);
  if (error.code != Errc::too_large) return refuse(std::move(batch), std::move(error));
  drop(std::move(batch), Reason::too_large, std::move(error));
}

void Out::delivered(Batch batch) {
  Ledger::add(node_->ledger.delivered, batch.items());
  batch.settle({});
}

void Out::stored(Batch batch, Error error) {
  count_stored(batch.items());
  batch.settle(std::move(error));
}

void Out::count_stored(std::size_t items) { Ledger::add(node_->ledger.stored, items); }

void Out::count_delivered(std::size_t items) { Ledger::add(node_->ledger.delivered, items); }

void Out::consumed(Batch batch) {
  Ledger::add(node_->ledger.consumed, batch.items());
  batch.settle({});
}

void Out::accept(Batch& batch) {
  for (Receipt& receipt : batch.receipts) receipt.settle({});
  batch.receipts.clear();
}

void Out::wake_at(TimePoint when) { shard_->arm(*node_, when); }
TimePoint Out::now() const { return shard_->executor().now(); }
UnixNanos Out::wall() const { return shard_->executor().wall(); }

bool Out::congested() const {
  auto full = [this](auto& self, const Operator& at) -> bool {
    return std::any_of(at.all.begin(), at.all.end(), [&](Operator* next) { return shard_->congested(*next) || self(self, *next); });
  };
  return full(full, *node_);
}

}  // namespace weir::engine
