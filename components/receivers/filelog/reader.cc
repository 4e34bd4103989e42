#include "components/receivers/filelog/reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "components/receivers/filelog/glob.h"
#include "components/shared/stanza/storage.h"

namespace weir::receivers::filelog {
namespace {

constexpr std::size_t piece_bytes = 512 * 1024;         // read at a time
constexpr std::size_t batch_bytes = 512 * 1024, batch_records = 8192;
constexpr std::size_t max_unsettled_bytes = 8 << 20, max_unsettled = 64;
constexpr Duration save_interval = 200ms, sync_interval = 10s, tick_interval = 100ms, refused_pause = 100ms;

otlp::Value view_of(std::string_view text) { return otlp::Value::of(text.data() == nullptr ? std::string_view("") : text); }

}  // namespace

// Made by the core, filled by a worker, read by the core.
struct Reader::Piece {
  std::string data;
  std::uint64_t offset = 0, size = 0, compressed_size = 0;
  std::optional<Error> error;
  bool locked_out = false;
};

struct Reader::Search {
  std::vector<Glob> include, exclude;
  std::optional<Ordering> ordering;
  std::vector<Found> found;
  UnixNanos now = 0;

  void run() {
    std::vector<std::string> paths;
    for (auto& glob : include) glob.find(paths);
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    found.clear();
    for (auto& path : paths) {
      if (std::any_of(exclude.begin(), exclude.end(), [&](auto& glob) { return glob.matches(path); })) continue;
      struct stat s;
      if (::stat(path.c_str(), &s) != 0) continue;
      found.push_back({path, s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size),
                       static_cast<UnixNanos>(s.st_mtim.tv_sec) * 1'000'000'000u + static_cast<UnixNanos>(s.st_mtim.tv_nsec)});
    }
    ordering->apply(found, now);
  }
};

struct Reader::HeaderSink final : stanza::Sink {
  TrackedFile* file = nullptr;
  void emit(const stanza::Entry& entry) override {
    for (auto& kv : entry.attributes) file->header.set(file->memory, file->memory.copy(kv.key), kv.value.deep_copy(file->memory));
  }
};

// What others may see of files, for the table of positions.
struct Reader::Shown {
  struct Row {
    std::string path;
    std::uint64_t size, read, settled;
  };
  std::mutex mutex;  // guards rows: written by the core, read by whoever reads metrics
  std::vector<Row> rows;
  std::size_t open = 0;
};

Reader::Reader(const Config& config, const engine::ReceiverContext& context)
    : config_(config), context_(context), name_(context.id.to_string()), files_(config_, name_) {}

Reader::~Reader() { *alive_ = false; }

Result<std::unique_ptr<Reader>> Reader::make(const Config& config, const engine::ReceiverContext& context) {
  std::unique_ptr<Reader> out(new Reader(config, context));
  WEIR_TRY(out->prepare());
  return out;
}

Result<> Reader::prepare() {
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
  if (config_.header) {
    WEIR_ASSIGN(auto pattern, Regex::compile(config_.header->pattern));
    header_pattern_.emplace(std::move(pattern));
    header_sink_ = std::make_unique<HeaderSink>();
    WEIR_ASSIGN(header_chain_, stanza::Chain::make(config_.header->metadata_operators, *header_sink_, name_));
  }
  search_ = std::make_shared<Search>();
  for (auto& pattern : config_.include) {
    WEIR_ASSIGN(auto glob, Glob::compile(pattern));
    search_->include.push_back(std::move(glob));
  }
  for (auto& pattern : config_.exclude) {
    WEIR_ASSIGN(auto glob, Glob::compile(pattern));
    search_->exclude.push_back(std::move(glob));
  }
  WEIR_ASSIGN(auto ordering, Ordering::make(config_.ordering_criteria, config_.exclude_older_than));
  search_->ordering.emplace(std::move(ordering));
  return {};
}

Result<> Reader::open_storage() {
  WEIR_ASSIGN(std::string directory, stanza::storage_directory(context_.host, config_.storage));
  if (directory.empty()) return {};
  return files_.open_checkpoints(context_.host.fs(), directory, storage::checkpoint_name("receiver", "filelog", context_.id.name), context_.executor.wall());
}

Result<> Reader::check_storage() {
  WEIR_ASSIGN(std::string directory, stanza::storage_directory(context_.host, config_.storage));
  if (directory.empty()) return {};
  std::string name = storage::checkpoint_name("receiver", "filelog", context_.id.name);
  WEIR_TRY(storage::Checkpoints::open(context_.host.fs(), {.directory = directory, .name = name}));
  return {};
}

void Reader::begin() {
  if (stopping_) return;
  if (auto opened = open_storage(); !opened) return context_.host.request_shutdown(opened.error());
  last_sync_ = context_.executor.now();
  shown_ = std::make_shared<Shown>();
  metrics_ = context_.host.metrics().add_source([shown = shown_, name = name_](std::vector<telemetry::Family>& out) {
    std::lock_guard lock(shown->mutex);
    auto family = [&](std::string_view metric, std::string_view help, auto value) {
      telemetry::Family made{.name = std::string(metric), .help = std::string(help), .type = telemetry::Type::gauge};
      for (auto& row : shown->rows) made.samples.push_back({.labels = {{"receiver", name}, {"path", row.path}}, .value = static_cast<double>(value(row))});
      out.push_back(std::move(made));
    };
    family("weir_filelog_file_size_bytes", "Size of a file that is read.", [](auto& row) { return row.size; });
    family("weir_filelog_file_read_bytes", "How far a file was read.", [](auto& row) { return row.read; });
    family("weir_filelog_file_settled_bytes", "How far what was read of a file has arrived.", [](auto& row) { return row.settled; });
    telemetry::Family open{.name = "otelcol_fileconsumer_open_files", .help = "Number of open files", .type = telemetry::Type::gauge};
    open.samples.push_back({.labels = {{"receiver", name}}, .value = static_cast<double>(shown->open)});
    out.push_back(std::move(open));
  });
  poll();
}

// ---- looking for files ---------------------------------------------------------------------------------------------

void Reader::poll() {
  poll_timer_ = 0;
  if (stopping_ || searching_) return;
  searching_ = true;
  round_began_ = context_.executor.now();
  search_->now = context_.executor.wall();
  auto submitted = workers().submit(io::Workers::Priority::normal, context_.executor, [search = search_] { search->run(); },
                                    [this, alive = alive_] {
                                      if (!*alive) return;
                                      searching_ = false;
                                      found(std::move(search_->found), context_.executor.now() - round_began_);
                                    });
  if (submitted) return;
  searching_ = false;
  end_round();
}

void Reader::found(std::vector<Found> files, Duration) {
  if (stopping_) return maybe_stopped();
  wall_ = context_.executor.wall();
  std::size_t most = config_.max_batches > 0 ? std::max<std::size_t>(config_.max_concurrent_files / 2, 1) * config_.max_batches : SIZE_MAX;
  for (TrackedFile* file : files_.update(std::move(files), context_.executor.now(), wall_)) {
    if (ready_.size() >= most) break;
    if (file->queued || file->busy) continue;
    file->queued = true;
    ready_.push_back(file->id);
  }
  save();  // where new files begin
  polling_ = true;
  read_next();
}

// ---- reading -------------------------------------------------------------------------------------------------------

bool Reader::window_full() const { return unsettled_bytes_ >= max_unsettled_bytes || unsettled_.size() >= max_unsettled; }

void Reader::read_next() {
  if (reading_ || stopping_) return;
  TrackedFile* file = nullptr;
  while (file == nullptr && !ready_.empty()) {
    if (window_full()) return;  // goes on in settled()
    file = files_.find(ready_.front());
    ready_.pop_front();
    if (file) file->queued = false;
    if (file && !files_.open(*file)) file = nullptr;
  }
  if (file == nullptr) return end_round();
  std::size_t want = std::min(std::max(piece_bytes, file->partial + piece_bytes), static_cast<std::size_t>(config_.max_log_size.value) + piece_bytes);
  Charge charge;
  if (!context_.host.budget().try_charge(2 * want, charge)) {
    file->queued = true;
    ready_.push_front(file->id);
    context_.executor.at(context_.executor.now() + refused_pause, [this, alive = alive_] {
      if (*alive) read_next();
    });
    return;
  }
  reading_ = file->busy = true;
  auto piece = std::make_shared<Piece>();  // shared with the worker
  piece->offset = file->read.offset;
  auto work = [piece, source = file->source.get(), want, lock = config_.acquire_fs_lock, advise = config_.file_cache_advise] {
    if (lock && !source->lock()) return void(piece->locked_out = true);
    if (auto stat = source->stat()) piece->size = stat->size;
    auto data = source->read(piece->offset, want);
    if (data)
      piece->data = std::move(*data);
    else
      piece->error = data.error();
    if (advise && !source->compressed()) source->forget_cache(piece->offset);
    if (lock) source->unlock();
  };
  auto done = [this, alive = alive_, piece, id = file->id, held = std::make_shared<Charge>(std::move(charge))] {
    if (!*alive) return;
    reading_ = false;
    TrackedFile* read = files_.find(id);
    if (read) {
      read->busy = false;
      take(*read, *piece);
    }
    held->release();
    if (stopping_) return maybe_stopped();
    read_next();
  };
  auto submitted = workers().submit(io::Workers::Priority::normal, context_.executor, std::move(work), std::move(done));
  if (submitted) return;
  reading_ = file->busy = false;
  end_round();
}

void Reader::take(TrackedFile& file, Piece& piece) {
  if (piece.locked_out || file.replaced || piece.offset != file.read.offset) return;
  if (piece.error) {
    long long more = 0;
    if (lines_said_.allow(more)) log::error("Failed to read file", {{"receiver", name_}, {"path", file.path}, {"error", piece.error->what}, {"suppressed", more}});
    return;
  }
  wall_ = context_.executor.wall();
  std::size_t asked = std::max(piece_bytes, file.partial + piece_bytes);
  bool at_end = piece.data.size() < std::min(asked, static_cast<std::size_t>(config_.max_log_size.value) + piece_bytes);
  if (!file.compressed) file.size = std::max(file.size, piece.size);
  std::uint64_t before = file.read.offset;
  take_lines(file, piece.data, piece.offset, at_end);
  if (file.read.offset != before) file.read.tail = Files::tail_of(file, file.read.offset);
  if (writer_.bytes() >= batch_bytes || writer_.records() >= batch_records) close_batch();
  if (at_end) {
    if (file.compressed && file.partial == 0) file.compressed_read = piece.size;
    if (file.compressed) file.size = piece.size;
    finished_reading(file);
  } else if (!file.queued) {
    file.queued = true;
    ready_.push_back(file.id);
  }
}

void Reader::take_lines(TrackedFile& file, std::string_view data, std::uint64_t offset, bool at_end) {
  stanza::LineScan scan(*lines_, data, at_end, file.skipping);
  while (auto raw = scan.next()) {
    ++file.read.record;
    if (!header_pattern_ || file.header_done || !take_header(file, *raw)) take_line(file, *raw, offset + scan.begin());
    file.read.offset = offset + scan.position();
    // A batch that is large enough goes on its way in the middle of a piece.
    if (writer_.bytes() < 2 * batch_bytes) continue;
    touch(file);
    close_batch();
  }
  file.read.offset = offset + scan.position();
  if (file.read.offset != offset) touch(file);
  std::string_view rest = scan.rest();
  if (!at_end) {
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
void Reader::take_partial(TrackedFile& file, std::string_view raw, std::uint64_t begin) {
  ++file.read.record;
  take_line(file, raw.substr(0, config_.max_log_size.value), begin);
  file.read.offset = begin + raw.size();
  file.partial = 0;
  touch(file);
}

bool Reader::take_header(TrackedFile& file, std::string_view raw) {
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

void Reader::take_line(TrackedFile& file, std::string_view raw, std::uint64_t begin) {
  Arena& arena = chain_->memory();
  otlp::Value body = lines_->read(raw, arena);
  if (body.text.empty()) return;
  stanza::Entry entry;
  entry.body = body;
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

void Reader::finished_reading(TrackedFile& file) {
  if (config_.delete_after_read && file.at_end() && file.partial == 0) file.delete_when_settled = true;
}

// Everything that was found has been read: what was made of it goes on its way, and the next look is planned.
void Reader::end_round() {
  if (polling_) {
    polling_ = false;
    close_batch();
    std::lock_guard lock(shown_->mutex);
    shown_->rows.clear();
    shown_->open = 0;
    files_.each([&](TrackedFile& file) {
      shown_->open += file.source != nullptr;
      if (!file.replaced && (!file.gone || file.source)) shown_->rows.push_back({file.path, std::max(file.size, file.read.offset), file.read.offset, file.settled.offset});
    });
  }
  tick_operators();
  if (stopping_ || poll_timer_ != 0 || searching_) return;
  TimePoint next = std::max(round_began_ + config_.poll_interval, context_.executor.now() + 1ms);
  poll_timer_ = context_.executor.at(next, [this, alive = alive_] {
    if (*alive) poll();
  });
}

// What operators held back for too long.
void Reader::tick_operators() {
  if (!chain_->holds() || tick_timer_ != 0 || stopping_) return;
  tick_timer_ = context_.executor.at(context_.executor.now() + tick_interval, [this, alive = alive_] {
    if (!*alive) return;
    tick_timer_ = 0;
    std::size_t before = writer_.records();
    chain_->tick(context_.executor.wall());
    // Positions of all files that had something held may move now.
    if (writer_.records() != before) {
      files_.each([&](TrackedFile& file) {
        if (file.settled.offset < file.read.offset) touch(file);
      });
      if (!polling_) close_batch();
    }
    tick_operators();
  });
}

// ---- batches and positions -----------------------------------------------------------------------------------------

void Reader::touch(TrackedFile& file) {
  if (std::find(touched_.begin(), touched_.end(), file.id) == touched_.end()) touched_.push_back(file.id);
}

// Everything in front of it is in a batch that was made, or ended in an operator.
Position Reader::safe_position(TrackedFile& file) {
  Position out = file.read;
  if (auto held = chain_->oldest(file.id); held && *held < out.offset) {
    out.offset = *held;
    out.record = 0;
  }
  out.tail = Files::tail_of(file, out.offset);
  return out;
}

void Reader::close_batch() {
  if (touched_.empty() && writer_.records() == 0) return;
  Unsettled batch{.number = next_number_++};
  for (std::uint64_t id : touched_) {
    TrackedFile* file = files_.find(id);
    if (file == nullptr) continue;
    batch.positions.emplace_back(id, safe_position(*file));
    ++file->unsettled;
  }
  touched_.clear();
  batch.items = writer_.records();
  if (batch.items > 0) batch.request = writer_.take();
  batch.arrived = batch.items == 0;
  unsettled_bytes_ += batch.request.size();
  std::uint64_t number = batch.number;
  unsettled_.push_back(std::move(batch));
  if (unsettled_.back().arrived)
    advance();
  else
    push(number);
}

void Reader::push(std::uint64_t number) {
  auto at = std::find_if(unsettled_.begin(), unsettled_.end(), [&](auto& one) { return one.number == number; });
  if (at == unsettled_.end()) return;
  auto batch = otlp::Batch::trusted(otlp::Signal::logs, at->request, at->items);
  batch.charge = context_.host.budget().charge_unchecked(at->request.size());
  context_.intake.push(std::move(batch), "", [this, alive = alive_, number](Outcome outcome) {
    if (*alive) settled(number, std::move(outcome));
  });
}

void Reader::settled(std::uint64_t number, Outcome outcome) {
  auto at = std::find_if(unsettled_.begin(), unsettled_.end(), [&](auto& one) { return one.number == number; });
  if (at == unsettled_.end()) return;
  bool again = outcome && (outcome->code == Errc::retryable || outcome->code == Errc::refused);
  long long more = 0;
  if (outcome && lines_said_.allow(more))
    log::warn(again ? "The pipeline refused log records; they will be sent again." : "The pipeline dropped log records.",
              {{"receiver", name_}, {"error", outcome->what}, {"records", at->items}, {"suppressed", more}});
  if (again) {
    if (stopping_) {
      // The files still have it; the positions stay where they are.
      unsettled_.clear();
      unsettled_bytes_ = 0;
      return maybe_stopped();
    }
    auto& retry = config_.retry_on_failure;
    Duration wait = std::min(retry.initial_interval * (1 << std::min(at->attempts, 10u)), retry.max_interval);
    ++at->attempts;
    context_.executor.at(context_.executor.now() + std::max(wait, outcome->retry_after), [this, alive = alive_, number] {
      if (*alive && !stopping_) push(number);
    });
    return;
  }
  at->arrived = true;
  advance();
}

// Positions move in the order in which batches were made.
void Reader::advance() {
  bool was_full = window_full();
  while (!unsettled_.empty() && unsettled_.front().arrived) {
    Unsettled& batch = unsettled_.front();
    for (auto& [id, position] : batch.positions) {
      TrackedFile* file = files_.find(id);
      if (file == nullptr) continue;
      --file->unsettled;
      files_.settle(*file, position);
      if (file->delete_when_settled && file->unsettled == 0 && file->settled.offset == file->read.offset) {
        file->source.reset();
        ::unlink(file->path.c_str());
      }
    }
    unsettled_bytes_ -= batch.request.size();
    unsettled_.pop_front();
  }
  save();
  if (stopping_) return maybe_stopped();
  if (was_full && !window_full()) read_next();
}

void Reader::save() {
  auto* checkpoints = files_.checkpoints();
  if (checkpoints == nullptr || !checkpoints->dirty() || saving_) return;
  TimePoint now = context_.executor.now();
  if (!stopping_ && last_save_ != TimePoint{} && now < last_save_ + save_interval) {
    if (save_timer_ == 0)
      save_timer_ = context_.executor.at(last_save_ + save_interval, [this, alive = alive_] {
        if (!*alive) return;
        save_timer_ = 0;
        save();
      });
    return;
  }
  // A disk under load takes seconds for a sync. Without one a save survives our own death, which is the commoner case.
  bool sync = stopping_ || now >= last_sync_ + sync_interval;
  auto image = checkpoints->image(sync);
  if (!image) return log::error("Positions cannot be saved", {{"receiver", name_}, {"error", image.error().what}});
  if (sync) last_sync_ = now;
  saving_ = true;
  last_save_ = now;
  auto result = std::make_shared<Result<>>();  // shared with the worker
  auto submitted = workers().submit(
      io::Workers::Priority::normal, context_.executor,
      [result, image = std::move(*image), fs = &context_.host.fs()] { *result = storage::Checkpoints::write(*fs, image); },
      [this, alive = alive_, result] {
        if (!*alive) return;
        saving_ = false;
        if (!*result) {
          files_.checkpoints()->write_failed();
          long long more = 0;
          if (lines_said_.allow(more)) log::error("Positions cannot be saved", {{"receiver", name_}, {"error", result->error().what}, {"suppressed", more}});
        }
        if (stopping_) return maybe_stopped();
        save();
      });
  if (!submitted) {
    saving_ = false;
    checkpoints->write_failed();
  }
}

// ---- the end -------------------------------------------------------------------------------------------------------

void Reader::stop(io::Task done) {
  stopped_ = std::move(done);
  stopping_ = true;
  metrics_.reset();
  if (poll_timer_ != 0) context_.executor.cancel(poll_timer_);
  if (tick_timer_ != 0) context_.executor.cancel(tick_timer_);
  // What operators hold goes on its way; positions behind it follow when it arrives.
  chain_->drain(context_.executor.wall());
  files_.each([&](TrackedFile& file) {
    if (file.settled.offset < file.read.offset) touch(file);
  });
  close_batch();
  // Batches that wait for another attempt are not tried again: their lines are still in the files.
  if (std::any_of(unsettled_.begin(), unsettled_.end(), [](auto& batch) { return batch.attempts > 0; })) {
    unsettled_.clear();
    unsettled_bytes_ = 0;
  }
  save();
  maybe_stopped();
}

void Reader::maybe_stopped() {
  if (!stopping_ || !stopped_ || reading_ || searching_ || saving_ || !unsettled_.empty()) return;
  auto* checkpoints = files_.checkpoints();
  if (checkpoints && checkpoints->dirty() && !save_wanted_) {
    save_wanted_ = true;  // once more at most
    save();
    if (saving_) return;
  }
  std::exchange(stopped_, nullptr)();
}

}  // namespace weir::receivers::filelog
