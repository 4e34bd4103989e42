#include "components/processors/tail_sampling/decision_log.h"

#include "components/shared/holding/hold_log.h"
#include "components/shared/holding/peers.h"
#include "components/shared/storage/log_access.h"
#include "engine/key.h"

namespace weir::processors::tail_sampling {
namespace {

using decisions::Decision;

// A trace's id and whether it was kept.
constexpr std::size_t id_bytes = sizeof(otlp::TraceId), entry_bytes = id_bytes + 1;
constexpr std::uint8_t decisions_kind = 2;
constexpr Duration write_delay = 100ms;
constexpr std::size_t at_once = 4096, most_waiting = 64 * 1024;  // decisions
constexpr std::size_t recovery_bytes = 256 * 1024;               // of one look at what is left from before

// As the exchange in front of the stage has it.
class Owners {
 public:
  explicit Owners(std::size_t cores) : cores_(cores) {}
  std::size_t of(const otlp::TraceId& id) {
    span_.trace_id = id;
    return engine::owner_of_key(engine::key_hash(engine::Key::trace_id, otlp::Signal::traces, group_, item_, arena_), cores_);
  }

 private:
  std::size_t cores_;
  otlp::Span span_;
  otlp::Item item_{.message = &span_};
  otlp::ResourceGroup group_;
  Arena arena_;
};

}  // namespace

std::string encode_decisions(std::span<const Decision> made) {
  std::string out;
  out.reserve(made.size() * entry_bytes);
  for (const Decision& one : made) {
    out += one.id.view();
    out += one.kept ? '\1' : '\0';
  }
  return out;
}

std::vector<Decision> decode_decisions(std::string_view bytes) {
  std::vector<Decision> out;
  if (bytes.size() % entry_bytes != 0) return out;
  out.resize(bytes.size() / entry_bytes);
  for (Decision& one : out) {
    std::memcpy(one.id.bytes.data(), bytes.data(), id_bytes);
    one.kept = bytes[id_bytes] != 0;
    bytes.remove_prefix(entry_bytes);
  }
  return out;
}

struct DecisionLog::Peers : holding::Peers<DecisionLog> {};

Result<std::unique_ptr<DecisionLog>> DecisionLog::open(const engine::StageContext& context, const std::string& directory, std::size_t remembered, Recall recall) {
  WEIR_ASSIGN(auto files, storage::shared_log_files(context.host, directory));
  return std::unique_ptr<DecisionLog>(new DecisionLog(context, std::move(files), remembered, std::move(recall)));
}

// Decisions of the time before a power cut may be gone: nobody waits for a sync of them.
DecisionLog::DecisionLog(const engine::StageContext& context, std::shared_ptr<storage::LogFiles> files, std::size_t remembered, Recall recall)
    : context_(context),
      remembered_(remembered),
      recall_(std::move(recall)),
      lost_(context.host.metrics().counter("weir_tail_sampling_decisions_not_kept", "Decisions that could not be written, and are not remembered over a restart.",
                                           {{"processor", context.id.to_string()}})),
      peers_(engine::shared_state<Peers>(context.host, "decision peers " + files->directory())),
      log_(std::move(files), {.sync = storage::Sync::never, .segment_bytes = 1024 * 1024}, context.executor, context.rng.next(),
           storage::offloads_to(context.host.workers(), context.executor)) {
  log_.on_damage = holding::say_damage(context_, "Decisions on disk are damaged; all others are remembered");
}

DecisionLog::~DecisionLog() {
  if (write_timer_) context_.executor.cancel(write_timer_);
  if (read_timer_) context_.executor.cancel(read_timer_);
  peers_->remove(context_.shard, this);
  for (Receipt& one : replaced_) one.settle(Error{Errc::retryable, "shutting down", {}});
}

void DecisionLog::start() {
  peers_->set(context_.shard, {&context_.executor, this, alive_});
  recover();
}

void DecisionLog::add(std::span<const Decision> made) {
  std::size_t room = most_waiting - std::min(most_waiting, fresh_.size());
  if (made.size() > room) lost_.add(made.size() - room), made = made.first(room);
  fresh_.insert(fresh_.end(), made.begin(), made.end());
  if (fresh_.size() >= at_once && writing_ == 0) return write();
  if (write_timer_ || fresh_.empty()) return;
  write_timer_ = context_.executor.at(context_.executor.now() + write_delay, [this] {
    write_timer_ = 0;
    write();
  });
}

void DecisionLog::write() {
  if (writing_ > 0) return;  // what came meanwhile goes when that has ended
  if (fresh_.empty()) return;
  std::size_t count = fresh_.size();
  std::vector<Bytes> pieces = {Bytes::take(encode_decisions(fresh_))};
  fresh_.clear();
  ++writing_;
  log_.append({std::move(pieces), static_cast<std::uint32_t>(count), decisions_kind}, [this, count, replaced = std::exchange(replaced_, {})](Result<storage::Place> place) mutable {
    --writing_;
    if (place) keep(*place, count);
    else lost_.add(count);
    for (Receipt& one : replaced) one.settle(place ? Outcome() : Outcome(place.error()));
    if (!fresh_.empty()) write();
  });
  if (!read_timer_ && log_.has_unread()) recover();  // of a stage that a reload has replaced by this one
}

void DecisionLog::keep(storage::Place place, std::size_t decisions) {
  kept_.push_back({place, decisions});
  kept_decisions_ += decisions;
  while (kept_decisions_ - kept_.front().decisions >= remembered_) {
    log_.settle(kept_.front().place);
    kept_decisions_ -= kept_.front().decisions;
    kept_.pop_front();
  }
}

void DecisionLog::flush() {
  write();
  log_.flush();
}

void DecisionLog::recover() {
  read_timer_ = 0;
  if (log_.reading() || !log_.has_unread()) return;
  auto later = [this](Duration wait) {
    if (!read_timer_) read_timer_ = context_.executor.at(context_.executor.now() + wait, [this] { recover(); });
  };
  if (peers_->complete(context_.shards).empty()) return later(20ms);
  log_.read(recovery_bytes, [this, later](std::vector<storage::ReadRecord> records) {
    for (auto& record : records) take_up(record);
    later(1ms);
  });
}

// Each decision goes to the core that owns its trace now, and is written there; then the old record goes.
void DecisionLog::take_up(const storage::ReadRecord& record) {
  Receipt receipt = Receipt::open([this, place = record.place, home = &context_.executor, alive = std::weak_ptr(alive_)](Outcome outcome) {
    if (outcome) return;  // it stays
    auto settle = [this, place, alive] {
      if (!alive.expired()) log_.settle(place);
    };
    if (io::current_core() == home->id()) settle();
    else home->post(settle);
  });
  auto peers = peers_->complete(context_.shards);
  if (peers.empty()) return receipt.settle(Error{Errc::retryable, "shutting down", {}});
  std::vector<std::vector<Decision>> parts(peers.size());
  Owners owners(peers.size());
  if (record.kind == decisions_kind)
    for (const Decision& one : decode_decisions(record.payload.view())) parts[owners.of(one.id)].push_back(one);
  UnixNanos wall = context_.executor.wall();
  Duration age(static_cast<std::int64_t>(wall > record.time ? wall - record.time : 0));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    if (i == context_.shard) {
      recalled(parts[i], age, receipt);
      continue;
    }
    peers[i].executor->post([log = peers[i].log, alive = peers[i].alive, part = std::move(parts[i]), age, copy = receipt]() mutable {
      if (alive.expired()) return copy.settle(Error{Errc::retryable, "shutting down", {}});
      log->recalled(part, age, std::move(copy));
    });
  }
  receipt.settle({});
}

void DecisionLog::recalled(std::span<const Decision> made, Duration age, Receipt record) {
  recall_(made, age);
  replaced_.push_back(std::move(record));
  add(made);
}

}  // namespace weir::processors::tail_sampling
