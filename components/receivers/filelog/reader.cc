#include "components/receivers/filelog/reader.h"

#include <unistd.h>

#include "components/shared/stanza/storage.h"

namespace weir::receivers::filelog {
namespace {

constexpr std::size_t piece_bytes = 512 * 1024;  // read at a time
constexpr Duration save_interval = 200ms, sync_interval = 10s, refused_pause = 100ms, longest_unwatched = 30s;

}  // namespace

// What others may see of files, for the table of positions.
struct Reader::Shown {
  struct Row {
    std::string path;
    std::uint64_t size, read, settled;
  };
  std::mutex mutex;  // guards all: written by the core, read by whoever reads metrics
  std::map<std::uint64_t, Row> rows;
  std::size_t open = 0;
  Files::Deleted deleted;
};

Reader::Reader(const Config& config, const engine::ReceiverContext& context, std::shared_ptr<Lanes> lanes)
    : config_(config), context_(context), name_(context.id.to_string()), files_(config_, name_), lanes_(std::move(lanes)) {}

Reader::~Reader() {
  *alive_ = false;
  release_lanes();
}

void Reader::release_lanes() {
  if (std::exchange(released_, true)) return;
  for (auto& seat : seats_) seat->lane->executor().post([lane = seat->lane] { lane->finish(); });
}

Result<std::unique_ptr<Reader>> Reader::make(const Config& config, const engine::ReceiverContext& context, std::shared_ptr<Lanes> lanes) {
  std::unique_ptr<Reader> out(new Reader(config, context, std::move(lanes)));
  WEIR_ASSIGN(out->search_, Search::make(config));
  return out;
}

Result<> Reader::open_storage() {
  WEIR_ASSIGN(std::string directory, stanza::storage_directory(context_.host, config_.storage));
  if (directory.empty()) return {};
  WEIR_ASSIGN(auto checkpoints, stanza::open_checkpoints(context_, directory));
  files_.resume(std::move(checkpoints));
  if (files_.resumed()) return {};
  std::string name = stanza::checkpoints_name(context_.id);
  auto known = read_known_files(context_.host.fs(), directory + "/" + name);
  if (known)
    files_.import(std::move(*known));
  else
    log::warn("Positions of the Go collector cannot be read.", {{"receiver", name_}, {"file", directory + "/" + name}, {"error", known.error().what}});
  return {};
}

Result<> Reader::check_storage() {
  WEIR_ASSIGN(std::string directory, stanza::storage_directory(context_.host, config_.storage));
  if (directory.empty()) return {};
  return context_.host.fs().make_directory(directory, 0750);
}

void Reader::begin() {
  if (stopping_) return;
  if (auto opened = open_storage(); !opened) return context_.host.request_shutdown(opened.error());
  for (auto& lane : lanes_->take()) {
    Seat& seat = *seats_.emplace_back(std::make_unique<Seat>(Seat{.lane = std::move(lane)}));
    seat.lane->attach(context_.executor, [this, alive = alive_, &seat](std::vector<Lane::Arrived> positions) {
      if (*alive) arrived(seat, std::move(positions));
    });
  }
  last_sync_ = context_.executor.now();
  add_metrics();
  poll();
}

void Reader::add_metrics() {
  shown_ = std::make_shared<Shown>();
  metrics_ = context_.host.metrics().add_source([shown = shown_, name = name_](std::vector<telemetry::Family>& out) {
    std::lock_guard lock(shown->mutex);
    auto family = [&](std::string_view metric, std::string_view help, auto value) {
      telemetry::Family made{.name = std::string(metric), .help = std::string(help), .type = telemetry::Type::gauge};
      for (auto& [id, row] : shown->rows) made.samples.push_back({.labels = {{"receiver", name}, {"path", row.path}}, .value = static_cast<double>(value(row))});
      out.push_back(std::move(made));
    };
    family("weir_filelog_file_size_bytes", "Size of a file that is read.", [](auto& row) { return row.size; });
    family("weir_filelog_file_read_bytes", "How far a file was read.", [](auto& row) { return row.read; });
    family("weir_filelog_file_settled_bytes", "How far what was read of a file has arrived.", [](auto& row) { return row.settled; });
    telemetry::Family open{.name = "otelcol_fileconsumer_open_files", .help = "Number of open files", .type = telemetry::Type::gauge};
    open.samples.push_back({.labels = {{"receiver", name}}, .value = static_cast<double>(shown->open)});
    out.push_back(std::move(open));
    auto single = [&](std::string_view metric, std::string_view help, telemetry::Type type, std::uint64_t value) {
      telemetry::Family made{.name = std::string(metric), .help = std::string(help), .type = type};
      made.samples.push_back({.labels = {{"receiver", name}}, .value = static_cast<double>(value)});
      out.push_back(std::move(made));
    };
    single("weir_filelog_deleted_open_bytes", "Size of deleted files that are kept open since not all of them has arrived.", telemetry::Type::gauge, shown->deleted.open_bytes);
    single("weir_filelog_given_up_files", "Deleted files that were given up since all of them took more than max_deleted_size.", telemetry::Type::counter, shown->deleted.given_up_files);
    single("weir_filelog_given_up_bytes", "What had not been read of them.", telemetry::Type::counter, shown->deleted.given_up_bytes);
  });
}

// ---- looking for files ---------------------------------------------------------------------------------------------

void Reader::poll() {
  poll_timer_ = 0;
  if (stopping_ || searching_) return;
  round_began_ = context_.executor.now();
  wall_ = context_.executor.wall();
  std::vector<std::string> changed;
  whole_look_ = !search_->watched() || files_.undecided() || round_began_ >= whole_due_;
  if (!whole_look_) {
    auto changes = search_->changes();
    whole_look_ = changes.names;
    changed = std::move(changes.files);
    if (!whole_look_ && changed.empty() && !files_.restless()) return end_round();
  }
  searching_ = true;
  auto looked_at_all = std::make_shared<bool>(false);  // shared with the worker
  auto look = [search = search_, looked_at_all, whole = whole_look_, watch = watch_wanted_, changed = std::move(changed), now = wall_] {
    if (whole) return search->look(watch, now), void(*looked_at_all = true);
    *looked_at_all = search->look_at(changed, now);
  };
  auto submitted = workers().submit(io::Workers::Priority::normal, context_.executor, std::move(look), [this, alive = alive_, looked_at_all] {
    if (!*alive) return;
    searching_ = false;
    whole_look_ = *looked_at_all;
    found(std::move(search_->found));
  });
  if (submitted) return;
  searching_ = false;
  whole_due_ = {};  // what was told is forgotten
  end_round();
}

void Reader::found(std::vector<Found> files) {
  if (stopping_) return maybe_stopped();
  wall_ = context_.executor.wall();
  TimePoint now = context_.executor.now();
  auto ready = whole_look_ ? files_.update(std::move(files), now, wall_) : files_.update_some(std::move(files), now, wall_);
  if (whole_look_) {
    show_all();
    // Half a per cent of the time may go into looking at everything. Where that is not enough for every poll we are told what changes.
    Duration pause = std::min<Duration>((context_.executor.now() - round_began_) * 200, longest_unwatched);
    watch_wanted_ |= pause > config_.poll_interval;
    whole_due_ = now + pause;
  }
  std::size_t most = config_.max_batches > 0 ? std::max<std::size_t>(config_.max_concurrent_files / 2, 1) * config_.max_batches : SIZE_MAX;
  if (ready.size() > most) {
    ready.resize(most);
    whole_due_ = {};
  }
  for (TrackedFile* file : ready) {
    if (file->queued || file->busy) continue;
    file->queued = true;
    seat_of(*file).ready.push_back(file->id);
  }
  save();  // where new files begin
  polling_ = true;
  read_all();
}

// Not while it is busy.
void Reader::show(const TrackedFile& file) {
  std::lock_guard lock(shown_->mutex);
  if (file.replaced || (file.gone && !file.source))
    shown_->rows.erase(file.id);
  else
    shown_->rows[file.id] = {file.path, std::max(file.size, file.read.offset), file.read.offset, file.settled.offset};
}

void Reader::show_all() {
  std::vector<std::uint64_t> gone;
  {
    std::lock_guard lock(shown_->mutex);
    shown_->open = files_.open_files();
    shown_->deleted = files_.deleted();
    for (auto& [id, row] : shown_->rows)
      if (files_.find(id) == nullptr) gone.push_back(id);
    for (std::uint64_t id : gone) shown_->rows.erase(id);
  }
  files_.each([&](TrackedFile& file) {
    if (!file.busy) show(file);
  });
}

// ---- reading -------------------------------------------------------------------------------------------------------

void Reader::read_all() {
  for (auto& seat : seats_) read_next(*seat);
}

// Null when there is none.
TrackedFile* Reader::next_file(Seat& seat) {
  while (!seat.ready.empty()) {
    TrackedFile* file = files_.find(seat.ready.front());
    seat.ready.pop_front();
    if (file == nullptr) continue;
    file->queued = false;
    if (!file->replaced && files_.open(*file)) return file;
  }
  return nullptr;
}

void Reader::read_next(Seat& seat) {
  if (seat.reading || stopping_) return;
  // The lane tells when there is room; what happens to files meanwhile is to be seen.
  TrackedFile* file = seat.full ? nullptr : next_file(seat);
  if (file == nullptr) return end_round();
  std::size_t want = std::min(std::max(piece_bytes, file->partial + piece_bytes), static_cast<std::size_t>(config_.max_log_size.value) + piece_bytes);
  auto piece = std::make_shared<Piece>();  // shared with the worker
  seat.reading = true;
  if (!context_.host.budget().try_charge(2 * want, piece->charge)) {
    file->queued = true;
    seat.ready.push_front(file->id);
    context_.executor.at(context_.executor.now() + refused_pause, [this, alive = alive_, &seat] {
      if (!*alive) return;
      seat.reading = false;
      stopping_ ? maybe_stopped() : read_next(seat);
    });
    return;
  }
  file->busy = true;
  piece->file = file;
  piece->offset = file->read.offset;
  piece->wanted = want;
  piece->data = std::move(seat.spare);
  auto stat = file->source->stat();
  if (stat) piece->size = stat->size;
  bool alone = config_.acquire_fs_lock || config_.file_cache_advise;
  if (!alone && stat && file->source->read_cached(piece->offset, want, piece->data)) {
    piece->other_content = !Files::reaches(*file);
    return have_read(seat, std::move(piece));
  }
  read_on_worker(seat, std::move(piece));
}

void Reader::read_on_worker(Seat& seat, std::shared_ptr<Piece> piece) {
  auto work = [piece, file = piece->file, source = piece->file->source.get(), lock = config_.acquire_fs_lock, advise = config_.file_cache_advise] {
    if (lock && !source->lock()) return void(piece->locked_out = true);
    if (auto stat = source->stat()) piece->size = stat->size;
    if (auto read = source->read(piece->offset, piece->wanted, piece->data); !read) piece->error = read.error();
    piece->other_content = !Files::reaches(*file);
    if (advise && !source->compressed()) source->forget_cache(piece->offset);
    if (lock) source->unlock();
  };
  auto done = [this, alive = alive_, piece, &seat] {
    if (*alive) have_read(seat, piece);
  };
  if (workers().submit(io::Workers::Priority::normal, context_.executor, std::move(work), std::move(done))) return;
  seat.reading = piece->file->busy = false;
  whole_due_ = {};
  end_round();
}

void Reader::have_read(Seat& seat, std::shared_ptr<Piece> piece) {
  TrackedFile& file = *piece->file;
  if (piece->error) {
    long long more = 0;
    if (lines_said_.allow(more)) log::error("Failed to read file", {{"receiver", name_}, {"path", file.path}, {"error", piece->error->what}, {"suppressed", more}});
  }
  // Of other content: the next look at it finds out what became of it.
  if (piece->error || piece->locked_out || piece->other_content || file.replaced || stopping_) {
    seat.reading = file.busy = false;
    if (file.replaced) file.source.reset();
    return stopping_ ? maybe_stopped() : read_next(seat);
  }
  seat.unflushed = true;
  // Also the lane of this core is told later: others there have their turn in between.
  auto& lane = seat.lane;
  lane->executor().post([this, alive = alive_, lane, piece, &seat] {
    lane->take(piece, [this, alive, piece, &seat](bool full) {
      if (*alive) taken(seat, *piece, full);
    });
  });
}

// The lane is through with a piece.
void Reader::taken(Seat& seat, Piece& piece, bool full) {
  TrackedFile& file = *piece.file;
  seat.reading = file.busy = false;
  seat.full = full;
  if (!file.compressed) {
    file.size = std::max(file.size, piece.size);
  } else if (piece.at_end()) {
    if (file.partial == 0) file.compressed_read = piece.size;
    file.size = piece.size;
  }
  files_.note_partial(file);
  show(file);
  if (file.replaced)
    file.source.reset();
  else if (piece.at_end())
    file.delete_when_settled |= config_.delete_after_read && file.at_end() && file.partial == 0;
  else if (!file.queued) {
    file.queued = true;
    seat.ready.push_back(file.id);
  }
  remove_if_done(file);
  piece.charge.release();
  if (piece.data.capacity() <= 2 * piece_bytes) seat.spare = std::move(piece.data);
  stopping_ ? maybe_stopped() : read_next(seat);
}

// Everything that was found has been read, or cannot be now: what was made of it goes on its way, and the next look is planned.
void Reader::end_round() {
  if (std::any_of(seats_.begin(), seats_.end(), [](auto& seat) { return seat->reading || (!seat->full && !seat->ready.empty()); })) return;
  if (std::exchange(polling_, false)) {
    for (auto& seat : seats_)
      if (std::exchange(seat->unflushed, false)) seat->lane->executor().post([lane = seat->lane] { lane->flush(); });
  }
  if (stopping_ || poll_timer_ != 0 || searching_) return;
  TimePoint next = std::max(round_began_ + config_.poll_interval, context_.executor.now() + 1ms);
  poll_timer_ = context_.executor.at(next, [this, alive = alive_] {
    if (*alive) poll();
  });
}

// delete_after_read: everything in it has arrived.
void Reader::remove_if_done(TrackedFile& file) {
  if (!file.delete_when_settled || file.busy || !file.source || !file.all_arrived()) return;
  file.source.reset();
  ::unlink(file.path.c_str());
}

// ---- positions -----------------------------------------------------------------------------------------------------

void Reader::arrived(Seat& seat, std::vector<Lane::Arrived> positions) {
  for (auto& [id, position] : positions) {
    TrackedFile* file = files_.find(id);
    if (file == nullptr) continue;
    files_.settle(*file, position);
    if (!file->busy) show(*file);
    remove_if_done(*file);
  }
  save();
  if (stopping_) return maybe_stopped();
  if (positions.empty() && std::exchange(seat.full, false)) read_next(seat);
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
        if (*alive) saved(*result);
      });
  if (submitted) return;
  saving_ = false;
  checkpoints->write_failed();
}

