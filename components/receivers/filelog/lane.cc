#include "components/receivers/filelog/lane.h"

#include <xxhash.h>

namespace weir::receivers::filelog {
namespace {

constexpr std::size_t batch_bytes = 512 * 1024, batch_records = 8192;
constexpr std::size_t max_unsettled_bytes = 8 << 20, max_unsettled = 64;  // the bytes of all lanes together
constexpr Duration tick_interval = 100ms;

otlp::Value view_of(std::string_view text) { return otlp::Value::of(text.data() == nullptr ? std::string_view("") : text); }

}  // namespace

struct Lane::HeaderSink final : stanza::Sink {
  TrackedFile* file = nullptr;
  void emit(const stanza::Entry& entry) override {
    for (auto& kv : entry.attributes) {
      Arena& memory = file->header_memory;
      file->header.set(memory, memory.copy(kv.key), kv.value.deep_copy(memory));
    }
  }
};

Lane::Lane(const Config& config, const engine::ReceiverContext& context)
    : config_(config), context_(context), name_(context.id.to_string()), max_unsettled_bytes_(max_unsettled_bytes / context.shards) {}

Result<std::shared_ptr<Lane>> Lane::make(const Config& config, const engine::ReceiverContext& context) {
  std::shared_ptr<Lane> out(new Lane(config, context));  // shared by its core's receiver and the reader
  WEIR_TRY(out->prepare());
  return out;
}

Result<> Lane::prepare() {
  auto counters = stanza::ChainCounters::of(context_.host.metrics(), name_);
  WEIR_ASSIGN(chain_, stanza::Chain::make(config_.operators, writer_, name_, counters));
  WEIR_ASSIGN(auto lines, stanza::Lines::make(config_.lines()));
  lines_.emplace(std::move(lines));
  auto compile = [](const std::map<std::string, std::string>& from, auto& to) -> Result<> {
    for (auto& [key, text] : from) {
      WEIR_ASSIGN(auto made, stanza::Template::compile(text));
      to.emplace_back(key, std::move(made));
    }
    return {};
  };
  WEIR_TRY(compile(config_.attributes, attributes_));
  WEIR_TRY(compile(config_.resource, resource_));
  if (!config_.header) return {};
  WEIR_ASSIGN(auto pattern, Regex::compile(config_.header->pattern));
  header_pattern_.emplace(std::move(pattern));
  header_sink_ = std::make_unique<HeaderSink>();
  WEIR_ASSIGN(header_chain_, stanza::Chain::make(config_.header->metadata_operators, *header_sink_, name_));
  return {};
}

void Lane::attach(io::Executor& home, Report report) {
  home_ = &home;
  report_ = std::move(report);
  context_.executor.post([self = shared_from_this()] { self->attached_ = true; });
}

// ---- lines ---------------------------------------------------------------------------------------------------------

void Lane::take(std::shared_ptr<Piece> piece, std::move_only_function<void(bool full)> done) {
  wall_ = context_.executor.wall();
  take_lines(*piece);
  note_position(*piece->file, *piece);
  if (writer_.bytes() >= batch_bytes || writer_.records() >= batch_records) close_batch();
  tick_operators();
  home_->post([done = std::move(done), full = is_full()]() mutable { done(full); });
}

void Lane::take_lines(Piece& piece) {
  TrackedFile& file = *piece.file;
  std::uint64_t offset = piece.offset;
  stanza::LineScan scan(*lines_, piece.data, piece.at_end(), file.skipping);
  while (auto raw = scan.next()) {
    ++file.read.record;
    if (!header_pattern_ || file.header_done || !take_header(file, *raw)) take_line(file, *raw, offset + scan.begin());
    file.read.offset = offset + scan.position();
    // A batch that is large enough goes on its way in the middle of a piece.
    if (writer_.bytes() < 2 * batch_bytes) continue;
    note_position(file, piece);
    close_batch();
  }
  file.read.offset = offset + scan.position();
  std::string_view rest = scan.rest();
  if (!piece.at_end()) {
    file.partial = rest.size();
  } else if (file.compressed && !rest.empty()) {
    take_partial(file, rest, file.read.offset);  // nothing will be added to it
  } else if (rest.size() != file.partial || rest.empty()) {
    file.partial = rest.size();
    file.partial_since = context_.executor.now();
  } else if (config_.force_flush_period > 0s && context_.executor.now() - file.partial_since >= config_.force_flush_period) {
    take_partial(file, rest, file.read.offset);
  }
}

// A last line without an end.
void Lane::take_partial(TrackedFile& file, std::string_view raw, std::uint64_t begin) {
  ++file.read.record;
  take_line(file, raw.substr(0, config_.max_log_size.value), begin);
  file.read.offset = begin + raw.size();
  file.partial = 0;
}

bool Lane::take_header(TrackedFile& file, std::string_view raw) {
  stanza::Entry entry;
  while (!raw.empty() && (raw.back() == '\r' || raw.back() == '\n')) raw.remove_suffix(1);
  entry.body = lines_->read(raw, header_chain_->memory());
  bool fits = entry.body.is(otlp::ValueType::string) && header_pattern_->matches(entry.body.text);
  if (!fits) {
    file.header_done = true;
    return false;
  }
  header_sink_->file = &file;
  header_chain_->process(entry, wall_);
  return true;
}

void Lane::take_line(TrackedFile& file, std::string_view raw, std::uint64_t begin) {
  Arena& arena = chain_->memory();
  otlp::Value body = lines_->read(raw, arena);
  if (body.text.empty()) return;
  stanza::Entry entry;
  entry.body = body;
  if (body.is(otlp::ValueType::string)) entry.checked = body.text;
  entry.observed = wall_;
  entry.source = file.id;
  entry.begin = begin;
  entry.attributes.reserve(arena, file.attributes.size() + file.header.size() + 4);
  stanza::Run& run = chain_->run();
  for (auto& [key, text] : attributes_)
    if (auto value = text.render(entry, run)) entry.attributes.push_back(arena, otlp::KeyValue{key, view_of(*value)});
  for (auto& [key, text] : resource_)
    if (auto value = text.render(entry, run)) entry.resource.push_back(arena, otlp::KeyValue{key, view_of(*value)});
  if (attributes_.empty() && file.header.empty()) {
    for (auto& kv : file.attributes) entry.attributes.push_back(arena, kv);
  } else {
    for (auto& kv : file.header) entry.attributes.set(arena, kv.key, kv.value.deep_copy(arena));
    for (auto& kv : file.attributes) entry.attributes.set(arena, kv.key, kv.value);
  }
  if (config_.include_file_record_number) entry.attributes.set(arena, "log.file.record_number", otlp::Value::of(static_cast<std::int64_t>(file.read.record)));
  if (config_.include_file_record_offset) entry.attributes.set(arena, "log.file.record_offset", otlp::Value::of(static_cast<std::int64_t>(begin)));
  chain_->process(entry, wall_);
}

// What operators held back for too long.
void Lane::tick_operators() {
  if (!chain_->holds() || tick_timer_ != 0 || draining_) return;
  tick_timer_ = context_.executor.at(context_.executor.now() + tick_interval, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->tick_timer_ = 0;
    std::size_t before = self->writer_.records();
    self->chain_->tick(self->context_.executor.wall());
    if (self->note_released() || self->writer_.records() != before) self->close_batch();
    self->tick_operators();
  });
}

