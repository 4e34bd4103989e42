#include "components/receivers/filelog/files.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <climits>
#include <cstdlib>

#include "base/log.h"
#include "base/number.h"
#include "base/text.h"

namespace weir::receivers::filelog {
namespace {

constexpr Duration copy_grace = 10s;           // so long a file that equals another one is taken for a copy in the making
constexpr UnixNanos kept_for = 86'400'000'000'000ull;  // positions of files that are gone
constexpr std::size_t most_gone = 20'000, most_unreadable = 10'000;

std::string key_of(const TrackedFile& file) { return fmt::format("f{}", file.id); }

std::string encode(const TrackedFile& f) {
  return fmt::format("1\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", f.device, f.inode, f.fingerprint_size, f.fingerprint, f.settled.offset, f.settled.record,
                     f.settled.tail, f.compressed ? 1 : 0, f.compressed && !f.busy && f.all_arrived() ? f.compressed_read : 0, (f.header_done ? 1 : 0) | (f.replaced ? 2 : 0), f.last_seen, f.path);
}

bool decode(std::string_view text, TrackedFile& f) {
  auto parts = split(text, '\t');
  if (parts.size() < 13 || parts[0] != "1") return false;
  bool good = true;
  auto number = [&](std::size_t i) {
    std::uint64_t out = 0;
    for (char c : parts[i]) {
      good &= c >= '0' && c <= '9';
      out = out * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return out;
  };
  f.device = number(1), f.inode = number(2), f.fingerprint_size = number(3), f.fingerprint = number(4);
  f.settled = {number(5), number(6), number(7)};
  f.read = f.settled;
  f.compressed = number(8) != 0;
  f.compressed_read = number(9);
  f.header_done = (number(10) & 1) != 0;
  f.replaced = (number(10) & 2) != 0;
  f.last_seen = number(11);
  // A path may have tabs in it.
  f.path = text.substr(static_cast<std::size_t>(parts[12].data() - text.data()));
  return good;
}

std::string real_path(const std::string& path) {
  char buffer[PATH_MAX];
  return ::realpath(path.c_str(), buffer) ? buffer : path;
}
std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Files::Files(const Config& config, std::string component) : config_(config), component_(std::move(component)) {}

void Files::resume(storage::Checkpoints checkpoints) {
  checkpoints_.emplace(std::move(checkpoints));
  for (auto& [key, value] : checkpoints_->entries()) {
    if (!key.starts_with('f')) continue;
    auto id = parse_go_int(std::string_view(key).substr(1));
    auto file = std::make_unique<TrackedFile>();
    if (!id || !decode(value, *file)) continue;
    file->id = file->lane = static_cast<std::uint64_t>(*id);
    file->gone = true;
    next_id_ = std::max(next_id_, file->id + 1);
    if (!file->replaced) by_inode_[{file->device, file->inode}] = file.get();
    index(*file);
    files_[file->id] = std::move(file);
  }
  resumed_ = !files_.empty();
}

void Files::import(std::vector<KnownFile> known) {
  if (resumed_ || known.empty()) return;
  log::info("Positions of the Go collector are taken over.", {{"receiver", component_}, {"files", known.size()}});
  imported_ = std::move(known);
  resumed_ = true;
}

TrackedFile* Files::find(std::uint64_t id) {
  auto at = files_.find(id);
  return at == files_.end() ? nullptr : at->second.get();
}

std::uint64_t Files::tail_of(TrackedFile& file, std::uint64_t offset) {
  if (file.compressed || !file.source || offset == 0) return 0;
  return file.source->sum(offset - std::min(offset, tail_bytes), offset);
}

void Files::settle(TrackedFile& file, const Position& position) {
  if (position.offset < file.settled.offset) return;
  file.settled = position;
  TrackedFile* heir = file.heir ? find(file.heir) : nullptr;
  heir ? settle(*heir, position) : store(file);
}

void Files::store(const TrackedFile& file) {
  if (checkpoints_ && file.fingerprint_size > 0) checkpoints_->set(key_of(file), encode(file));
}

bool Files::open(TrackedFile& file) {
  if (file.source) return true;
  auto opened = Source::open(file.path);
  if (!opened) return note_unreadable(file.path, opened.error()), false;
  auto stat = (*opened)->stat();
  if (!stat || stat->device != file.device || stat->inode != file.inode) return false;
  file.source = std::move(*opened);
  if (file.compressed) file.source->decompress();
  return true;
}

void Files::note_unreadable(const std::string& path, const Error& error) {
  // It may have vanished since it was found.
  if (error.code == Errc::retryable && error.what.ends_with(std::strerror(ENOENT))) return;
  if (unreadable_.size() >= most_unreadable || !unreadable_.emplace(path, true).second) return;
  log::error("Failed to open file", {{"receiver", component_}, {"path", path}, {"error", error.what}});
}

std::size_t Files::open_files() const {
  std::size_t n = 0;
  for (auto& [id, file] : files_) n += file->source != nullptr;
  return n;
}

bool Files::decide_compressed(Source& source) const {
  if (config_.compression == Compression::none) return false;
  if (config_.compression == Compression::gzip) return true;
  return source.looks_compressed();
}

// ---- who is who ----------------------------------------------------------------------------------------------------

std::vector<TrackedFile*> Files::update(std::vector<Found> found, TimePoint now, UnixNanos wall) {
  undecided_ = false;
  for (auto& [id, file] : files_) file->gone = true;
  // Known inodes first: what became of them says whether others are their copies.
  std::vector<const Found*> strangers;
  std::map<std::pair<std::uint64_t, std::uint64_t>, bool> seen;
  for (auto& one : found) {
    if (!seen.emplace(std::pair(one.device, one.inode), true).second) continue;
    if (known(one, wall) == nullptr) strangers.push_back(&one);
  }
  for (auto* one : strangers) unknown(*one, now, wall);
  std::erase_if(waiting_, [&](auto& entry) { return !seen.contains(entry.first); });
  std::vector<TrackedFile*> ready;
  restless_.clear();
  for (auto& [id, file] : files_) {
    if (has_more(*file)) ready.push_back(file.get());
    if (file->busy || file->partial > 0 || (file->gone && file->source)) restless_.insert(id);
  }
  first_look_ = false;
  imported_.clear();
  close_idle();
  limit_deleted();
  forget_old(wall);
  return ready;
}

std::vector<TrackedFile*> Files::update_some(std::vector<Found> found, TimePoint now, UnixNanos wall) {
  std::set<std::uint64_t> looked_at = restless_;
  for (auto& one : found) {
    TrackedFile* file = known(one, wall);
    if (file == nullptr) file = unknown(one, now, wall);
    if (file) looked_at.insert(file->id);
  }
  std::vector<TrackedFile*> ready;
  for (std::uint64_t id : looked_at) {
    TrackedFile* file = find(id);
    if (file == nullptr) continue;
    if (has_more(*file)) ready.push_back(file);
  }
  return ready;
}

bool Files::has_more(TrackedFile& file) {
  if (file.busy) return false;
  if (file.gone && file.source) {
    // Renamed out of sight or deleted: what is left of it is read from the open file.
    if (auto stat = file.source->stat()) file.size = stat->size;
  }
  bool readable = !file.replaced && (!file.gone || file.source);
  return readable && (!file.at_end() || file.partial > 0);
}

void Files::note_partial(const TrackedFile& file) {
  if (file.partial > 0)
    restless_.insert(file.id);
  else if (!file.gone)
    restless_.erase(file.id);
}

// Null when no file is known by this inode, or it became another one.
TrackedFile* Files::known(const Found& found, UnixNanos wall) {
  auto at = by_inode_.find({found.device, found.inode});
  if (at == by_inode_.end()) return nullptr;
  TrackedFile& file = *at->second;
  // Busy ones are looked at next time. Size alone says little: a file that was truncated and written anew, or has the inode of one that
  // is gone, may have the same.
  bool written = !file.busy && (found.modified != file.modified || found.size != file.size);
  bool same = !written && found.path == file.path;
  file.gone = false;
  file.last_seen = wall;
  if (file.busy) return &file;
  file.modified = found.modified;
  if (found.path != file.path) {
    file.path = found.path;
    if (file.source) resolve_attributes(file);
  }
  if (!file.compressed && found.size < file.read.offset) return truncated(file, found, wall);
  // Closed ones may be other files by now, and others may have been truncated and written anew.
  if ((written || !file.source) && file.fingerprint_size > 0) {
    bool at_end_as_before = same && file.at_end() && !file.source && !first_look_;
    if (!at_end_as_before) {
      if (!open(file)) return &file;
      if (!still_itself(file)) return replace(file, found), nullptr;
      if (file.attributes.empty()) resolve_attributes(file);
    }
  }
  file.size = found.size;
  if (file.fingerprint_size < config_.fingerprint_size.value && file.source) set_fingerprint(file);
  return &file;
}

// The bytes in front, and those in front of where we are, are the same as before.
bool Files::still_itself(TrackedFile& file) {
  if (file.source->sum(0, file.fingerprint_size) != file.fingerprint) return false;
  return reaches(file);
}

// It is shorter than what was read of it. One that begins differently now is another file.
TrackedFile* Files::truncated(TrackedFile& file, const Found& found, UnixNanos wall) {
  bool same_head = found.size >= file.fingerprint_size && found.size > 0 && open(file) && file.source->sum(0, file.fingerprint_size) == file.fingerprint;
  if (same_head && config_.on_truncate == OnTruncate::ignore) return &file;
  replace(file, found);
  if (!same_head || config_.on_truncate != OnTruncate::read_new) return nullptr;
  auto source = Source::open(found.path);
  if (!source) return note_unreadable(found.path, source.error()), nullptr;
  TrackedFile& fresh = add(found, std::move(*source), wall);
  fresh.read.offset = fresh.settled.offset = found.size;
  return &fresh;
}

// The inode has another content now, and may be a copy of another file. What was read of the old content still arrives under its own id,
// and copies of it are recognised by that: it is kept for a while.
void Files::replace(TrackedFile& file, const Found& found) {
  log::info("File has other content than before; reading it anew.", {{"receiver", component_}, {"path", found.path}, {"offset", file.read.offset}, {"size", found.size}});
  file.replaced = file.gone = true;
  if (!file.busy) file.source.reset();
  by_inode_.erase({found.device, found.inode});
  store(file);
}

TrackedFile* Files::unknown(const Found& found, TimePoint now, UnixNanos wall) {
  if (found.size == 0) return nullptr;
  auto opened = Source::open(found.path);
  if (!opened) {
    // Too many open files, for example: some will be closed by the next look at everything.
    undecided_ |= opened.error().code == Errc::retryable;
    return note_unreadable(found.path, opened.error()), nullptr;
  }
  if (auto was = unreadable_.find(found.path); was != unreadable_.end()) {
    unreadable_.erase(was);
    log::info("Previously unreadable file is now readable", {{"receiver", component_}, {"path", found.path}});
  }
  Source& source = **opened;
  // Something else has its name by now.
  if (auto stat = source.stat(); !stat || stat->device != found.device || stat->inode != found.inode) return undecided_ = true, nullptr;
  if (decide_compressed(source)) source.decompress();
  Kinship kinship = Kinship::none;
  TrackedFile* relative = relative_of(source, found, now, kinship);
  if (kinship == Kinship::undecided) return undecided_ = true, nullptr;
  waiting_.erase({found.device, found.inode});
  TrackedFile& file = add(found, std::move(*opened), wall);
  if (relative) {
    log::info("File goes on where its original was left", {{"receiver", component_}, {"path", found.path}, {"original", relative->path}, {"offset", relative->read.offset}});
    file.read = file.settled = relative->read;
    file.settled.offset = relative->settled.offset;
    file.settled.record = relative->settled.record;
    file.settled.tail = relative->settled.tail;
    file.header_done = relative->header_done;
    relative->replaced = true;
    relative->heir = file.id;
    file.lane = relative->lane;
    if (checkpoints_) checkpoints_->erase(key_of(*relative));
  } else if (first_look_) {
    begin_at(file, found);
  }
  store(file);
  return &file;
}

// Of a file that nobody has read yet.
void Files::begin_at(TrackedFile& file, const Found& found) {
  const KnownFile* was = nullptr;
  for (auto& one : imported_) {
    if (one.first_bytes.empty() || (was && was->first_bytes.size() >= one.first_bytes.size())) continue;
    std::string head;
    if (file.source->read(0, one.first_bytes.size(), head) && head == one.first_bytes) was = &one;
  }
  if (was) {
    // One that is shorter than what was read is another one, or was truncated.
    if (!file.compressed && was->offset > found.size) return;
    file.read.offset = was->offset;
    file.read.record = was->record;
    file.header_done = was->header_done;
  } else if (!resumed_ && config_.start_at == StartAt::end && !file.compressed) {
    file.read.offset = found.size;
  } else {
    return;
  }
  file.read.tail = tail_of(file, file.read.offset);
  file.settled = file.read;
}

// Whose copy it is: the file that was read and is gone, or was truncated, with the same bytes up to where it was read.
TrackedFile* Files::relative_of(Source& source, const Found& found, TimePoint now, Kinship& kinship) {
  TrackedFile* best = nullptr;
  // Where many are equal, a few of those that are there tell that we have to wait.
  constexpr int most_present = 16;
  int present = 0;
  for (TrackedFile* file : with_head_of(source)) {
    // What stands in the place of a file is no copy of it.
    bool same_place = file->device == found.device && file->inode == found.inode;
    bool here = !file->gone && !file->replaced;
    if (file->heir != 0 || same_place || (here && ++present > most_present)) continue;
    Kinship one = compare(*file, source, found, now);
    if (one == Kinship::undecided) kinship = Kinship::undecided;
    if (one == Kinship::copy && (best == nullptr || file->read.offset > best->read.offset)) best = file;
  }
  if (best) kinship = Kinship::copy;
  return best;
}

// Files whose first bytes are those of this one.
std::vector<TrackedFile*> Files::with_head_of(Source& source) const {
  std::vector<TrackedFile*> out;
  std::string head;
  if (by_fingerprint_.empty() || !source.read(0, static_cast<std::size_t>(by_fingerprint_.rbegin()->first), head)) return out;
  for (auto& [size, files] : by_fingerprint_) {
    if (size > head.size()) break;
    auto [begin, end] = files.equal_range(XXH3_64bits(head.data(), size));
    for (auto at = begin; at != end; ++at) out.push_back(at->second);
  }
  return out;
}

void Files::index(TrackedFile& file) {
  if (file.fingerprint_size > 0) by_fingerprint_[file.fingerprint_size].emplace(file.fingerprint, &file);
}

void Files::unindex(TrackedFile& file) {
  auto sized = by_fingerprint_.find(file.fingerprint_size);
  if (sized == by_fingerprint_.end()) return;
  auto [begin, end] = sized->second.equal_range(file.fingerprint);
  auto at = std::find_if(begin, end, [&](auto& one) { return one.second == &file; });
  if (at != end) sized->second.erase(at);
  if (sized->second.empty()) by_fingerprint_.erase(sized);
}

Files::Kinship Files::compare(TrackedFile& file, Source& source, const Found& found, TimePoint now) {
  // To look far into a compressed file takes long.
  constexpr std::uint64_t far = 8 << 20;
  if (file.busy) return Kinship::undecided;
  std::uint64_t offset = file.read.offset;
  bool here = !file.gone && !file.replaced;
  if (!here) {
    // Its own open file is read to the end first.
    if (file.source && !file.replaced && !file.at_end()) return Kinship::undecided;
    if (source.compressed() && offset > far) return Kinship::copy;
    if (file.read.tail == 0) return source.compressed() || file.compressed || offset == 0 ? Kinship::copy : Kinship::none;
    return source.sum(offset - std::min(offset, tail_bytes), offset) == file.read.tail ? Kinship::copy : Kinship::none;
  }
  // Both are there. If one is the beginning of the other, a copy may be in the making: we wait for what becomes of them. The same where
  // a compressed copy is there and its original not gone yet, or not seen to be gone.
  if (file.compressed && !source.compressed()) return Kinship::none;
  bool compressing = source.compressed() && !file.compressed;
  std::uint64_t common = compressing ? file.size : std::min(found.size, file.size), from = common - std::min(common, tail_bytes);
  bool too_far = compressing && common > far;
  if (!too_far && !open(file)) return Kinship::none;
  // If it was truncated or written anew since it was found, its content tells nothing.
  if (!too_far && still_itself(file) && source.sum(from, common) != file.source->sum(from, common)) return Kinship::none;
  auto [waiting, fresh] = waiting_.try_emplace({found.device, found.inode}, Waiting{now, found.size});
  if (!fresh && waiting->second.size != found.size) waiting->second = {now, found.size};
  return now - waiting->second.since < copy_grace ? Kinship::undecided : Kinship::none;
}

TrackedFile& Files::add(const Found& found, std::unique_ptr<Source> source, UnixNanos wall) {
  auto file = std::make_unique<TrackedFile>();
  file->id = file->lane = next_id_++;
  file->path = found.path;
  file->device = found.device;
  file->inode = found.inode;
  file->size = found.size;
  file->last_seen = wall;
  file->modified = found.modified;
  if (!source->compressed() && decide_compressed(*source)) source->decompress();
  file->compressed = source->compressed();
  file->source = std::move(source);
  set_fingerprint(*file);
  resolve_attributes(*file);
  if (!first_look_) log::info("Started watching file", {{"receiver", component_}, {"path", found.path}});
  TrackedFile& out = *file;
  by_inode_[{found.device, found.inode}] = file.get();
  files_[file->id] = std::move(file);
  return out;
}

void Files::set_fingerprint(TrackedFile& file) {
  std::uint64_t wanted = config_.fingerprint_size.value;
  if (file.compressed) {
    std::string head;
    wanted = file.source->read(0, static_cast<std::size_t>(wanted), head) ? head.size() : 0;
  }
  std::uint64_t size = std::min(wanted, file.compressed ? wanted : file.size);
  if (size <= file.fingerprint_size) return;
  std::uint64_t sum = file.source->sum(0, size);
  if (sum == 0) return;
  unindex(file);
  file.fingerprint = sum;
  file.fingerprint_size = size;
  index(file);
}

void Files::resolve_attributes(TrackedFile& file) {
  file.memory.reset();
  file.attributes = {};
  auto add = [&](std::string_view key, std::string_view value) { file.attributes.set(file.memory, key, otlp::Value::of(file.memory.copy(value))); };
  if (config_.include_file_name) add("log.file.name", name_in(file.path));
  if (config_.include_file_path) add("log.file.path", file.path);
  if (config_.include_file_name_resolved || config_.include_file_path_resolved) {
    std::string real = real_path(file.path);
    if (config_.include_file_name_resolved) add("log.file.name_resolved", name_in(real));
    if (config_.include_file_path_resolved) add("log.file.path_resolved", real);
  }
  struct stat s;
  bool wanted = config_.include_file_owner_name || config_.include_file_owner_group_name || config_.include_file_permissions;
  if (!wanted || !file.source || ::fstat(file.source->descriptor(), &s) != 0) return;
  char buffer[4096];
  if (config_.include_file_permissions) add("log.file.permissions", fmt::format("{:03o}", static_cast<unsigned>(s.st_mode & 0777)));
  passwd user, *found_user = nullptr;
  if (config_.include_file_owner_name && ::getpwuid_r(s.st_uid, &user, buffer, sizeof buffer, &found_user) == 0 && found_user) add("log.file.owner.name", user.pw_name);
  group owners, *found_group = nullptr;
  if (config_.include_file_owner_group_name && ::getgrgid_r(s.st_gid, &owners, buffer, sizeof buffer, &found_group) == 0 && found_group)
    add("log.file.owner.group.name", owners.gr_name);
}

// ---- what is kept --------------------------------------------------------------------------------------------------

// Files that are read to their end and arrived are closed when too many are open; gone ones at once.
void Files::close_idle() {
  std::size_t open = open_files();
  for (auto& [id, file] : files_) {
    bool idle = file->source && !file->busy && !file->queued && file->at_end() && file->partial == 0;
    bool over = file->gone && file->all_arrived();
    if (!idle || (!over && open <= config_.max_concurrent_files)) continue;
    file->source.reset();
    --open;
  }
}

// The disk has room for so many bytes of files that nobody but us has any more. The ones that were deleted first go first.
void Files::limit_deleted() {
  std::vector<std::pair<TrackedFile*, std::uint64_t>> deleted;
  deleted_.open_bytes = 0;
  for (auto& [id, file] : files_) {
    if (!file->gone || !file->source) continue;
    auto stat = file->source->stat();
    if (!stat || stat->links > 0) continue;
    deleted.emplace_back(file.get(), stat->size);
    deleted_.open_bytes += stat->size;
  }
  if (deleted_.open_bytes <= config_.max_deleted_size.value) return;
  std::sort(deleted.begin(), deleted.end(), [](auto& a, auto& b) { return a.first->last_seen < b.first->last_seen; });
  for (auto& [file, size] : deleted) {
    if (deleted_.open_bytes <= config_.max_deleted_size.value) return;
    if (file->busy) continue;
    std::uint64_t unread = size - std::min(size, file->read.offset);
    deleted_.open_bytes -= size;
    file->source.reset();
    file->replaced = true;  // what was read of it may still arrive
    if (unread == 0) continue;
    ++deleted_.given_up_files;
    deleted_.given_up_bytes += unread;
    log::error("A deleted file is given up: all that are kept open take more than max_deleted_size.",
               {{"receiver", component_}, {"path", file->path}, {"unread_bytes", unread}});
  }
}

void Files::forget_old(UnixNanos wall) {
  std::size_t gone = 0;
  for (auto at = files_.begin(); at != files_.end();) {
    TrackedFile& file = *at->second;
    bool free = file.gone && !file.busy && !file.queued && !file.source && (file.replaced || file.all_arrived());
    bool old = file.replaced || file.last_seen + kept_for < wall || ++gone > most_gone;
    // What was replaced stays for a moment: a copy of it may still turn up.
    bool recent = file.replaced && file.last_seen + 60'000'000'000ull > wall;
    if (!free || !old || recent) {
      ++at;
      continue;
    }
    if (checkpoints_) checkpoints_->erase(key_of(file));
    auto by_inode = by_inode_.find({file.device, file.inode});
    if (by_inode != by_inode_.end() && by_inode->second == &file) by_inode_.erase(by_inode);
    unindex(file);
    at = files_.erase(at);
  }
}

}  // namespace weir::receivers::filelog
