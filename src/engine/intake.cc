#include "engine/intake.h"

#include <set>

#include "base/partial_success.h"
#include "engine/disk_wait.h"
#include "engine/shard.h"

namespace weir::engine {
namespace {

constexpr std::size_t mib = 1024 * 1024;

bool leads_to_seeker(const Operator& node) {
  otlp::Sought sought;
  if (node.stage && node.signal == Signal::traces) node.stage->seek(sought);
  return !sought.empty() || std::ranges::any_of(node.all, [](const Operator* next) { return leads_to_seeker(*next); });
}

// What SDKs send takes up to ten times its size when decoded. A request beyond this factor costs its sender far less than this process.
constexpr std::size_t most_taken_apart(std::size_t bytes) { return 16 * bytes + 64 * mib; }

}  // namespace

ReceiverIntake::ReceiverIntake(Shard& shard, std::string id)
    : shard_(shard), id_(std::move(id)), self_(std::make_shared<ReceiverIntake*>(this)) {}

void ReceiverIntake::wire(const std::array<Operator*, otlp::all_signals.size()>& entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries_[i] = {.node = entries[i]};
    if (entries[i] != nullptr) look_behind(entries_[i]);
  }
  Operator* spans = entry_of(Signal::traces).node;
  seekers_ = spans != nullptr && leads_to_seeker(*spans);
  // No pipeline takes this signal any more: the sender is told so and may try again.
  std::erase_if(slow_, [&](Slow& slow) {
    bool goes_on = std::ranges::find(entries, slow.node) != entries.end();
    if (!goes_on) slow.pieces.stop(Error{Errc::retryable, "no pipeline takes the rest any more", {}});
    return !goes_on;
  });
}

ReceiverIntake::~ReceiverIntake() {
  *self_ = nullptr;
  abandon();
}

void ReceiverIntake::abandon() {
  for (Slow& slow : std::exchange(slow_, {})) slow.pieces.stop(Error{Errc::retryable, "shutting down", {}});
}

void ReceiverIntake::look_behind(Entry& entry) {
  std::set<const Operator*> seen;
  std::vector<const Operator*> open{entry.node};
  while (!open.empty()) {
    const Operator* node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    open.insert(open.end(), node->all.begin(), node->all.end());
    entry.opens |= node->opens;
    if (node->stage) entry.held_per_item += node->stage->bytes_per_item();
  }
}

std::shared_ptr<const otlp::Sought> ReceiverIntake::sought(Signal signal) const {
  return signal == Signal::traces && seekers_ ? shard_.sought() : nullptr;
}

Outcome ReceiverIntake::let_in(const Entry& entry, const Batch& batch, Charge& room) {
  Budget& budget = shard_.host().budget();
  const otlp::Cost& cost = batch.cost();
  std::size_t need = 0;
  if (entry.opens) {
    if (cost.bytes > most_taken_apart(batch.bytes()))
      return Error{Errc::too_large, fmt::format("{} bytes with {} items would take {} MiB of memory", batch.bytes(), batch.items(), cost.bytes / mib), {}};
    need = std::min(cost.bytes, 2 * cost.largest + shard_.piece_bytes());  // a piece with its resource and scope
  }
  if (entry.held_per_item) need += entry.held_per_item * batch.items() + batch.bytes();
  if (need == 0 || budget.try_charge(need, room)) return std::nullopt;
  if (need + batch.bytes() > budget.limit())
    return Error{Errc::too_large, fmt::format("{} items need {} bytes of memory, and there are {} in all", batch.items(), need + batch.bytes(), budget.limit()), {}};
  return Error{Errc::refused, fmt::format("data refused due to high memory usage: {} items need {} bytes, {} are free", batch.items(), need, budget.room()), 1s};
}

void ReceiverIntake::push(Batch batch, std::string_view transport, std::move_only_function<void(Outcome)> done) {
  const Entry& entry = entry_of(batch.signal());
  if (entry.node == nullptr) {
    batch.settle({});
    return done(Error{Errc::unimplemented, fmt::format("no pipeline takes {}", to_string(batch.signal())), {}});
  }
  std::size_t items = batch.items();
  if (batch.repaired_texts != 0)
    shard_.host().metrics()
        .counter("weir_receiver_repaired_texts", "Texts that were not UTF-8 when they came; U+FFFD stands where bytes were none.",
                 {{"receiver", id_}, {"transport", std::string(transport)}})
        .add(batch.repaired_texts);
  if (items == 0) return batch.settle({}), done({});
  batch.receipts.push_back(open_receipt(batch.signal(), transport, items, std::move(done)));
  Charge room;
  if (Outcome outside = let_in(entry, batch, room)) return batch.settle(std::move(outside));
  const std::size_t most = shard_.piece_bytes();
  if (!entry.opens || batch.cost().bytes <= most || batch.signal() == Signal::profiles) {
    Reserve reserve(room);
    return feed(*entry.node, std::move(batch));
  }
  if (shard_.refuses(*entry.node)) return batch.settle(Error{Errc::refused, "what is behind has no room", 1s});
  slow_.push_back({entry.node, otlp::Slicer(std::move(batch), most), std::move(room)});
  if (slow_.size() == 1) take_piece();
}