// ---- batches and positions -----------------------------------------------------------------------------------------

// Everything in front of a position is in a batch that was made, or ended in an operator.
void Lane::note_position(TrackedFile& file, const Piece& piece) {
  auto tail_at = [&](std::uint64_t offset) -> std::uint64_t {
    if (file.compressed) return 0;
    std::uint64_t size = std::min(offset, tail_bytes);
    if (offset < piece.offset + size || offset > piece.offset + piece.data.size()) return Files::tail_of(file, offset);
    return size == 0 ? 0 : XXH3_64bits(piece.data.data() + (offset - piece.offset - size), size);
  };
  file.read.tail = tail_at(file.read.offset);
  auto held = chain_->oldest(file.id);
  if (!held || *held >= file.read.offset) {
    touched_[file.id] = file.read;
    holding_.erase(file.id);
    return;
  }
  touched_[file.id] = {*held, 0, tail_at(*held)};
  holding_[file.id] = file.read;
}

// Operators let go of something: positions of its files may move.
bool Lane::note_released() {
  return std::erase_if(holding_, [&](auto& one) {
           if (chain_->oldest(one.first)) return false;
           touched_[one.first] = one.second;
           return true;
         }) > 0;
}

bool Lane::is_full() const { return unsettled_bytes_ >= max_unsettled_bytes_ || unsettled_.size() >= max_unsettled; }

