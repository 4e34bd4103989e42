#include "engine/shard.h"

#include "base/log.h"
#include "engine/engine.h"
#include "engine/intake.h"
#include "engine/key.h"
#include "otlp/slicer.h"

namespace weir::engine {

using Role = PlanNode::Role;

std::string_view to_string(Reason reason) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::count_)> names = {
      "filtered",   "sampled_out", "late",        "evicted", "too_large", "permanent_error", "retries_exhausted",
      "queue_full", "unroutable",  "cardinality", "invalid", "shutdown"};
  return names[static_cast<std::size_t>(reason)];
}

Shard::Shard(Engine& engine, const Plan& plan, std::uint16_t index, io::Executor& executor, std::uint64_t seed)
    : engine_(engine), plan_(plan), index_(index), executor_(executor), rng_(seed) {
  for (std::size_t i = 0; i < plan.nodes().size(); ++i) nodes_.push_back(std::make_unique<Node>(plan.nodes()[i], i, *this));
  for (auto& node : nodes_)
    for (auto& port : node->plan.ports) {
      auto& targets = node->ports.emplace_back();
      for (std::size_t to : port.to) {
        targets.push_back(nodes_[to].get());
        if (std::find(node->all.begin(), node->all.end(), nodes_[to].get()) == node->all.end())
          node->all.push_back(nodes_[to].get());
      }
    }
}

Shard::~Shard() = default;

Result<> Shard::make_stage(Node& node) {
  const PlanNode& plan = node.plan;
  StageContext context{.id = plan.component->id,
                       .pipeline = plan.pipeline,
                       .signal = plan.signal,
                       .output_signal = plan.output_signal,
                       .output_pipelines = {},
                       .best_answer = plan.best_answer_behind,
                       .shard = index_,
                       .shards = engine_.shard_count(),
                       .executor = executor_,
                       .rng = rng_,
                       .host = engine_.host()};
  for (auto& port : plan.ports) context.output_pipelines.push_back(port.pipeline);
  WEIR_ASSIGN(node.stage, plan.component->factory->make_stage(plan.component->config.get(), context));
  node.opens = node.stage->opens();
  return node.stage->start(node.out);
}

Result<> Shard::start_stages() {
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    Node& node = *nodes_[i];
    if (!node.is_stage()) {
      node.opens = node.plan.role == Role::exchange && engine_.shard_count() > 1;
      continue;
    }
    if (auto made = make_stage(node); !made) {
      Error error = std::move(made).error();
      error.what = fmt::format("{} \"{}\": {}", to_string(node.plan.role), node.plan.component->id.to_string(), error.what);
      return fail(std::move(error));
    }
  }
  sought_ = ask_stages();
  return {};
}

std::shared_ptr<const otlp::Sought> Shard::ask_stages() {
  otlp::Sought sought;
  for (auto& node : nodes_)
    if (node->stage && node->plan.signal == Signal::traces) node->stage->seek(sought);
  if (sought.empty()) return nullptr;
  // Batches go from core to core: who seeks the same has the same object.
  return std::static_pointer_cast<const otlp::Sought>(engine_.host().shared(
      "landmarks:" + sought.id(), [&] { return std::make_shared<otlp::Sought>(std::move(sought)); }));
}

Result<> Shard::start_receivers() {
  std::vector<const ComponentSpec*> started;
  for (auto& node : nodes_) {
    const ComponentSpec* spec = node->plan.component;
    if (node->plan.role != Role::receiver || std::find(started.begin(), started.end(), spec) != started.end()) continue;
    started.push_back(spec);
    intakes_.push_back(std::make_unique<ReceiverIntake>(*this, *spec));
    ReceiverContext context{.id = spec->id,
                            .shard = index_,
                            .shards = engine_.shard_count(),
                            .executor = executor_,
                            .intake = *intakes_.back(),
                            .host = engine_.host()};
    auto receiver = spec->factory->make_receiver(spec->config.get(), context);
    Result<> ok = receiver ? (*receiver)->start() : Result<>(std::unexpected(receiver.error()));
    if (!ok) return fail(ok.error().code, "receiver \"{}\": {}", spec->id.to_string(), ok.error().what);
    receivers_.push_back(std::move(*receiver));
  }
  return {};
}

void Shard::stop_receivers(io::Task done) {
  struct Waiting {
    std::size_t left;
    io::Task done;
  };
  // Shared by the callbacks of all receivers of this core.
  auto waiting = std::make_shared<Waiting>(receivers_.size(), std::move(done));
  if (receivers_.empty()) return waiting->done();
  for (auto& receiver : receivers_)
    receiver->stop([waiting] {
      if (--waiting->left == 0) waiting->done();
    });
}

void Shard::drain(std::size_t i) {
  Node& node = *nodes_[i];
  if (node.stage) node.stage->drain(node.out);
}

bool Shard::idle() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](auto& node) { return !node->stage || node->stage->idle(); });
}

void Shard::abandon() {
  for (auto& intake : intakes_) intake->abandon();
  for (auto& node : nodes_)
    if (node->stage) node->stage->abandon(node->out);
}

void Shard::destroy() {
  receivers_.clear();
  intakes_.clear();
  for (auto& node : nodes_) {
    if (node->timer) executor_.cancel(node->timer);
    node->timer = 0;
    node->stage.reset();
  }
}

void Shard::deliver(Node& to, Batch batch) {
  if (batch.empty()) return batch.settle({});
  bool large = to.opens && batch.cost().bytes > engine_.piece_bytes();
  if (large && batch.signal() != Signal::profiles) return deliver_in_pieces(to, std::move(batch));
  take(to, std::move(batch));
}