void Reader::saved(const Result<>& result) {
  saving_ = false;
  if (!result) {
    files_.checkpoints()->write_failed();
    long long more = 0;
    if (lines_said_.allow(more)) log::error("Positions cannot be saved", {{"receiver", name_}, {"error", result.error().what}, {"suppressed", more}});
  }
  if (stopping_) return maybe_stopped();
  save();
}

// ---- the end -------------------------------------------------------------------------------------------------------

void Reader::stop(io::Task done) {
  stopped_ = std::move(done);
  stopping_ = true;
  metrics_.reset();
  if (poll_timer_ != 0) context_.executor.cancel(poll_timer_);
  for (auto& seat : seats_) {
    seat->lane->executor().post([this, alive = alive_, lane = seat->lane, &seat = *seat] {
      lane->drain([this, alive, &seat] {
        if (!*alive) return;
        seat.drained = true;
        maybe_stopped();
      });
    });
  }
  save();
  maybe_stopped();
}

void Reader::maybe_stopped() {
  if (!stopping_ || !stopped_ || searching_ || saving_) return;
  if (std::any_of(seats_.begin(), seats_.end(), [](auto& seat) { return seat->reading || !seat->drained; })) return;
  auto* checkpoints = files_.checkpoints();
  if (checkpoints && checkpoints->dirty() && !save_wanted_) {
    save_wanted_ = true;  // once more at most
    save();
    if (saving_) return;
  }
  release_lanes();
  std::exchange(stopped_, nullptr)();
}

}  // namespace weir::receivers::filelog
