#include "storage/log.h"

#include "storage/log_jobs.h"

namespace weir::storage {
namespace {

// Settled records are written this much later, with others: what is lost of them at a crash is delivered twice. Most
// segments are freed whole before.
constexpr Duration settle_delay = 20ms;

// A segment that is written to and has nothing left to keep is closed and removed past this size.
constexpr std::uint64_t reuse_bytes = 1024 * 1024;

// Of one write. More waits for the next.
constexpr std::uint64_t commit_bytes = 8 * 1024 * 1024;

// Copying so much into the page cache takes some 50 microseconds.
constexpr std::uint64_t brief_bytes = 256 * 1024;

// Room on the disk is asked for in such steps, for segments that have grown to one: blocks are then found once, not with each write.
constexpr std::uint64_t reserve_step = 2 * 1024 * 1024;

std::uint64_t bytes_of(const NewRecord& record) {
  std::uint64_t sum = record_head_bytes;
  for (auto& piece : record.pieces) sum += piece.size();
  return sum;
}

}  // namespace

void Log::Segment::grow(std::uint32_t records) {
  if (records <= taken.size()) return;
  taken.resize(records);
  settled.resize(records);
}

void Log::Segment::rewind() {
  again = false;
  read_index = 0;
  read_offset = segment_head_bytes;
}

void Log::Segment::take(std::uint32_t index) {
  grow(index + 1);
  if (taken[index]) return;
  taken[index] = true;
  ++taken_count;
}

bool Log::Segment::settle(std::uint32_t index) {
  take(index);
  if (settled[index]) return false;
  settled[index] = true;
  ++settled_count;
  return true;
}

Log::Log(std::shared_ptr<LogFiles> files, const LogSettings& settings, io::Executor& executor, std::uint64_t seed, Offloads offloads)
    : files_(std::move(files)), settings_(settings), executor_(executor), rng_(seed), offloads_(std::move(offloads)) {}

Log::~Log() {
  if (settle_timer_) executor_.cancel(settle_timer_);
  if (sync_timer_) executor_.cancel(sync_timer_);
  for (auto& [number, segment] : segments_)
    if (segment->bytes > 0) files_->give_back({segment->name, segment->bytes});
}

Log::Segment* Log::find(std::uint64_t number) {
  auto at = segments_.find(number);
  return at == segments_.end() ? nullptr : at->second.get();
}

void Log::append(NewRecord record, Appended done) {
  std::uint64_t bytes = bytes_of(record);
  if (bytes > max_record_bytes) return done(fail(Errc::permanent, "a request of {} bytes is too large to be stored", bytes));
  waiting_.push_back({std::move(record), bytes, std::move(done)});
  waiting_bytes_ += bytes;
  kick();
}

void Log::settle(Place place) {
  Segment* segment = find(place.segment);
  if (segment == nullptr || !segment->settle(place.index)) return;
  if (free_if_settled(*segment)) return kick();
  segment->fresh_settled.push_back(place.index);
  ++unwritten_settled_;
  settle_later();
}

void Log::leave(Place place) {
  Segment* segment = find(place.segment);
  if (segment == nullptr || segment->settled[place.index] || !segment->taken[place.index]) return;
  segment->taken[place.index] = false;
  --segment->taken_count;
  if (place.index >= segment->read_index && !segment->being_read) return;
  segment->again = true;  // it may be passed already
  if (!segment->being_read) segment->rewind();
}

void Log::settle_later() {
  if (settle_timer_ || in_upkeep_) return;
  settle_timer_ = executor_.at(executor_.now() + settle_delay, [this] {
    settle_timer_ = 0;
    flush();
  });
}

void Log::flush() { kick(); }

Log::Segment& Log::open_segment() {
  if (Segment* active = active_ ? find(active_) : nullptr) {
    if (active->bytes < settings_.segment_bytes) return *active;
    if (settings_.sync != Sync::never && wants_sync()) closing_.push_back(file_);
    close_active();
  }
  active_ = files_->next_number();
  auto made = std::make_unique<Segment>();
  made->name = {active_, rng_.next()};
  made->own = made->complete = true;
  made->read_offset = segment_head_bytes;
  file_ = std::make_shared<OpenFile>();  // shared with the job that writes
  return *segments_.emplace(active_, std::move(made)).first->second;
}

void Log::close_active() {
  Segment* segment = find(std::exchange(active_, 0));
  file_.reset();
  if (segment) free_if_settled(*segment);
}

// Begins the next jobs, if there is something to do.
void Log::kick() {
  if (!writing_ && !waiting_.empty()) begin_write();
  bool due = !doomed_.empty() || !closing_.empty() || (sync_due_ && wants_sync()) || (unwritten_settled_ > 0 && settle_timer_ == 0) || to_reserve() > 0;
  if (!in_upkeep_ && due) begin_upkeep();
}

void Log::begin_write() {
  Segment& segment = open_segment();
  writing_ = segment.being_written = true;
  // Shared with the worker, and outlives the log if that goes first.
  auto job = std::make_shared<WriteJob>(WriteJob{.fs = files_->fs(),
                                                 .directory = files_->directory(),
                                                 .path = files_->path(segment.name.segment_file()),
                                                 .number = segment.name.number,
                                                 .salt = segment.name.salt,
                                                 .wall = executor_.wall(),
                                                 .first_index = segment.count,
                                                 .file = file_,
                                                 .sync = settings_.sync == Sync::always});
  std::uint64_t bytes = 0;
  while (!waiting_.empty() && (bytes == 0 || bytes + waiting_.front().bytes <= commit_bytes)) {
    bytes += waiting_.front().bytes;
    job->records.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  Offload& offload = job->sync || bytes > brief_bytes ? offloads_.urgent : offloads_.brief;
  offload([job] { job->run(); },
          [this, job, alive = std::weak_ptr(alive_)] {
            if (!alive.expired()) written(*job);
          });
}

void Log::begin_upkeep() {
  in_upkeep_ = true;
  // Shared with the worker, and outlives the log if that goes first.
  auto job = std::make_shared<UpkeepJob>(UpkeepJob{.fs = files_->fs(), .directory = files_->directory()});
  if (std::exchange(sync_due_, false) && wants_sync()) {
    job->file = file_;
    job->number = active_;
    job->size = find(active_)->bytes;
  }
  if (std::uint64_t size = to_reserve()) {
    find(active_)->reserved = size;
    job->room_for = file_;
    job->room = size;
  }
  job->closing = std::exchange(closing_, {});
  job->doomed = std::exchange(doomed_, {});
  take_settled(*job);
  offloads_.later([job] { job->run(); },
                  [this, job, alive = std::weak_ptr(alive_)] {
                    if (!alive.expired()) upkept(*job);
                  });
}

void Log::take_settled(UpkeepJob& job) {
  if (unwritten_settled_ == 0) return;
  for (auto& [number, segment] : segments_) {
    if (segment->fresh_settled.empty()) continue;
    job.settled.push_back({number, files_->path(segment->name.settled_file()), segment->name.salt, std::exchange(segment->fresh_settled, {})});
  }
  unwritten_settled_ = 0;
}

void Log::written(WriteJob& job) {
  writing_ = false;
  Segment* segment = find(job.number);
  WEIR_CHECK(segment != nullptr, "segment {} is gone while it was written to", job.number);
  bool trusted = job.synced.has_value() && !job.poisoned;
  Result<> result = job.wrote ? job.synced : job.wrote;
  if (job.size > segment->bytes) {
    files_->count(static_cast<std::int64_t>(job.size - segment->bytes));
    segment->bytes = job.size;
  }
  segment->being_written = false;
  if (!job.wrote) ++counts_.write_failures;
  if (!job.synced) ++counts_.sync_failures;
  if (job.sync && job.wrote && job.synced) {
    ++counts_.syncs;
    segment->synced = job.size;
  }
  std::uint32_t index = job.first_index;
  if (job.wrote || job.poisoned) {  // what could not be taken away again may be whole
    segment->count += static_cast<std::uint32_t>(job.records.size());
    segment->grow(segment->count);
    counts_.records += job.records.size();
    // All are in somebody's hands before the first one hears: a reader that begins then must not find them. What is not on the disk
    // as promised is sent again by whoever sent it.
    for (std::uint32_t at = index; auto& entry : job.records) {
      counts_.bytes += entry.bytes;
      result ? segment->take(at++) : (void)segment->settle(at++);
    }
  }
  std::weak_ptr alive = alive_;
  std::uint64_t end = job.size;
  for (auto& entry : job.records) end -= entry.bytes;
  for (auto& entry : job.records) {
    Place place{job.number, index++, end + record_head_bytes};
    end += entry.bytes;
    entry.done(result ? Result<Place>(place) : Result<Place>(std::unexpected(result.error())));
    if (alive.expired()) return;
  }
  segment = find(job.number);
  bool nothing_in_it = segment && segment->count == 0 && !job.wrote;
  if (nothing_in_it && segment->bytes == 0) doomed_.push_back(job.path);
  if (segment && active_ == job.number && (!trusted || nothing_in_it))
    close_active();
  else if (segment)
    free_if_settled(*segment);
  arm_sync();
  kick();
}

void Log::upkept(UpkeepJob& job) {
  in_upkeep_ = false;
  if (!job.synced || !job.closed) ++counts_.sync_failures;
  if (job.file && job.synced) {
    ++counts_.syncs;
    if (Segment* segment = find(job.number)) segment->synced = job.size;
  }
  if (!job.synced && active_ == job.number) close_active();  // what of it is on the disk is not known
  if (!job.marked) {
    for (auto& marks : job.settled)
      if (Segment* of = find(marks.number)) {
        unwritten_settled_ += marks.indexes.size();
        of->fresh_settled.insert(of->fresh_settled.end(), marks.indexes.begin(), marks.indexes.end());
      }
    if (!settle_timer_)
      settle_timer_ = executor_.at(executor_.now() + 1s, [this] {
        settle_timer_ = 0;
        flush();
      });
  }
  arm_sync();
  if (unwritten_settled_ > 0) settle_later();
  kick();
}

bool Log::wants_sync() const {
  if (!active_) return false;
  auto at = segments_.find(active_);
  if (at == segments_.end()) return false;
  const Segment& segment = *at->second;
  return segment.synced < segment.bytes && segment.settled_count < segment.count;
}

// The size that the segment written to should have room for; 0: it has enough.
std::uint64_t Log::to_reserve() const {
  auto at = segments_.find(active_);
  if (active_ == 0 || at == segments_.end()) return 0;
  const Segment& segment = *at->second;
  bool enough = segment.bytes < reserve_step || segment.reserved >= std::min(segment.bytes + reserve_step, settings_.segment_bytes);
  return enough ? 0 : std::min(segment.bytes + 2 * reserve_step, settings_.segment_bytes);
}

void Log::arm_sync() {
  if (settings_.sync != Sync::interval || sync_timer_ || !wants_sync()) return;
  sync_timer_ = executor_.at(executor_.now() + settings_.interval, [this] {
    sync_timer_ = 0;
    sync_due_ = true;
    kick();
  });
}

bool Log::has_unread() const {
  if (settings_.claims && files_->has_free()) return true;
  return std::any_of(segments_.begin(), segments_.end(), [](auto& entry) { return entry.second->unread(); });
}

bool Log::has_unread_from_before() const {
  if (settings_.claims && files_->has_free()) return true;
  return std::any_of(segments_.begin(), segments_.end(), [](auto& entry) { return !entry.second->own && entry.second->unread(); });
}

void Log::adopt(const FreeSegment& free) {
  auto made = std::make_unique<Segment>();
  made->name = free.name;
  made->bytes = made->synced = free.bytes;
  made->read_offset = segment_head_bytes;
  segments_.emplace(free.name.number, std::move(made));
}

Log::Segment* Log::next_to_read() {
  auto own = [&]() -> Segment* {
    auto unread = [](auto& entry) { return entry.second->unread(); };
    if (settings_.newest_first) {
      auto at = std::find_if(segments_.rbegin(), segments_.rend(), unread);
      return at == segments_.rend() ? nullptr : at->second.get();
    }
    // What is left from before is older than what was written here, whatever its number: both were written at one time during a reload.
    auto at = std::find_if(segments_.begin(), segments_.end(), [&](auto& entry) { return unread(entry) && !entry.second->own; });
    if (at == segments_.end()) at = std::find_if(segments_.begin(), segments_.end(), unread);
    return at == segments_.end() ? nullptr : at->second.get();
  };
  Segment* next = own();
  bool first = next == nullptr || (!settings_.newest_first && next->own);
  if (first && settings_.claims)
    if (auto free = files_->claim(settings_.newest_first)) {
      adopt(*free);
      next = own();
    }
  return next;
}

void Log::read(std::size_t bytes, Read done) {
  Segment* segment = reading_ ? nullptr : next_to_read();
  if (segment == nullptr) return done({});
  read_from(*segment, bytes, std::move(done));
}

void Log::read_from(Segment& segment, std::size_t bytes, Read done) {
  reading_ = segment.being_read = true;
  // Shared with the worker, and outlives the log if that goes first.
  auto job = std::make_shared<ReadJob>(ReadJob{.fs = files_->fs(),
                                               .path = files_->path(segment.name.segment_file()),
                                               .settled_path = files_->path(segment.name.settled_file()),
                                               .name = segment.name,
                                               .offset = segment.read_offset,
                                               .end = segment.own ? segment.bytes : UINT64_MAX,
                                               .index = segment.read_index,
                                               .size = segment.bytes,
                                               .with_settled = !segment.own && segment.read_index == 0 && segment.taken.empty(),
                                               .taken = segment.taken,
                                               .bytes = std::max<std::size_t>(bytes, 1)});
  offloads_.later([job] { job->run(); },
                  [this, job, done = std::move(done), alive = std::weak_ptr(alive_)]() mutable {
                    if (!alive.expired()) was_read(*job, std::move(done));
                  });
}

void Log::was_read(ReadJob& job, Read done) {
  reading_ = false;
  Segment* segment = find(job.name.number);
  if (segment == nullptr) return done({});  // discarded meanwhile
  segment->being_read = false;
  if (!job.result) {
    // A file that cannot be read now stays where it is and is looked at again at the next start.
    ++counts_.write_failures;
    if (on_damage) on_damage(files_->path(job.name.segment_file()) + ": " + job.result.error().what, {.unknown = 1});
    if (!segment->own) {
      segments_.erase(job.name.number);
    } else {
      segment->keep = true;
      for (std::uint32_t i = 0; i < segment->count; ++i) segment->take(i);
    }
    return done({});
  }
  for (std::uint32_t index : job.settled)
    if (index < UINT32_MAX && index <= job.offset / record_head_bytes) segment->settle(index);
  std::uint32_t from = segment->read_index;
  segment->read_offset = job.offset;
  segment->read_index = job.index;
  segment->grow(job.index);
  // Numbers that did not come are damaged records.
  std::size_t next = 0;
  for (std::uint32_t index = from; index < job.index; ++index) {
    if (next < job.present.size() && job.present[next] == index)
      ++next;
    else if (!segment->taken[index])
      segment->settle(index);
  }
  for (auto& record : job.records) {
    segment->take(record.place.index);
    record.recovered = !segment->own;
  }
  if (segment->again) segment->rewind();
  if (job.skipped.unknown) segment->keep = true;
  counts_.skipped += job.skipped;
  if (job.at_end) {
    if (!segment->own) {
      // Records behind the end of a file that was cut may be noted as settled: they count, and so do those between.
      segment->count = std::max(job.index, static_cast<std::uint32_t>(segment->taken.size()));
      for (std::uint32_t index = job.index; index < segment->count; ++index) segment->settle(index);
    }
    segment->complete = true;
    // Whatever else was written here and cannot be found is damaged too.
    for (std::uint32_t index = job.index; index < segment->count && segment->own && job.end == segment->bytes; ++index) {
      if (!segment->taken[index]) ++counts_.skipped.broken;
      segment->settle(index);
    }
  }
  if ((job.skipped.damage() || job.skipped.torn) && on_damage) on_damage(files_->path(job.name.segment_file()), job.skipped);
  if (free_if_settled(*segment)) kick();
  done(std::move(job.records));
}

// Frees a segment without anything to keep. True when it is gone.
bool Log::free_if_settled(Segment& segment) {
  bool active = segment.name.number == active_;
  if (segment.being_read || segment.being_written || segment.keep || segment.unread() || segment.settled_count < segment.count) return false;
  if (active) {
    if (segment.bytes < reuse_bytes) return false;
    active_ = 0;
    file_.reset();
  }
  remove(segment);
  return true;
}

void Log::remove(Segment& segment) {
  if (segment.bytes > 0) {
    doomed_.push_back(files_->path(segment.name.segment_file()));
    doomed_.push_back(files_->path(segment.name.settled_file()));
  }
  files_->count(-static_cast<std::int64_t>(segment.bytes));
  unwritten_settled_ -= segment.fresh_settled.size();
  segments_.erase(segment.name.number);
}

bool Log::discard_oldest(Discarded done) {
  while (auto free = files_->claim()) adopt(*free);
  auto at = std::find_if(segments_.begin(), segments_.end(), [&](auto& entry) { return !entry.second->being_read && !entry.second->being_written && entry.first != active_; });
  if (at == segments_.end() || reading_) return false;
  Segment& segment = *at->second;
  std::uint64_t number = segment.name.number;
  // Counted record by record while it is read a last time.
  struct Total {
    std::uint64_t records = 0, items = 0;
  };
  auto total = std::make_shared<Total>();  // shared with the callback of each round
  auto round = std::make_shared<std::function<void()>>();
  *round = [this, number, total, round, done = std::make_shared<Discarded>(std::move(done))] {
    Segment* left = find(number);
    if (left == nullptr || !left->unread()) {
      if (left) remove(*left);
      kick();
      (*done)(number, total->records, total->items);
      *round = nullptr;
      return;
    }
    read_from(*left, commit_bytes, [total, round](std::vector<ReadRecord> records) {
      for (auto& record : records) ++total->records, total->items += record.items;
      if (auto next = *round) next();
    });
  };
  auto begin = *round;
  begin();
  return true;
}

}  // namespace weir::storage