void Shard::deliver_in_pieces(Node& to, Batch batch) {
  otlp::Slicer pieces(std::move(batch), engine_.piece_bytes());
  for (bool first = true; !pieces.done(); first = false) {
    Batch piece = pieces.next();
    if (!first || !pieces.done()) piece.mark_part();
    if (!piece.empty()) take(to, std::move(piece));
  }
}

void Shard::take(Node& to, Batch batch) {
  Ledger::add(to.ledger.in, batch.items());
  if (to.plan.role == Role::exchange) return exchange(to, std::move(batch));
  if (!to.stage) {
    Ledger::add(to.ledger.dropped[static_cast<std::size_t>(Reason::shutdown)], batch.items());
    return batch.settle(Error{Errc::retryable, "shutting down", {}});
  }
  if (to.stage->keeps()) make_small(batch);
  to.stage->process(std::move(batch), to.out);
}

// Before it is kept, for as long as nobody knows.
void Shard::make_small(Batch& batch) const {
  const Budget& budget = engine_.host().budget();
  constexpr std::size_t slack = 64 * 1024;
  if (budget.used() > budget.limit() / 2 && batch.footprint() > 2 * batch.bytes() + slack) batch.compact();
}

void Shard::fan_out(const std::vector<Node*>& targets, Batch batch) {
  if (targets.empty()) return batch.settle({});
  // Copies of an index are cheaper than indexing each copy. Who only passes bodies on is better off without an index.
  auto indexes = [](const Node* node) { return node->plan.role == Role::exchange; };
  if (targets.size() > 1 && std::all_of(targets.begin(), targets.end(), indexes)) batch.groups();
  for (std::size_t i = 0; i + 1 < targets.size(); ++i) {
    Batch copy = batch.fork();
    // The copy's bytes are shared, its overlay and index are not: about as much memory again for small batches.
    deliver(*targets[i], std::move(copy));
  }
  deliver(*targets.back(), std::move(batch));
}

void Shard::exchange(Node& node, Batch batch) {
  // Of a request that was cut not a part is refused. What has no sender to tell goes through as well: its memory exists already.
  if (batch.whole() && (congested(node) || (engine_.shard_count() > 1 && refuses(node))))
    return node.out.refuse(std::move(batch), {Errc::refused, fmt::format("the cores behind \"{}\" are busy", label(node.plan)), 1s});
  Ledger::add(node.ledger.out, batch.items());
  std::size_t shards = engine_.shard_count();
  if (shards == 1) return fan_out(node.all, std::move(batch));
  Arena& arena = batch.arena();
  Key key = node.plan.key;
  otlp::ResourceGroup* seen = nullptr;
  std::size_t owner = 0;
  auto owner_of = [&](otlp::ResourceGroup& group, otlp::ScopeGroup&, otlp::Item& item) {
    if (!by_resource(key) || seen != &group) owner = owner_of_key(key_hash(key, node.plan.signal, group, item, arena), shards);
    seen = &group;
    return owner;
  };
  auto parts = batch.partition(shards, owner_of);
  std::size_t left = 0;
  for (const Batch& part : parts) left += part.items();
  bool cut = std::ranges::count_if(parts, [](const Batch& part) { return !part.empty(); }) > 1;
  for (std::size_t i = 0; i < shards; ++i) {
    if (parts[i].empty()) continue;
    if (cut) parts[i].mark_part();
    Charge room = Reserve::share(parts[i].items(), left);
    left -= parts[i].items();
    if (i == index_) {
      Reserve reserve(room);
      fan_out(node.all, std::move(parts[i]));
      continue;
    }
    Shard& other = engine_.shard(i);
    std::size_t bytes = parts[i].bytes();
    node.in_flight.fetch_add(bytes, std::memory_order_relaxed);
    other.executor_.post([&other, &node, bytes, room = std::move(room), part = std::move(parts[i])]() mutable {
      node.in_flight.fetch_sub(bytes, std::memory_order_relaxed);
      Reserve reserve(room);
      other.fan_out(other.nodes_[node.index]->all, std::move(part));
    });
  }
}

bool Shard::refuses(const Node& node) const {
  if (node.plan.role == Role::exchange && congested(node)) return true;
  if (node.stage && node.stage->refuses(node.out)) return true;
  bool holds = node.stage && (node.stage->keeps() || node.stage->bytes_per_item() > 0);  // what is behind comes later
  return !holds && std::ranges::any_of(node.all, [this](const Node* next) { return refuses(*next); });
}

bool Shard::congested(const Node& node) const {
  if (node.plan.role == Role::exchange) return node.in_flight.load(std::memory_order_relaxed) >= engine_.exchange_credit();
  return node.stage && node.stage->congested();
}

void Shard::arm(Node& node, TimePoint when) {
  if (node.timer && node.wake <= when) return;
  if (node.timer) executor_.cancel(node.timer);
  node.wake = when;
  node.timer = executor_.at(when, [this, &node] { fire(node); });
}

void Shard::fire(Node& node) {
  node.timer = 0;
  if (node.stage) node.stage->tick(executor_.now(), node.out);
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
  auto full = [this](auto& self, const Node& node) -> bool {
    return std::any_of(node.all.begin(), node.all.end(), [&](Node* next) { return shard_->congested(*next) || self(self, *next); });
  };
  return full(full, *node_);
}

}  // namespace weir::engine
