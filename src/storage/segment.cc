#include "storage/segment.h"

#include <charconv>
#include <cstring>

#include "storage/crc32c.h"

namespace weir::storage {
namespace {

constexpr std::string_view segment_magic = "weirseg\n";
constexpr std::uint16_t format_version = 1;
constexpr std::string_view record_magic = "\xA7rec";
constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t head_chunk_bytes = 16 * 1024;

template <class T>
void put(std::string& to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) to.push_back(static_cast<char>(value >> 8 * i & 0xFF));
}

template <class T>
T get(std::string_view from, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(from[at + i])) << 8 * i);
  return value;
}

std::uint32_t salted(std::uint64_t salt, std::string_view bytes) {
  std::string front;
  put(front, salt);
  return crc32c(bytes, crc32c(front));
}

std::optional<std::uint64_t> hex(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

std::string SegmentName::segment_file() const { return fmt::format("{:016x}-{:016x}.seg", number, salt); }
std::string SegmentName::settled_file() const { return fmt::format("{:016x}-{:016x}.ack", number, salt); }

std::optional<SegmentName> SegmentName::parse(std::string_view file) {
  if (file.size() != 37 || file[16] != '-' || !file.ends_with(".seg")) return {};
  auto number = hex(file.substr(0, 16)), salt = hex(file.substr(17, 16));
  if (!number || !salt) return {};
  return SegmentName{*number, *salt};
}

std::string encode_segment_head(UnixNanos created) {
  std::string out(segment_magic);
  put(out, format_version);
  put(out, std::uint16_t{0});
  std::string rest;
  put(rest, std::uint64_t{created});
  put(rest, std::uint64_t{0});
  put(out, crc32c(rest, crc32c(out)));
  return out + rest;
}

void append_record_head(std::string& to, const RecordHead& head, std::uint64_t salt) {
  std::string rest;
  put(rest, head.length);
  put(rest, head.checksum);
  put(rest, head.index);
  put(rest, head.items);
  put(rest, std::uint64_t{head.time});
  put(rest, head.kind);
  put(rest, head.version);
  rest.append(6, '\0');
  to += record_magic;
  put(to, salted(salt, rest));
  to += rest;
}

std::optional<RecordHead> decode_record_head(std::string_view bytes, std::uint64_t salt) {
  if (bytes.size() < record_head_bytes || !bytes.starts_with(record_magic)) return {};
  if (get<std::uint32_t>(bytes, 4) != salted(salt, bytes.substr(8, record_head_bytes - 8))) return {};
  RecordHead head{.length = get<std::uint32_t>(bytes, 8),
                  .checksum = get<std::uint32_t>(bytes, 12),
                  .index = get<std::uint32_t>(bytes, 16),
                  .items = get<std::uint32_t>(bytes, 20),
                  .time = get<std::uint64_t>(bytes, 24),
                  .kind = get<std::uint8_t>(bytes, 32),
                  .version = get<std::uint8_t>(bytes, 33)};
  if (head.length > max_record_bytes) return {};
  return head;
}

std::string encode_settled(std::span<const std::uint32_t> indexes, std::uint64_t salt) {
  std::string out;
  for (std::uint32_t index : indexes) {
    std::string entry;
    put(entry, index);
    put(entry, salted(salt, entry));
    out += entry;
  }
  return out;
}

std::vector<std::uint32_t> decode_settled(std::string_view bytes, std::uint64_t salt) {
  std::vector<std::uint32_t> out;
  for (; bytes.size() >= settled_entry_bytes; bytes.remove_prefix(settled_entry_bytes))
    if (get<std::uint32_t>(bytes, 4) == salted(salt, bytes.substr(0, 4))) out.push_back(get<std::uint32_t>(bytes, 0));
  return out;
}

Skipped& Skipped::operator+=(const Skipped& other) {
  broken += other.broken;
  unknown += other.unknown;
  bytes += other.bytes;
  torn |= other.torn;
  return *this;
}

std::string Skipped::text() const {
  return fmt::format("{} damaged records and {} of an unknown version skipped, {} bytes{}", broken, unknown, bytes,
                     torn ? ", the file ends inside of a record" : "");
}

SegmentReader::SegmentReader(io::File& file, SegmentName name, Check check) : file_(file), name_(name), check_(check) {}

void SegmentReader::resume(std::uint64_t offset, std::uint32_t index) {
  at_ = std::max<std::uint64_t>(offset, segment_head_bytes);
  index_ = index;
}

// Fewer bytes only at the end of the file, or of what is written.
Result<std::string_view> SegmentReader::look(std::uint64_t offset, std::size_t bytes) {
  if (offset >= end_) return std::string_view();
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, end_ - offset));
  bool inside = offset >= chunk_at_ && offset - chunk_at_ + bytes <= chunk_.size();
  if (!inside) {
    std::size_t size = std::max(bytes, check_ == Check::all ? chunk_bytes : head_chunk_bytes);
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - offset));
    std::string fresh(size, '\0');
    WEIR_ASSIGN(std::size_t got, file_.read_at(offset, fresh));
    fresh.resize(got);
    chunk_ = Bytes::take(std::move(fresh));
    chunk_at_ = offset;
  }
  std::string_view rest = chunk_.view().substr(static_cast<std::size_t>(offset - chunk_at_));
  return rest.substr(0, bytes);
}

