#include "storage/log_jobs.h"

#include "storage/crc32c.h"

namespace weir::storage {

Result<> Log::OpenFile::sync(io::Fs& fs, const std::string& directory) {
  WEIR_TRY(file->sync());
  if (fresh) WEIR_TRY(fs.sync_directory(directory));
  fresh = false;
  return {};
}

void Log::WriteJob::run() {
  wrote = write();
  if (sync && wrote) synced = file->sync(fs, directory);
  if (file->file) size = file->file->size();
}

Result<> Log::WriteJob::write() {
  std::string heads;
  std::vector<std::string_view> pieces;
  if (!file->file) {
    WEIR_ASSIGN(file->file, fs.open(path, io::OpenMode::append, 0640));
    heads = encode_segment_head(wall);
  }
  std::uint64_t before = file->file->size();
  std::size_t front = heads.size();
  std::uint32_t index = first_index;
  for (auto& entry : records) {
    RecordHead head{.length = static_cast<std::uint32_t>(entry.bytes - record_head_bytes), .index = index++, .items = entry.record.items, .time = wall, .kind = entry.record.kind};
    for (auto& piece : entry.record.pieces) head.checksum = crc32c(piece.view(), head.checksum);
    append_record_head(heads, head, salt);
  }
  std::string_view all = heads;
  if (front) pieces.push_back(all.substr(0, front));
  for (std::size_t at = front; auto& entry : records) {
    pieces.push_back(all.substr(at, record_head_bytes));
    at += record_head_bytes;
    for (auto& piece : entry.record.pieces) pieces.push_back(piece.view());
  }
  auto appended = file->file->append(pieces);
  if (appended) return {};
  poisoned = !file->file->truncate(before);
  return appended;
}

void Log::UpkeepJob::run() {
  if (room_for) room_for->file->reserve(room);
  for (auto& open : closing)
    if (auto ok = open->sync(fs, directory); !ok) closed = ok;
  if (file) synced = file->sync(fs, directory);
  for (auto& marks : settled)
    if (auto ok = mark(marks); !ok && marked) marked = ok;
  for (auto& name : doomed) (void)fs.remove(name);  // what stays is seen again at the next start
}

Result<> Log::UpkeepJob::mark(const Settled& marks) {
  WEIR_ASSIGN(auto to, fs.open(marks.path, io::OpenMode::append, 0640));
  if (std::uint64_t torn = to->size() % settled_entry_bytes) WEIR_TRY(to->truncate(to->size() - torn));
  std::string bytes = encode_settled(marks.indexes, marks.salt);
  std::string_view piece = bytes;
  return to->append(std::span(&piece, 1));
}

void Log::ReadJob::run() { result = read(); }

Result<> Log::ReadJob::read() {
  if (with_settled) WEIR_TRY(read_settled());
  auto file = fs.open(path, io::OpenMode::read);
  if (!file) return fail(file.error());
  SegmentReader reader(**file, name);
  reader.resume(offset, index);
  reader.stop_at(end);
  std::size_t got = 0;
  while (got < bytes) {
    auto record = reader.next();
    if (!record) return fail(record.error());
    offset = reader.offset();
    index = reader.index();
    skipped = reader.skipped();
    if (!*record) {
      at_end = true;
      break;
    }
    std::uint32_t at = (*record)->head.index;
    present.push_back(at);
    if (at < taken.size() && taken[at]) continue;
    got += (*record)->payload.size() + record_head_bytes;
    records.push_back({{name.number, at, (*record)->offset + record_head_bytes}, std::move((*record)->payload), (*record)->head.items, (*record)->head.kind, (*record)->head.time});
  }
  return {};
}

Result<> Log::ReadJob::read_settled() {
  auto file = fs.open(settled_path, io::OpenMode::read);
  if (!file) return {};  // none is
  // An entry for each record that has room in the segment, and as much again for those that are noted twice.
  std::uint64_t most = size / record_head_bytes + 1;
  std::string all(std::min<std::uint64_t>((*file)->size(), 2 * most * settled_entry_bytes), '\0');
  WEIR_ASSIGN(std::size_t got, (*file)->read_at(0, all));
  settled = decode_settled(std::string_view(all).substr(0, got), name.salt);
  for (std::uint32_t at : settled) {
    if (at >= most) continue;
    if (at >= taken.size()) taken.resize(at + 1);
    taken[at] = true;
  }
  return {};
}

}  // namespace weir::storage
