#include "components/shared/storage/bolt.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace weir;
using namespace weir::storage;

namespace {

constexpr std::size_t page_size = 1024;

std::string number(std::uint64_t value, std::size_t size) {
  std::string out(size, '\0');
  std::memcpy(out.data(), &value, size);
  return out;
}

std::string leaf(std::uint64_t id, std::uint32_t flags, std::vector<std::pair<std::string, std::string>> pairs) {
  std::string out = number(id, 8) + number(2, 2) + number(pairs.size(), 2) + number(0, 4), content;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    out += number(flags, 4) + number((pairs.size() - i) * 16 + content.size(), 4) + number(pairs[i].first.size(), 4) + number(pairs[i].second.size(), 4);
    content += pairs[i].first + pairs[i].second;
  }
  return out + content;
}
std::string branch(std::uint64_t id, std::vector<std::uint64_t> pages) {
  std::string out = number(id, 8) + number(1, 2) + number(pages.size(), 2) + number(0, 4);
  for (auto page : pages) out += number(16, 4) + number(0, 4) + number(page, 8);
  return out;
}
std::string meta(std::uint64_t id, std::uint64_t root, std::uint64_t transaction) {
  std::string fields = number(0xED0CDAED, 4) + number(2, 4) + number(page_size, 4) + number(0, 4) + number(root, 8) + number(0, 8) + number(0, 8) + number(9, 8) + number(transaction, 8);
  std::uint64_t sum = 0xcbf29ce484222325;
  for (char c : fields) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return number(id, 8) + number(4, 2) + number(0, 6) + fields + number(sum, 8);
}
std::string file_of(std::vector<std::string> pages) {
  std::string out;
  for (auto& page : pages) out += page + std::string(page_size - page.size(), '\0');
  return out;
}

}  // namespace

TEST_CASE("bbolt: a bucket inside of its parent's page") {
  std::string inside = number(0, 8) + number(0, 8) + leaf(0, 0, {{"a", "1"}, {"b", ""}});
  std::string file = file_of({meta(0, 2, 4), meta(1, 7, 3), leaf(2, 1, {{"default", inside}, {"other", inside}})});
  auto read = read_bolt(file, "default");
  REQUIRE(read.has_value());
  CHECK(*read == std::map<std::string, std::string, std::less<>>{{"a", "1"}, {"b", ""}});
  CHECK(read_bolt(file, "none")->empty());
}

TEST_CASE("bbolt: the newer head counts, and one that is whole") {
  std::string bucket = number(3, 8) + number(0, 8);
  std::vector<std::string> pages = {meta(0, 7, 4), meta(1, 2, 5), leaf(2, 1, {{"default", bucket}}), branch(3, {4, 5}), leaf(4, 0, {{"a", "1"}}), leaf(5, 0, {{"b", "2"}})};
  CHECK(read_bolt(file_of(pages), "default")->size() == 2);
  pages[0][40] ^= 1;
  CHECK(read_bolt(file_of(pages), "default")->size() == 2);
  pages[1][40] ^= 1;
  CHECK(read_bolt(file_of(pages), "default").error().code == Errc::corrupt);
}

TEST_CASE("bbolt: damage is an error, not a crash") {
  std::string bucket = number(3, 8) + number(0, 8);
  std::string file = file_of({meta(0, 2, 4), meta(1, 2, 5), leaf(2, 1, {{"default", bucket}}), branch(3, {3, 4}), leaf(4, 0, {{"a", "1"}})});
  CHECK(read_bolt(file, "default").error().code == Errc::corrupt);  // a page that is its own child
  for (std::size_t size = 0; size < file.size(); size += 7) (void)read_bolt(std::string_view(file).substr(0, size), "default");
  CHECK(!read_bolt("", "default").has_value());
}
