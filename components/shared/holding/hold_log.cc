#include "components/shared/holding/hold_log.h"

#include "base/log.h"
#include "components/shared/holding/peers.h"
#include "components/shared/storage/log_access.h"
#include "engine/key.h"
#include "otlp/codec.h"

namespace weir::holding {
namespace {

// Of one look at what is left from before.
constexpr std::size_t recovery_bytes = 1024 * 1024;

// Until a stage is asked again what it still has: many batches are asked about at once.
constexpr Duration let_go_pause = 50ms;

}  // namespace

std::function<void(const std::string& file, const storage::Skipped&)> say_damage(const engine::StageContext& context, std::string_view what) {
  std::string id = context.id.to_string();
  auto& records = context.host.metrics().counter("weir_held_damaged_records", "Records of stages that hold data on disk that could not be read.", {{"stage", id}});
  return [id, &records, what = std::string(what)](const std::string& file, const storage::Skipped& skipped) {
    if (!skipped.damage()) return;
    records.add(skipped.broken + skipped.unknown);
    log::error(what, {{"stage", id}, {"file", file}, {"skipped", skipped.text()}});
  };
}

struct HoldLog::Peers : holding::Peers<HoldLog> {};

Result<std::unique_ptr<HoldLog>> HoldLog::open(const engine::StageContext& context, Take take) {
  std::string directory = context.host.data_directory();
  if (directory.empty()) return std::unique_ptr<HoldLog>();
  directory += "/held/" + storage::file_name_of(context.id.to_string()) + "-" + storage::file_name_of(context.pipeline);
  WEIR_ASSIGN(auto files, storage::shared_log_files(context.host, directory));
  return std::unique_ptr<HoldLog>(new HoldLog(context, std::move(files), std::move(take)));
}

HoldLog::HoldLog(const engine::StageContext& context, std::shared_ptr<storage::LogFiles> files, Take take)
    : context_(context),
      take_(std::move(take)),
      peers_(engine::shared_state<Peers>(context.host, "peers " + files->directory())),
      files_(std::move(files)),
      facts_(exporting::encode_facts({context_.signal, nullptr, {}})),
      log_(files_, {}, context.executor, context.rng.next(), storage::offloads_to(context.host.workers(), context.executor)),
      disk_wait_(engine::DiskWait::of(context.host)) {
  log_.on_damage = say_damage(context, "What a stage held on disk is damaged; everything else in it is taken up");
}

HoldLog::~HoldLog() {
  abandoned_ = true;
  if (timer_) context_.executor.cancel(timer_);
  peers_->remove(context_.shard, this);
}

void HoldLog::start(engine::Out& out) {
  out_ = &out;
  peers_->set(context_.shard, {&context_.executor, this, alive_});
  recover();
}

void HoldLog::put(otlp::Batch batch, Charge room) {
  std::size_t items = batch.items();
  batch.compact();
  Bytes body = in_one(batch.encode());
  otlp::Batch slim = otlp::Batch::trusted(context_.signal, {}, 0, batch.cost().dense);
  slim.take_receipts(batch);
  writing_.push_back({std::move(slim), body, items, std::move(room), engine::OnItsWay(disk_wait_, body.size())});
  Entry entry = std::prev(writing_.end());
  std::vector<Bytes> pieces = {facts_, std::move(body)};
  log_.append({std::move(pieces), static_cast<std::uint32_t>(items), 1}, [this, entry](Result<storage::Place> place) { written(entry, std::move(place)); });
}

otlp::Batch HoldLog::whole(Writing& entry) const {
  otlp::Batch out = otlp::Batch::trusted(context_.signal, entry.body, entry.items, entry.batch.cost().dense);
  out.charge = context_.host.budget().empty_charge();
  out.take_receipts(entry.batch);
  return out;
}

void HoldLog::written(Entry entry, Result<storage::Place> place) {
  if (abandoned_) return;  // settled already
  Writing done = std::move(*entry);
  writing_.erase(entry);
  Reserve reserve(done.room);
  otlp::Batch batch = whole(done);
  Arrival arrival{.answered = !batch.refusable()};
  if (!place && !arrival.answered) return out_->refuse(std::move(batch), {Errc::refused, "what is held cannot be written: " + place.error().what, 1s});
  std::vector<Receipt> records;
  if (!place) {
    // It is in memory only: whoever is in front and has it on disk keeps it there until it has left here.
    records = std::exchange(batch.receipts, {});
    batch.mark_answered();
  } else {
    out_->accept(batch);
    records.push_back(record(*place));
    arrival.record = {done.body, file_of(*place), place->offset + facts_.size(), 0};
  }
  take(std::move(batch), std::move(arrival), std::move(records));
}

std::shared_ptr<const std::string> HoldLog::file_of(storage::Place place) {
  if (file_segment_ != place.segment) {
    file_segment_ = place.segment;
    file_ = std::make_shared<const std::string>(log_.path_of(place.segment));
  }
  return file_;
}

// The stage first: what it says while it takes the batch, by a clock that went on, is not about this batch. So a stage that let go of all of it
// at once is woken to say so again.
void HoldLog::take(otlp::Batch batch, Arrival arrival, std::vector<Receipt> records) {
  std::uint64_t number = arrival.record.number = next_number_++;
  take_(std::move(batch), std::move(arrival));
  if (records.empty()) return;
  held_.push_back({context_.executor.now(), number, std::move(records)});
  out_->wake_at(context_.executor.now() + let_go_pause);
}

void HoldLog::leave_on_disk(std::uint64_t record) {
  auto at = std::ranges::lower_bound(held_, record, {}, &Held::number);
  if (at == held_.end() || at->number != record) return;
  for (auto& one : at->records) one.settle(Error{Errc::retryable, "it cannot be read now", {}});
  at->records.clear();
}

Receipt HoldLog::record(storage::Place place) {
  return Receipt::open([this, place, home = &context_.executor, alive = std::weak_ptr(alive_)](Outcome outcome) {
    if (outcome) return;  // lost on the way to another core at the end: it stays
    auto settle = [this, place, alive] {
      if (!alive.expired() && !abandoned_) log_.settle(place);
    };
    if (io::current_core() == home->id()) settle();
    else home->post(settle);
  });
}

void HoldLog::left_before(TimePoint when) {
  std::vector<Receipt> records;
  while (!held_.empty() && held_.front().since < when) {
    for (auto& one : held_.front().records) records.push_back(std::move(one));
    held_.pop_front();
  }
  if (records.empty()) return;
  gone_.push_back({left_, std::move(records)});
  settle_gone();
}

Receipt HoldLog::leaving() {
  std::uint64_t number = left_++;
  settled_.push_back(false);
  return Receipt::open([this, number, home = &context_.executor, alive = std::weak_ptr(alive_)](Outcome outcome) {
    bool not_taken = outcome && outcome->code == Errc::retryable;
    auto settle = [this, number, not_taken, alive] {
      if (alive.expired() || abandoned_ || (not_taken && draining_)) return;  // it stays
      settled_[number - first_open_] = true;
      while (!settled_.empty() && settled_.front()) settled_.pop_front(), ++first_open_;
      settle_gone();
    };
    if (io::current_core() == home->id()) settle();
    else home->post(settle);
  });
}

void HoldLog::settle_gone() {
  while (!gone_.empty() && gone_.front().after <= first_open_) {
    auto records = std::move(gone_.front().records);
    gone_.pop_front();
    for (auto& one : records) one.settle({});
  }
}

std::size_t HoldLog::held() const {
  std::size_t n = 0;
  for (auto& entry : writing_) n += entry.items;
  return n;
}

void HoldLog::abandon() {
  abandoned_ = true;
  for (auto& entry : writing_) out_->refuse(whole(entry), {Errc::retryable, "shutting down", {}});
  writing_.clear();
}

// Reads on while there is something from before; looks for the other cores first.
void HoldLog::recover() {
  timer_ = 0;
  if (abandoned_ || log_.reading() || !log_.has_unread()) return;
  auto later = [this](Duration wait) {
    if (!timer_) timer_ = context_.executor.at(context_.executor.now() + wait, [this] { recover(); });
  };
  if (peers_->complete(context_.shards).empty()) return later(20ms);
  log_.read(recovery_bytes, [this, later](std::vector<storage::ReadRecord> records) {
    for (auto& record : records) {
      Receipt receipt = this->record(record.place);
      auto request = exporting::decode_request(record.payload);
      auto batch = request ? otlp::Batch::parse(context_.signal, request->body) : Result<otlp::Batch>(std::unexpected(request.error()));
      if (!batch || batch->empty()) {
        receipt.settle({});
        out_->count_created(record.items);
        out_->count_dropped(record.items, engine::Reason::invalid);
        continue;
      }
      batch->receipts.push_back(std::move(receipt));
      Record where{request->body, file_of(record.place), record.place.offset + static_cast<std::uint64_t>(request->body.data() - record.payload.data()), 0};
      if (batch->repaired_texts > 0) where = {};  // the batch is not what the file has
      route(std::move(*batch), where);
    }
    later(1ms);
  });
}

// Each item to the core that owns its trace now.
void HoldLog::route(otlp::Batch batch, const Record& record) {
  auto peers = peers_->complete(context_.shards);
  if (peers.empty()) return batch.settle(Error{Errc::retryable, "shutting down", {}});
  if (peers.size() == 1) return take_recovered(std::move(batch), record);
  Arena& arena = batch.arena();
  auto parts = batch.partition(peers.size(), [&](otlp::ResourceGroup& group, otlp::ScopeGroup&, otlp::Item& item) {
    return engine::owner_of_key(engine::key_hash(engine::Key::trace_id, context_.signal, group, item, arena), peers.size());
  });
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    if (i == context_.shard) {
      take_recovered(std::move(parts[i]), record);
      continue;
    }
    peers[i].executor->post([log = peers[i].log, alive = peers[i].alive, part = std::move(parts[i]), record]() mutable {
      if (alive.expired()) return part.settle(Error{Errc::retryable, "shutting down", {}});
      log->take_recovered(std::move(part), std::move(record));
    });
  }
}

void HoldLog::take_recovered(otlp::Batch batch, Record record) {
  if (abandoned_) return batch.settle(Error{Errc::retryable, "shutting down", {}});
  out_->count_created(batch.items());
  batch.charge = context_.host.budget().charge_unchecked(batch.bytes());
  auto records = std::exchange(batch.receipts, {});
  take(std::move(batch), {true, true, std::move(record)}, std::move(records));
}

}  // namespace weir::holding