void Lane::close_batch() {
  if (touched_.empty() && writer_.records() == 0) return;
  Unsettled batch{.number = next_number_++};
  for (auto& [id, position] : std::exchange(touched_, {})) batch.positions.push_back({id, position});
  batch.items = writer_.records();
  if (batch.items > 0) batch.request = writer_.take();
  batch.arrived = batch.items == 0;
  unsettled_bytes_ += batch.request.size();
  std::uint64_t number = batch.number;
  unsettled_.push_back(std::move(batch));
  if (unsettled_.back().arrived)
    advance(false);
  else
    push(number);
}

void Lane::push(std::uint64_t number) {
  auto at = std::find_if(unsettled_.begin(), unsettled_.end(), [&](auto& one) { return one.number == number; });
  if (at == unsettled_.end()) return;
  auto batch = otlp::Batch::trusted(otlp::Signal::logs, at->request, at->items);
  batch.charge = context_.host.budget().charge_unchecked(at->request.size());
  context_.intake.push(std::move(batch), "", [weak = weak_from_this(), number](Outcome outcome) {
    if (auto self = weak.lock()) self->settled(number, std::move(outcome));
  });
}

void Lane::settled(std::uint64_t number, Outcome outcome) {
  auto at = std::find_if(unsettled_.begin(), unsettled_.end(), [&](auto& one) { return one.number == number; });
  if (at == unsettled_.end()) return;
  bool again = outcome && (outcome->code == Errc::retryable || outcome->code == Errc::refused);
  long long more = 0;
  if (outcome && lines_said_.allow(more))
    log::warn(again ? "The pipeline refused log records; they will be sent again." : "The pipeline dropped log records.",
              {{"receiver", name_}, {"error", outcome->what}, {"records", at->items}, {"suppressed", more}});
  if (again && draining_) {
    // The files still have it; the positions stay where they are.
    unsettled_.clear();
    unsettled_bytes_ = 0;
    return maybe_drained();
  }
  if (again) {
    auto& retry = config_.retry_on_failure;
    Duration wait = std::min(retry.initial_interval * (1 << std::min(at->attempts, 10u)), retry.max_interval);
    ++at->attempts;
    context_.executor.at(context_.executor.now() + std::max(wait, outcome->retry_after), [weak = weak_from_this(), number] {
      auto self = weak.lock();
      if (self && !self->draining_) self->push(number);
    });
    return;
  }
  bool was_full = is_full();
  at->arrived = true;
  advance(was_full);
}

// Positions move in the order in which batches were made.
void Lane::advance(bool was_full) {
  std::vector<Arrived> arrived;
  for (; !unsettled_.empty() && unsettled_.front().arrived; unsettled_.pop_front()) {
    Unsettled& batch = unsettled_.front();
    arrived.insert(arrived.end(), batch.positions.begin(), batch.positions.end());
    unsettled_bytes_ -= batch.request.size();
  }
  bool room = was_full && !is_full();
  if (!arrived.empty()) home_->post([report = report_, arrived = std::move(arrived)]() mutable { report(std::move(arrived)); });
  if (room) home_->post([report = report_] { report({}); });
  maybe_drained();
}

// ---- the end -------------------------------------------------------------------------------------------------------

void Lane::drain(io::Task done) {
  drained_ = std::move(done);
  draining_ = true;
  if (tick_timer_ != 0) context_.executor.cancel(std::exchange(tick_timer_, 0));
  chain_->drain(context_.executor.wall());
  note_released();
  close_batch();
  // Batches that wait for another attempt are not tried again: their lines are still in the files.
  if (std::any_of(unsettled_.begin(), unsettled_.end(), [](auto& batch) { return batch.attempts > 0; })) {
    unsettled_.clear();
    unsettled_bytes_ = 0;
  }
  maybe_drained();
}

void Lane::maybe_drained() {
  if (drained_ && unsettled_.empty()) home_->post(std::exchange(drained_, nullptr));
}

void Lane::finish() {
  attached_ = false;
  if (stopped_) std::exchange(stopped_, nullptr)();
}

void Lane::stop(io::Task done) {
  if (!attached_) return done();
  stopped_ = std::move(done);
}

}  // namespace weir::receivers::filelog