// A damaged head of the segment says nothing: its records speak for themselves.
Result<> SegmentReader::check_version() {
  begun_ = true;
  WEIR_ASSIGN(std::string_view head, look(0, segment_head_bytes));
  if (head.size() < segment_head_bytes || !head.starts_with(segment_magic)) return {};
  if (get<std::uint32_t>(head, 12) != crc32c(head.substr(16, 16), crc32c(head.substr(0, 12)))) return {};
  if (get<std::uint16_t>(head, 8) == format_version) return {};
  readable_ = false;
  ++skipped_.unknown;
  skipped_.bytes += file_.size();
  return {};
}

// At the last head of a file, which is none: the end of a process leaves a part of one, and a power cut zeros. Anything else was a record.
Result<bool> SegmentReader::is_damaged_head() {
  WEIR_ASSIGN(std::string_view head, look(at_, record_head_bytes));
  return head.size() == record_head_bytes && head.find_first_not_of('\0') != head.npos;
}

// Moves to the next head behind damage. False: there is none.
Result<bool> SegmentReader::resync() {
  std::uint64_t from = at_;
  for (++at_;;) {
    WEIR_ASSIGN(std::string_view bytes, look(at_, check_ == Check::all ? chunk_bytes : head_chunk_bytes));
    if (bytes.size() < record_head_bytes) {
      std::uint64_t left = at_ + bytes.size() - from;
      at_ = from;
      WEIR_ASSIGN(bool damaged, is_damaged_head());
      skipped_.broken += damaged;
      skipped_.torn |= !damaged;
      skipped_.bytes += left;
      at_ += left;
      return false;
    }
    std::size_t place = bytes.find(record_magic);
    std::size_t usable = bytes.size() - record_head_bytes + 1;  // a head that begins further on is looked at in the next round
    if (place >= usable) {
      at_ += usable;
      continue;
    }
    at_ += place;
    auto head = decode_record_head(bytes.substr(place), name_.salt);
    if (head && head->index >= index_) {
      skipped_.bytes += at_ - from;
      skipped_.broken += head->index - index_;
      index_ = head->index;
      return true;
    }
    ++at_;
  }
}

// The head at at_, which is moved there; nullopt at the end.
Result<std::optional<RecordHead>> SegmentReader::find_head() {
  WEIR_ASSIGN(std::string_view bytes, look(at_, record_head_bytes));
  if (bytes.empty()) return std::optional<RecordHead>();
  auto head = decode_record_head(bytes, name_.salt);
  if (head && head->index == index_) return head;
  WEIR_ASSIGN(bool found, resync());
  if (!found) return std::optional<RecordHead>();
  WEIR_ASSIGN(bytes, look(at_, record_head_bytes));
  return decode_record_head(bytes, name_.salt);
}

// False: it is damaged, or not all there.
Result<bool> SegmentReader::read_payload(const RecordHead& head, Record& to) {
  WEIR_ASSIGN(std::string_view payload, look(at_ + record_head_bytes, head.length));
  if (payload.size() < head.length || crc32c(payload) != head.checksum) return false;
  to.payload = chunk_.slice(payload);
  return true;
}

Result<std::optional<Record>> SegmentReader::next() {
  if (!begun_) WEIR_TRY(check_version());
  while (readable_) {
    WEIR_ASSIGN(auto head, find_head());
    if (!head) break;
    std::uint64_t whole = record_head_bytes + head->length;
    std::uint64_t size = std::min<std::uint64_t>(file_.size(), end_);
    Record record{*head, at_, {}};
    bool good = at_ + whole <= size;
    if (good && head->version != 1) {
      ++skipped_.unknown;
      skipped_.bytes += whole;
    } else if (good && check_ == Check::all) {
      WEIR_ASSIGN(good, read_payload(*head, record));
    }
    if (at_ + whole > size) {
      skipped_.torn = true;
      skipped_.bytes += size - at_;
      at_ = size;
      break;
    }
    at_ += whole;
    ++index_;
    if (head->version != 1) continue;
    if (good) return std::optional(std::move(record));
    ++skipped_.broken;
    skipped_.bytes += whole;
  }
  return std::optional<Record>();
}

}  // namespace weir::storage
