// Any bytes as a segment: reading ends, and what is found lies inside. And a segment that was damaged in one place: all records but those
// that were hit are found, as they were.
#include <fuzzer/FuzzedDataProvider.h>

#include "storage/crc32c.h"
#include "storage/segment.h"

using namespace weir;
using namespace weir::storage;

namespace {

constexpr SegmentName name{42, 0x9e3779b97f4a7c15};

std::unique_ptr<io::File> file_of(io::MemoryFs& fs, std::string_view bytes) {
  auto file = fs.open("segment", io::OpenMode::append);
  WEIR_CHECK((*file)->append(std::span(&bytes, 1)).has_value());
  return std::move(*file);
}

void check_any(std::string_view bytes) {
  for (auto check : {SegmentReader::Check::all, SegmentReader::Check::heads}) {
    io::MemoryFs fs;
    auto file = file_of(fs, bytes);
    SegmentReader reader(*file, name, check);
    std::uint64_t behind = 0, skipped = 0;
    for (;;) {
      auto record = reader.next();
      WEIR_CHECK(record.has_value());
      if (!*record) break;
      WEIR_CHECK((*record)->offset >= behind, "records overlap");
      behind = (*record)->offset + record_head_bytes + (*record)->head.length;
      WEIR_CHECK(behind <= bytes.size() && reader.skipped().bytes >= skipped);
      skipped = reader.skipped().bytes;
    }
  }
  (void)decode_settled(bytes, 1);
}

// With damage to the bytes [from, to).
void check_damaged(FuzzedDataProvider& data) {
  struct Written {
    std::string payload;
    std::size_t begin, end;
  };
  std::string bytes = encode_segment_head(7);
  std::vector<Written> written;
  std::size_t records = data.ConsumeIntegralInRange<std::size_t>(1, 20);
  std::size_t from = data.ConsumeIntegral<std::uint16_t>(), length = data.ConsumeIntegralInRange<std::size_t>(0, 300);
  std::string garbage = data.ConsumeBytesAsString(length);
  for (std::uint32_t i = 0; i < records; ++i) {
    std::string payload = data.ConsumeRandomLengthString(2000);
    std::size_t begin = bytes.size();
    append_record_head(bytes, {.length = static_cast<std::uint32_t>(payload.size()), .checksum = crc32c(payload), .index = i, .items = 1, .time = 7, .kind = 1}, name.salt);
    bytes += payload;
    written.push_back({std::move(payload), begin, bytes.size()});
  }
  from = segment_head_bytes + from % (bytes.size() - segment_head_bytes);
  garbage.resize(std::min(garbage.size(), bytes.size() - from));
  std::size_t to = from + garbage.size();
  bytes.replace(from, garbage.size(), garbage);

  io::MemoryFs fs;
  auto file = file_of(fs, bytes);
  SegmentReader reader(*file, name);
  std::vector<bool> found(written.size());
  for (;;) {
    auto record = reader.next();
    WEIR_CHECK(record.has_value());
    if (!*record) break;
    std::uint32_t index = (*record)->head.index;
    WEIR_CHECK(index < written.size() && !found[index]);
    WEIR_CHECK((*record)->offset == written[index].begin && (*record)->payload.view() == written[index].payload);
    found[index] = true;
  }
  for (std::size_t i = 0; i < written.size(); ++i)
    WEIR_CHECK(found[i] || (written[i].begin < to && written[i].end > from), "record {} of {} is missing", i, written.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size > 0 && data[0] == 1) {
    FuzzedDataProvider provider(data + 1, size - 1);
    check_damaged(provider);
  } else {
    check_any({reinterpret_cast<const char*>(data), size});
  }
  return 0;
}