// If the first piece is refused, nothing of the request was accepted. After it, all other pieces must be accepted.
void ReceiverIntake::take_piece() {
  if (slow_.empty()) return;
  Slow& slow = slow_.front();
  if (slow.taken > 0 && DiskWait::of(shard_.host())->bytes.load(std::memory_order_relaxed) > shard_.piece_bytes()) {
    // What came before is still on its way to the disk, and each piece has a copy of what is around its items.
    shard_.executor().at(shard_.executor().now() + 1ms, [self = self_] {
      if (*self) (*self)->take_piece();
    });
    return;
  }
  Batch piece = slow.pieces.next();
  Outcome refused;
  if (!piece.empty()) {
    if (slow.taken++ > 0) {
      piece.mark_part();
      Reserve reserve(slow.room);
      feed(*slow.node, std::move(piece));
    } else {
      refused = try_piece(slow, std::move(piece));
    }
  }
  if (refused && slow.taken == 1) slow.pieces.stop(std::move(refused));
  if (slow.pieces.done()) slow_.pop_front();
  if (!slow_.empty()) shard_.executor().post([self = self_] {
      if (*self) (*self)->take_piece();
    });
}

// The error if the request was refused. A request that is answered later was accepted.
Outcome ReceiverIntake::try_piece(Slow& slow, Batch piece) {
  Outcome refused;
  auto heard = std::make_shared<Outcome*>(&refused);  // shared with the receipt; null: too late
  piece.receipts.push_back(Receipt::open([heard, home = shard_.executor().id()](Outcome outcome) {
    if (io::current_core() == home && *heard != nullptr) **heard = std::move(outcome);
  }));
  Reserve reserve(slow.room);
  feed(*slow.node, std::move(piece));
  *heard = nullptr;
  return refused;
}

void ReceiverIntake::feed(Operator& node, Batch batch) {
  Ledger::add(node.ledger.created, batch.items());
  Ledger::add(node.ledger.out, batch.items());
  shard_.fan_out(node.all, std::move(batch));
}

Receipt ReceiverIntake::open_receipt(Signal signal, std::string_view transport, std::size_t items, std::move_only_function<void(Outcome)> done) {
  Counters& counters = counters_for(signal, transport);
  ++open_;
  auto answer = [self = shared_from_this(), &counters, items, done = std::move(done), record = span_of(signal, transport, items)](Outcome outcome) mutable {
    (outcome ? counters.refused : counters.accepted).add(items);
    if (record) record(outcome);
    done(std::move(outcome));
    --self->open_;
  };
  io::Executor& home = shard_.executor();
  return Receipt::open([&home, answer = std::move(answer)](Outcome outcome) mutable {
    if (io::current_core() == home.id()) return answer(std::move(outcome));
    home.post([answer = std::move(answer), outcome = std::move(outcome), partial = SettlingWith::current()]() mutable {
      SettlingWith with(partial);
      answer(std::move(outcome));
    });
  });
}

void ReceiverIntake::refused(Signal signal, std::string_view transport, std::size_t items) {
  counters_for(signal, transport).refused.add(items);
}

// Finishes the span of a request; null if spans are off.
std::move_only_function<void(const Outcome&)> ReceiverIntake::span_of(Signal signal, std::string_view transport, std::size_t items) {
  telemetry::SpanSink* sink = shard_.host().own_spans();
  if (sink == nullptr) return nullptr;
  constexpr std::array<std::string_view, 4> words = {"TraceData", "Metrics", "Logs", "Profiles"};
  telemetry::OwnSpan span{.name = fmt::format("receiver/{}/{}Received", id_, words[static_cast<std::size_t>(signal)]), .start = shard_.executor().wall()};
  span.attributes.emplace_back("transport", std::string(transport));
  return [this, sink, items, name = otlp::items_name(signal), span = std::move(span)](const Outcome& outcome) mutable {
    span.end = shard_.executor().wall();
    span.attributes.emplace_back(fmt::format("accepted_{}", name), outcome ? 0 : items);
    span.attributes.emplace_back(fmt::format("refused_{}", name), outcome ? items : 0);
    if (outcome) span.error = outcome->what;
    sink->record(std::move(span));
  };
}

ReceiverIntake::Counters& ReceiverIntake::counters_for(Signal signal, std::string_view transport) {
  for (auto& [key, counters] : counters_)
    if (key.first == signal && key.second == transport) return counters;
  auto& metrics = shard_.host().metrics();
  telemetry::Labels labels = {{"receiver", id_}, {"transport", std::string(transport)}};
  std::string name(otlp::items_name(signal));
  // Stays at zero, since data that fails in a receiver never becomes a batch. Dashboards add it to the other counters.
  metrics.counter("otelcol_receiver_failed_" + name, "Items lost to errors inside of the receiver.", labels);
  return counters_
      .emplace_back(std::pair(signal, std::string(transport)),
                    Counters{metrics.counter("otelcol_receiver_accepted_" + name, "Items taken into the pipelines.", labels),
                             metrics.counter("otelcol_receiver_refused_" + name, "Items that were not taken.", labels)})
      .second;
}

}  // namespace weir::engine
