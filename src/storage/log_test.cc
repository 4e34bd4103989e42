#include "storage/log.h"

#include <doctest/doctest.h>

#include <set>

#include "io/simulation.h"

using namespace weir;
using namespace weir::storage;

namespace {

// A disk and a core; logs on it come and go.
struct Disk {
  explicit Disk(std::uint64_t seed = 1) : simulation(1, seed) {}

  std::unique_ptr<Log> open(LogSettings settings = {}) {
    auto opened = LogFiles::open(fs, "/data/queue");
    REQUIRE(opened.has_value());
    files = *opened;
    auto log = std::make_unique<Log>(files, settings, simulation.core(0), simulation.rng().next(), Offloads{offload(latency), offload(brief), offload(later)});
    log->on_damage = [this](const std::string&, const Skipped& skipped) { damage += skipped; };
    return log;
  }
  Offload offload(const Duration& takes) {
    return [this, &takes](std::move_only_function<void()> work, io::Task done) {
      simulation.core(0).at(simulation.core(0).now() + takes, [work = std::move(work), done = std::move(done)]() mutable {
        work();
        done();
      });
    };
  }
  void run() { simulation.advance(50ms); }

  // The answer; nullopt while there is none.
  std::shared_ptr<std::optional<Result<Place>>> append(Log& log, std::string text) {
    auto answer = std::make_shared<std::optional<Result<Place>>>();
    log.append({{Bytes::take(std::move(text))}, 1, 1}, [answer](Result<Place> place) { *answer = std::move(place); });
    return answer;
  }
  std::vector<ReadRecord> read(Log& log, std::size_t bytes = 1 << 20) {
    std::vector<ReadRecord> all;
    while (log.has_unread()) {
      std::vector<ReadRecord> got;
      log.read(bytes, [&](std::vector<ReadRecord> records) { got = std::move(records); });
      simulation.advance(later + 1ms);
      for (auto& record : got) all.push_back(std::move(record));
    }
    return all;
  }

  io::MemoryFs fs;
  io::Simulation simulation;
  std::shared_ptr<LogFiles> files;
  Duration latency = 100us, brief = 100us, later = 100us;  // of appends, small appends, reads and upkeep
  Skipped damage;
};

std::set<std::string> texts(const std::vector<ReadRecord>& records) {
  std::set<std::string> out;
  for (auto& record : records) out.emplace(record.payload.view());
  return out;
}

}  // namespace

TEST_CASE("log: what was appended and not settled is there for the next process") {
  Disk disk;
  Place second;
  {
    auto log = disk.open();
    auto a = disk.append(*log, "a"), b = disk.append(*log, "b"), c = disk.append(*log, "c");
    disk.run();
    REQUIRE((*a && *b && *c));
    second = ***b;
    log->settle(second);
    disk.run();
    CHECK(log->idle());
    CHECK_FALSE(log->has_unread());  // all are taken by whoever appended
  }
  auto log = disk.open();
  CHECK(log->has_unread());
  auto records = disk.read(*log);
  CHECK(texts(records) == std::set<std::string>{"a", "c"});
  CHECK(records[0].recovered);
  CHECK(records[0].items == 1);
  for (auto& record : records) log->settle(record.place);
  disk.run();
  CHECK(disk.fs.paths().empty());
  CHECK(disk.files->bytes() == 0);
}

TEST_CASE("log: segments that were copied here from another directory are read too") {
  Disk here, other;
  auto write = [](Disk& disk, const std::string& text, std::uint64_t seed) {
    disk.simulation.rng() = Rng(seed);
    auto log = disk.open();
    disk.append(*log, text);
    auto settled = disk.append(*log, text + " settled");
    disk.run();
    log->settle(***settled);
    disk.run();
  };
  write(here, "here", 1);
  write(other, "there", 2);
  for (auto& path : other.fs.paths()) {
    std::string_view content = *other.fs.content(path);
    REQUIRE((*here.fs.open(path, io::OpenMode::append))->append(std::span(&content, 1)));
  }
  auto log = here.open();
  auto records = here.read(*log);
  CHECK(texts(records) == std::set<std::string>{"here", "there"});
  for (auto& record : records) log->settle(record.place);
  here.run();
  CHECK(here.fs.paths().empty());
  CHECK(here.files->bytes() == 0);
}

TEST_CASE("log: appends that come together are written together") {
  Disk disk;
  auto log = disk.open();
  int writes = 0;
  disk.fs.fault = [&](std::string_view operation, const std::string&) { return writes += operation == "write", 0; };
  for (int i = 0; i < 100; ++i) disk.append(*log, "x");
  disk.run();
  CHECK(writes == 2);  // the first alone, the others with each other
  CHECK(log->counts().records == 100);
}

