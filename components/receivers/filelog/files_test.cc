#include "components/receivers/filelog/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/result.h"
#include "io/fs.h"

using namespace weir;
using namespace weir::receivers::filelog;

namespace {

// Files in a folder of their own, and what is known of them. read() is what the reader and its lanes do.
struct Disk {
  Disk() {
    char name[] = "/tmp/weir-files-XXXXXX";
    folder = ::mkdtemp(name);
    config.start_at = StartAt::beginning;
    restart();
  }
  ~Disk() { std::filesystem::remove_all(folder); }

  std::string operator/(std::string_view name) const { return folder + "/" + std::string(name); }
  // Positions are kept from now on.
  void keep() { files->resume(storage::Checkpoints::open(fs, {.directory = "/state", .name = "p"}).value()); }
  // Goes on from the positions that were kept.
  void kill() {
    auto image = files->checkpoints()->image(true);
    REQUIRE(image.has_value());
    REQUIRE(storage::Checkpoints::write(fs, *image).has_value());
    restart();
    keep();
  }
  void restart() { files.emplace(config, "filelog"); }
  // Keeps the inode.
  void write(std::string_view name, std::string_view text, bool anew = true) { std::ofstream(*this / name, anew ? std::ios::trunc : std::ios::app) << text; }
  void rename(std::string_view from, std::string_view to) { std::filesystem::rename(*this / from, *this / to); }

  std::vector<Found> list() {
    std::vector<Found> found;
    std::set<std::string> paths;
    for (auto& entry : std::filesystem::directory_iterator(folder)) paths.insert(entry.path());
    for (auto& path : paths) {
      struct stat s;
      REQUIRE(::stat(path.c_str(), &s) == 0);
      // Times of the file system are coarser than the test is quick.
      found.push_back({path, s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size), ++modified});
    }
    return found;
  }
  std::vector<TrackedFile*> look() { return look(list()); }
  std::vector<TrackedFile*> look(std::vector<Found> found) {
    now += 1s;
    return files->update(std::move(found), now, 1'000'000'000'000u + static_cast<UnixNanos>(now.time_since_epoch().count()));
  }
  // What comes out of files that have something to read, as "name:text".
  std::vector<std::string> read() { return read(list()); }
  std::vector<std::string> read(std::vector<Found> found, bool arrives = true) {
    std::vector<std::string> out;
    for (TrackedFile* file : look(std::move(found))) {
      REQUIRE(files->open(*file));
      std::string text;
      REQUIRE(file->source->read(file->read.offset, 1 << 20, text));
      file->read.offset += text.size();
      file->read.tail = Files::tail_of(*file, file->read.offset);
      if (file->compressed) file->compressed_read = file->size;
      if (arrives) files->settle(*file, file->read);
      out.push_back(file->path.substr(folder.size() + 1) + ":" + text);
    }
    return out;
  }

  io::MemoryFs fs;
  Config config;
  std::string folder;
  TimePoint now{};
  UnixNanos modified = 0;
  std::optional<Files> files;
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("filelog: a copy that has the inode of a file that is gone goes on where its original was left") {
  Disk disk;
  disk.write("a.log", "a1 a2 a3 ");
  disk.write("b.log", "b1 b2 ");
  CHECK(disk.read() == Strings{"a.log:a1 a2 a3 ", "b.log:b1 b2 "});
  // a.log is removed; its inode is that of the copy of b.log.
  disk.rename("a.log", "b.log.1");
  disk.write("b.log.1", "b1 b2 b3 ");
  disk.write("b.log", "b4 ");
  CHECK(disk.read() == Strings{"b.log:b4 ", "b.log.1:b3 "});
}

TEST_CASE("filelog: a copy that has the inode of a longer file that is gone goes on where its original was left") {
  Disk disk;
  disk.write("a.log", "a1 a2 a3 a4 a5 ");
  disk.write("b.log", "b1 b2 ");
  CHECK(disk.read().size() == 2);
  disk.rename("a.log", "b.log.1");
  disk.write("b.log.1", "b1 b2 b3 ");
  std::filesystem::remove(disk / "b.log");
  CHECK(disk.read() == Strings{"b.log.1:b3 "});
}

TEST_CASE("filelog: a file that is truncated and written anew is read from its front") {
  Disk disk;
  disk.write("a.log", "a1 a2 a3 ");
  CHECK(disk.read() == Strings{"a.log:a1 a2 a3 "});
  disk.write("a.log", "a4 a5 a6 a7 ");
  CHECK(disk.read() == Strings{"a.log:a4 a5 a6 a7 "});
  disk.write("a.log", "a8 ");
  CHECK(disk.read() == Strings{"a.log:a8 "});
}

TEST_CASE("filelog: a read shows that a file was written anew after it was looked at") {
  Disk disk;
  disk.write("a.log", "a1 a2 ");
  CHECK(disk.read().size() == 1);
  disk.write("a.log", "a3 ", false);
  auto ready = disk.look();
  REQUIRE(ready.size() == 1);
  CHECK(Files::reaches(*ready[0]));
  disk.write("a.log", "a4 a5 a6 a7 a8 ");
  CHECK(!Files::reaches(*ready[0]));
  CHECK(disk.read() == Strings{"a.log:a4 a5 a6 a7 a8 "});
}

TEST_CASE("filelog: what a file was before its inode was used anew survives a restart") {
  Disk disk;
  disk.keep();
  disk.write("a.log", "a1 a2 ");
  CHECK(disk.read().size() == 1);
  disk.write("a.log", "b1 ");
  CHECK(disk.read() == Strings{"a.log:b1 "});
  // Killed before the copy was found.
  disk.write("a.log.1", "a1 a2 a3 ");
  disk.kill();
  CHECK(disk.read() == Strings{"a.log.1:a3 "});
}

TEST_CASE("filelog: what was read of a compressed file and did not arrive is read again after a kill") {
  Disk disk;
  disk.config.compression = Compression::gzip;
  disk.keep();
  // "a1 a2 "
  disk.write("a.gz", std::string_view("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x34\x54\x48\x34\x52\x00\x00\xfa\x96\x12\xd1\x06\x00\x00\x00", 26));
  REQUIRE(disk.look().size() == 1);
  TrackedFile& file = **disk.look().begin();
  CHECK(disk.read(disk.list(), false) == Strings{"a.gz:a1 a2 "});
  disk.files->settle(file, {.offset = 3});
  disk.kill();
  CHECK(disk.read() == Strings{"a.gz:a2 "});
  disk.kill();
  CHECK(disk.read().empty());
}

TEST_CASE("filelog: a file that was renamed after it was found is left for the next look") {
  Disk disk;
  disk.write("a.log", "a1 ");
  auto found = disk.list();
  disk.rename("a.log", "a.log.1");
  disk.write("a.log", "b1 ");
  CHECK(disk.read(found).empty());
  CHECK(disk.files->undecided());
  CHECK(disk.read() == Strings{"a.log:b1 ", "a.log.1:a1 "});
}

TEST_CASE("filelog: an original that was truncated after it was found still has its copy") {
  Disk disk;
  disk.write("a.log", "a1 ");
  CHECK(disk.read() == Strings{"a.log:a1 "});
  disk.write("a.log", "a1 a2 ");
  disk.write("a.log.1", "a1 a2 ");
  auto found = disk.list();
  disk.write("a.log", "");
  CHECK(disk.read(found) == Strings{"a.log:", "a.log.1:a2 "});
  disk.write("a.log", "a3 ");
  CHECK(disk.read() == Strings{"a.log:a3 "});
}
