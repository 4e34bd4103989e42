#pragma once
// What a stage that holds data for a while keeps on disk meanwhile.
#include <list>

#include "components/shared/exporting/disk_queue.h"
#include "components/shared/holding/record.h"
#include "engine/disk_wait.h"
#include "engine/out.h"

namespace weir::holding {

// For Log::on_damage: says `what` in the log and counts the records.
std::function<void(const std::string& file, const storage::Skipped&)> say_damage(const engine::StageContext& context, std::string_view what);

// One core's part; all cores of a stage share a directory. For stages keyed by trace that let go of items in about the order in which they came.
//
// put() writes a batch; when it is written its senders are answered and the stage gets it, as one run of bytes that it may read from the file
// again for as long as it did not say that they left it. left_before() says that everything that the stage got
// before a time has left it: pushed on with a receipt of leaving(), or dropped; it does so in each tick(), for which it is woken. Records are settled when those receipts are. What was not settled when the
// process ended comes again after the next start, on the cores that own it then.
class HoldLog {
 public:
  struct Arrival {
    bool answered = false;   // nobody can be told any more
    bool recovered = false;  // put() by another process
    Record record;
  };
  // Gets batches without receipts.
  using Take = std::function<void(otlp::Batch batch, Arrival arrival)>;

  // Null when there is no data directory.
  static Result<std::unique_ptr<HoldLog>> open(const engine::StageContext& context, Take take);
  ~HoldLog();

  // From start(): what is left from before begins to come.
  void start(engine::Out& out);
  // `room`: charged ahead for what the stage makes of it.
  void put(otlp::Batch batch, Charge room = {});
  void left_before(TimePoint when);
  // A record that could not be read back comes again after the next start.
  void leave_on_disk(std::uint64_t record);
  // For a batch that leaves the stage.
  Receipt leaving();

  // Items that are being written.
  std::size_t held() const;
  const std::string& directory() const { return files_->directory(); }
  void flush() { log_.flush(); }
  bool idle() const { return writing_.empty() && held_.empty() && gone_.empty() && log_.idle(); }
  // The stage drains: what those behind do not take any more stays on disk.
  void drain() { draining_ = true; }
  // The process ends: what was not settled stays on disk.
  void abandon();

 private:
  // The same stage on all cores.
  struct Peers;
  struct Held {
    TimePoint since;
    std::uint64_t number;
    std::vector<Receipt> records;
  };
  struct Writing {
    otlp::Batch batch;  // its receipts: taken apart it may be hundreds of times larger than the bytes that are written
    Bytes body;         // its content
    std::size_t items;
    Charge room;
    engine::OnItsWay on_its_way;
  };
  using Entry = std::list<Writing>::iterator;
  struct Gone {
    std::uint64_t after;  // leaving() of so many batches must be settled first
    std::vector<Receipt> records;
  };

  HoldLog(const engine::StageContext& context, std::shared_ptr<storage::LogFiles> files, Take take);
  void written(Entry entry, Result<storage::Place> place);
  otlp::Batch whole(Writing& entry) const;
  void take(otlp::Batch batch, Arrival arrival, std::vector<Receipt> records);
  std::shared_ptr<const std::string> file_of(storage::Place place);
  Receipt record(storage::Place place);
  void recover();
  void route(otlp::Batch batch, const Record& record);
  void take_recovered(otlp::Batch batch, Record record);
  void settle_gone();

  engine::StageContext context_;
  Take take_;
  engine::Out* out_ = nullptr;
  std::shared_ptr<Peers> peers_;  // by all cores of this stage
  std::shared_ptr<storage::LogFiles> files_;  // by all cores of this stage
  const Bytes facts_;  // in front of each body
  storage::Log log_;
  std::list<Writing> writing_;
  std::shared_ptr<engine::DiskWait> disk_wait_;  // shared by the process
  std::deque<Held> held_;         // by time and number
  std::uint64_t next_number_ = 1;
  std::uint64_t file_segment_ = 0;           // the segment of file_
  std::shared_ptr<const std::string> file_;  // the latest file_of()
  std::deque<Gone> gone_;
  std::uint64_t left_ = 0, first_open_ = 0;  // batches that left; the first one whose receipt is open
  std::deque<bool> settled_;                 // from first_open_ on
  io::TimerId timer_ = 0;
  bool draining_ = false, abandoned_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // receipts and posted batches look whether this is still there
};

}  // namespace weir::holding