TEST_CASE("log: nobody waits for a sync or for the removal of a segment, and a segment that is written to is not removed") {
  Disk disk;
  disk.later = 10s;
  auto log = disk.open({.segment_bytes = 2'000'000});
  auto first = disk.append(*log, std::string(1'500'000, 'a'));
  disk.run();
  log->settle(***first);  // over reuse_bytes: its file goes
  for (int i = 0; i < 30; ++i) {
    auto next = disk.append(*log, "b");
    disk.run();
    REQUIRE(*next);
    CHECK((**next).has_value());
  }
  CHECK_FALSE(log->idle());
  // The sync fails while a record is being written to the same segment, which is then closed with all else in it settled.
  disk.fs.fault = [&](std::string_view operation, const std::string&) { return operation == "sync" ? 5 : 0; };
  std::shared_ptr<std::optional<Result<Place>>> kept;
  for (int i = 0; i < 400; ++i) {
    kept = disk.append(*log, fmt::format("c{}", i));
    disk.simulation.advance(99ms);
    if (i < 399) log->settle(***kept);
  }
  CHECK(log->counts().sync_failures > 0);
  disk.fs.fault = nullptr;
  log.reset();
  log = disk.open();
  CHECK(texts(disk.read(*log)).contains("c399"));
}

TEST_CASE("log: what is left is read in order, and records that are in memory are not read") {
  Disk disk;
  auto log = disk.open({.segment_bytes = 200});
  for (int i = 0; i < 20; ++i) {
    auto place = disk.append(*log, fmt::format("{:02}", i));
    disk.run();
    if (i % 2) log->leave(***place);
  }
  std::vector<std::string> got;
  for (auto& record : disk.read(*log, 50)) got.emplace_back(record.payload.view());
  CHECK(got == std::vector<std::string>{"01", "03", "05", "07", "09", "11", "13", "15", "17", "19"});
}

TEST_CASE("log: segments are freed whole, and what was left comes back after a wrap of cores") {
  Disk disk;
  auto log = disk.open({.segment_bytes = 1000});
  std::vector<Place> places;
  for (int i = 0; i < 100; ++i) {
    auto place = disk.append(*log, std::string(100, 'x'));
    disk.run();
    places.push_back(***place);
  }
  auto segments = [&] { return std::ranges::count_if(disk.fs.paths(), [](auto& path) { return path.ends_with(".seg"); }); };
  CHECK(segments() > 10);
  for (auto& place : places) log->settle(place);
  disk.run();
  CHECK(segments() <= 1);  // the one that is written to
}

TEST_CASE("log: a full disk refuses and leaves nothing half; with space it goes on") {
  Disk disk;
  auto log = disk.open();
  disk.append(*log, "before");
  disk.run();
  disk.fs.room = 100;
  auto refused = disk.append(*log, std::string(200, 'x'));
  disk.run();
  REQUIRE(*refused);
  CHECK((**refused).error().code == Errc::retryable);
  CHECK(log->counts().write_failures == 1);
  disk.fs.room = 10'000;
  auto good = disk.append(*log, "after");
  disk.run();
  CHECK((**good).has_value());
  log.reset();
  log = disk.open();
  CHECK(texts(disk.read(*log)) == std::set<std::string>{"before", "after"});
  CHECK_FALSE(disk.damage.torn);
}

TEST_CASE("log: what was refused is not read back, even if it could not be taken out of the file") {
  Disk disk;
  auto log = disk.open({.newest_first = true});
  disk.fs.room = 2600;
  disk.fs.fault = [](std::string_view operation, const std::string&) { return operation == "truncate" ? EIO : 0; };
  auto kept = disk.append(*log, std::string(1000, 'a')), first = disk.append(*log, std::string(1000, 'b')), second = disk.append(*log, std::string(1000, 'c'));
  disk.run();
  REQUIRE((*kept && *first && *second));
  REQUIRE(**kept);
  CHECK_FALSE((**first || **second));  // written together; there was room for the first
  disk.fs.room.reset();
  disk.fs.fault = nullptr;
  log->leave(***kept);
  CHECK(texts(disk.read(*log)) == std::set<std::string>{std::string(1000, 'a')});
}

TEST_CASE("log: always means synced before the answer, and a failed sync is no answer") {
  Disk disk;
  auto log = disk.open({.sync = Sync::always});
  bool broken = false;
  disk.fs.fault = [&](std::string_view operation, const std::string&) { return broken && operation == "sync" ? 5 : 0; };
  auto good = disk.append(*log, "a");
  disk.run();
  CHECK((**good).has_value());
  broken = true;
  auto bad = disk.append(*log, "b");
  disk.run();
  CHECK_FALSE((**bad).has_value());
  broken = false;
  auto again = disk.append(*log, "c");
  disk.run();
  REQUIRE((**again).has_value());
  CHECK((**again)->segment != (**good)->segment);  // the first is not trusted any more
}

TEST_CASE("log: the oldest segment can be given up, and says what that cost") {
  Disk disk;
  auto log = disk.open({.segment_bytes = 500});
  for (int i = 0; i < 20; ++i) {
    auto place = disk.append(*log, std::string(100, 'x'));
    disk.run();
    if (i != 1) log->leave(***place);
  }
  std::uint64_t lost = 0;
  CHECK(log->discard_oldest([&](std::uint64_t, std::uint64_t records, std::uint64_t) { lost = records; }));
  disk.run();
  CHECK(lost == 3);  // four in a segment, one of them in somebody's hands
  CHECK(disk.read(*log).size() == 16);
}

