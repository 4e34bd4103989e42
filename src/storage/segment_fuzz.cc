// Any bytes as a segment: reading ends, and what is found lies inside.
#include "storage/segment.h"

using namespace weir;
using namespace weir::storage;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (auto check : {SegmentReader::Check::all, SegmentReader::Check::heads}) {
    io::MemoryFs fs;
    auto file = fs.open("segment", io::OpenMode::append);
    WEIR_CHECK((*file)->append(std::span(&bytes, 1)).has_value());
    SegmentReader reader(**file, {42, 0x9e3779b97f4a7c15}, check);
    std::uint64_t behind = 0, skipped = 0;
    for (;;) {
      auto record = reader.next();
      WEIR_CHECK(record.has_value());
      if (!*record) break;
      WEIR_CHECK((*record)->offset >= behind, "records overlap");
      behind = (*record)->offset + record_head_bytes + (*record)->head.length;
      WEIR_CHECK(behind <= size && reader.skipped().bytes >= skipped);
      skipped = reader.skipped().bytes;
    }
  }
  (void)decode_settled(bytes, 1);
  return 0;
}
