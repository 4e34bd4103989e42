#include "components/receivers/otlpjsonfile/files.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace weir;
using namespace weir::receivers::otlpjsonfile;

namespace {

struct Folder {
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string write(std::string_view name, std::string_view text) {
    std::string file = path + "/" + std::string(name);
    std::ofstream(file) << text;
    return file;
  }
  std::string path = fmt::format("/tmp/weir-otlpjsonfile-{}", ::getpid());
};

}  // namespace

TEST_CASE("otlpjsonfile: files by patterns") {
  Folder folder;
  folder.write("a.json", "x"), folder.write("b.json", "yy"), folder.write("c.txt", "z");
  auto found = find_files({folder.path + "/*.json", folder.path + "/a*"}, {folder.path + "/b*"});
  REQUIRE(found.size() == 1);
  CHECK(found[0].path.ends_with("/a.json"));
  CHECK(found[0].size == 1);
}

TEST_CASE("otlpjsonfile: complete lines only, long ones are passed over") {
  Folder folder;
  std::string path = folder.write("a.json", "one\n\n two\r\n" + std::string(50, 'x') + "\nthree\nhalf");
  std::string identity = find_files({path}, {})[0].identity;
  auto piece = read_piece(path, identity, 0, false, 4, 20);
  CHECK(piece.lines == std::vector<std::string>{"one"});
  CHECK(piece.next == 4);
  std::vector<std::string> lines;
  std::size_t too_long = 0;
  for (std::uint64_t offset = 0;;) {
    piece = read_piece(path, identity, offset, piece.skipping, 16, 20);
    lines.insert(lines.end(), piece.lines.begin(), piece.lines.end());
    too_long += piece.too_long;
    if (piece.next == offset) break;
    offset = piece.next;
  }
  CHECK(lines == std::vector<std::string>{"one", " two", "three"});
  CHECK(too_long == 1);
  CHECK(read_piece(path, "1:1", 0, false, 4, 20).gone);
  CHECK(read_piece(path, identity, 1000, false, 4, 20).gone);
  CHECK(read_piece(path + "x", identity, 0, false, 4, 20).gone);
}
