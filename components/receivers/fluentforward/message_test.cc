#include "components/receivers/fluentforward/message.h"

#include <doctest/doctest.h>

#include "net/compression.h"

using namespace weir;
using namespace weir::receivers::fluentforward;

namespace {

Budget budget;

std::string text_of(const std::string& bytes) {
  Arena arena;
  Charge charge = budget.empty_charge();
  auto size = value_size(bytes);
  if (!size) return size.error().what;
  if (*size != bytes.size()) return fmt::format("size {}", *size);
  auto message = read_message(bytes, arena, 1 << 20, charge);
  if (!message) return message.error().what;
  std::string out = fmt::format("{}/{}", message->tag, message->chunk);
  for (auto& entry : message->entries)
    out += fmt::format(" {}:{}:{}", entry.time, otlp::to_text(entry.body), otlp::to_text(otlp::Value::of(const_cast<otlp::Attributes*>(&entry.attributes))));
  return out;
}

const std::string record("\x82\xa3log\xa2hi\xa1n\x05", 11);
const std::string event_time("\xd7\x00\x00\x00\x00\x02\x00\x00\x00\x07", 10);

}  // namespace

TEST_CASE("fluent forward: the three kinds of messages") {
  std::string tag("\xa1t");
  CHECK(text_of("\x93" + tag + "\x02" + record) == R"(t/ 2000000000:hi:{"fluent.tag":"t","n":5})");
  CHECK(text_of("\x94" + tag + event_time + record + "\x81\xa5" "chunk\xa2" "c1") == R"(t/c1 2000000007:hi:{"fluent.tag":"t","n":5})");
  std::string entry = "\x92" + event_time + record;
  CHECK(text_of("\x92" + tag + "\x92" + entry + entry) == R"(t/ 2000000007:hi:{"fluent.tag":"t","n":5} 2000000007:hi:{"fluent.tag":"t","n":5})");
  CHECK(text_of("\x92" + tag + "\xc4" + static_cast<char>(entry.size()) + entry) == R"(t/ 2000000007:hi:{"fluent.tag":"t","n":5})");
  Bytes plain = Bytes::copy_of(entry + entry);
  auto zipped = net::compress(net::Compression::gzip, {&plain, 1});
  REQUIRE(zipped.has_value());
  CHECK(text_of("\x93" + tag + "\xc4" + static_cast<char>(zipped->size()) + *zipped + "\x81\xaa" "compressed\xa4gzip") ==
        R"(t/ 2000000007:hi:{"fluent.tag":"t","n":5} 2000000007:hi:{"fluent.tag":"t","n":5})");
}

TEST_CASE("fluent forward: what is cut off is incomplete, what is broken is said") {
  std::string whole = "\x93\xa1t\x02" + record;
  for (std::size_t n = 1; n < whole.size(); ++n) CHECK(value_size(std::string_view(whole).substr(0, n)) == 0u);
  CHECK(!value_size("\xc1"));
  CHECK(!value_size(std::string(100, '\x91')));
  CHECK(text_of("\x05").contains("list of 2 to 4"));
  CHECK(text_of("\x92\xa1t\x02").contains("without a record"));
  CHECK(text_of("\x93\xa1t\xa1x\xc0").contains("an entry is"));
}

TEST_CASE("fluent forward: the answer") { CHECK(ack_of("c1") == "\x81\xa3" "ack\xa2" "c1"); }