TEST_CASE("log: damage costs the records hit, is said, and what follows is read") {
  Disk disk;
  {
    auto log = disk.open();
    for (auto text : {"first", "second", "third"}) disk.append(*log, text);
    disk.run();
  }
  disk.fs.flip_bit(disk.fs.paths()[0], 8 * (segment_head_bytes + record_head_bytes + 5 + record_head_bytes + 1));
  auto log = disk.open();
  auto records = disk.read(*log);
  CHECK(texts(records) == std::set<std::string>{"first", "third"});
  CHECK(disk.damage.broken == 1);
  for (auto& record : records) log->settle(record.place);
  disk.run();
  CHECK(disk.fs.paths().empty());
}

TEST_CASE("log: of a file that was cut what is left stays until it is settled, whatever was settled behind it") {
  Disk disk;
  Place cut;
  {
    auto log = disk.open();
    std::vector<std::shared_ptr<std::optional<Result<Place>>>> places;
    for (char c = 'a'; c < 'g'; ++c) places.push_back(disk.append(*log, std::string(1000, c)));
    disk.run();
    for (std::size_t i = 3; i < 6; ++i) log->settle(***places[i]);
    disk.run();
    cut = ***places[3];
  }
  for (auto& path : disk.fs.paths())
    if (path.ends_with(".seg")) disk.fs.cut(path, cut.offset - record_head_bytes);
  for (int process = 0; process < 2; ++process) {
    auto log = disk.open();
    CHECK(texts(disk.read(*log)) == std::set<std::string>{std::string(1000, 'a'), std::string(1000, 'b'), std::string(1000, 'c')});
    disk.run();
  }
  auto log = disk.open();
  for (auto& record : disk.read(*log)) log->settle(record.place);
  disk.run();
  CHECK(disk.fs.paths().empty());
}

TEST_CASE("log: every write failing at some time loses nothing that was answered") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Disk disk(seed);
    Rng rng(seed);
    std::set<std::string> kept;
    for (int process = 0; process < 3; ++process) {
      disk.fs.fault = nullptr;
      auto log = disk.open({.sync = static_cast<Sync>(rng.below(3)), .segment_bytes = 200 + rng.below(2000)});
      disk.fs.fault = [&](std::string_view operation, const std::string&) {
        if (!rng.chance(0.1)) return 0;
        return operation == "sync" ? 5 : 28;
      };
      std::vector<std::pair<std::string, std::shared_ptr<std::optional<Result<Place>>>>> sent;
      for (int i = 0; i < 40; ++i) {
        std::string text = fmt::format("{}-{}-{}", process, i, std::string(rng.below(300), 'y'));
        sent.emplace_back(text, disk.append(*log, text));
        if (rng.chance(0.3)) disk.simulation.advance(Duration(static_cast<std::int64_t>(rng.below(2'000'000'000))));
      }
      disk.simulation.advance(5s);
      for (auto& [text, answer] : sent) {
        REQUIRE(answer->has_value());
        if (!(**answer)) continue;
        kept.insert(text);
        if (rng.chance(0.3)) log->settle(***answer), kept.erase(text);
      }
      disk.simulation.advance(5s);
    }
    disk.fs.fault = nullptr;
    auto log = disk.open();
    auto there = texts(disk.read(*log));
    for (auto& text : kept) CHECK(there.contains(text));
  }
}

TEST_CASE("log: power cuts lose nothing that was synced, and nothing that follows a hole") {
  int cuts = std::getenv("WEIR_NIGHTLY") ? 100'000 : 2'000;
  for (int seed = 1; seed <= cuts; ++seed) {
    CAPTURE(seed);
    Disk disk(static_cast<std::uint64_t>(seed));
    Rng rng(static_cast<std::uint64_t>(seed));
    bool always = rng.chance(0.5);
    LogSettings settings{.sync = always ? Sync::always : Sync::interval, .interval = 1s, .segment_bytes = 200 + rng.below(3000)};
    std::set<std::string> kept;
    for (int process = 0; process < 2; ++process) {
      auto log = disk.open(settings);
      std::map<std::string, TimePoint> answered;
      auto& core = disk.simulation.core(0);
      for (std::uint64_t i = rng.below(12) + 1; i-- > 0;) {
        std::string text = fmt::format("{}-{}-{}", process, i, std::string(rng.below(1500), 'y'));
        log->append({{Bytes::copy_of(text)}, 1, 1}, [&answered, &core, text](Result<Place> place) {
          if (place) answered[text] = core.now();
        });
        disk.simulation.advance(Duration(static_cast<std::int64_t>(rng.below(600'000'000))));
      }
      log.reset();
      TimePoint now = core.now();
      disk.fs.cut_power(rng);
      for (auto& [text, at] : answered)
        if (always || now - at > settings.interval + 10ms) kept.insert(text);
    }
    auto log = disk.open();
    auto there = texts(disk.read(*log));
    for (auto& text : kept) REQUIRE_MESSAGE(there.contains(text), text.substr(0, 10), " is gone");
  }
}
