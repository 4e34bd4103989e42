#include "components/receivers/filelog/known_files.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::receivers::filelog;

TEST_CASE("known files of the Go collector: JSON") {
  auto read = decode_known_files(
      "2\n"
      R"({"Fingerprint":{"first_bytes":"b25lCg=="},"Offset":4,"RecordNum":1,"FileAttributes":{"log.file.name":"a.log"},"HeaderFinalized":true,"FlushState":{"LastDataLength":0}})"
      "\n"
      R"({"Fingerprint":{"FirstBytes":"dHdv"},"Offset":3})"
      "\n");
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 2);
  CHECK((*read)[0].first_bytes == "one\n");
  CHECK((*read)[0].offset == 4);
  CHECK((*read)[0].record == 1);
  CHECK((*read)[0].header_done);
  CHECK((*read)[1].first_bytes == "two");
  CHECK(!decode_known_files("1\n[3]").has_value());
}

TEST_CASE("known files of the Go collector: protobuf") {
  using namespace std::string_literals;
  auto read = decode_known_files("\n\x33\n\x04\n\x02x\n\x10\x02\x18\x01\"\x19{\"log.file.name\":\"b.log\"}2\n\x08\xd7\xef\xf5\xa3\x96\xd3\xb9\xf6\x18:\x00"s);
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 1);
  CHECK((*read)[0].first_bytes == "x\n");
  CHECK((*read)[0].offset == 2);
  CHECK((*read)[0].record == 1);
  CHECK(!decode_known_files("\n\x33\n\x04").has_value());
  CHECK(decode_known_files("")->empty());
}
