#pragma once
// What a stage that holds data for a while keeps on disk meanwhile.
#include <list>

#include "components/shared/exporting/disk_queue.h"
#include "engine/disk_wait.h"
#include "engine/out.h"

namespace weir::holding {

// One core's part; all cores of a stage share a directory. For stages keyed by trace that let go of items in about the order in which they came.
//
// put() writes a batch; when it is written its senders are answered and the stage gets it. left_before() says that everything that the stage got
// before a time has left it: pushed on with a receipt of leaving(), or dropped; it does so in each tick(), for which it is woken. Records are settled when those receipts are. What was not settled when the
// process ended comes again after the next start, on the cores that own it then.
class HoldLog {
 public:
  // Gets batches without receipts. `answered`: nobody can be told any more. `recovered`: put() by another process.
  using Take = std::function<void(otlp::Batch batch, bool answered, bool recovered)>;

  // Null when there is no data directory.
  static Result<std::unique_ptr<HoldLog>> open(const engine::StageContext& context, Take take);
  ~HoldLog();

  // From start(): what is left from before begins to come.
  void start(engine::Out& out);
  // `room`: charged ahead for what the stage makes of it.
  void put(otlp::Batch batch, Charge room = {});
  void left_before(TimePoint when);
  // For a batch that leaves the stage.
  Receipt leaving();

  // Items that are being written.
  std::size_t held() const;
  const std::string& directory() const { return files_->directory(); }
  void flush() { log_.flush(); }
  bool idle() const { return writing_.empty() && held_.empty() && gone_.empty() && log_.idle(); }
  // The process ends: what was not settled stays on disk.
  void abandon();

 private:
  // The same stage on all cores.
  struct Peers;
  struct Held {
    TimePoint since;
    std::vector<Receipt> records;
  };
  struct Writing {
    otlp::Batch batch;
    std::vector<Bytes> pieces;  // not empty: the batch's content, which is not taken apart meanwhile
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
  void take(otlp::Batch batch, bool answered, bool recovered, std::vector<Receipt> records);
  Receipt record(storage::Place place);
  void recover();
  void route(otlp::Batch batch);
  void take_recovered(otlp::Batch batch);
  void settle_gone();

  engine::StageContext context_;
  Take take_;
  engine::Out* out_ = nullptr;
  std::shared_ptr<Peers> peers_;  // by all cores of this stage
  std::shared_ptr<storage::LogFiles> files_;  // by all cores of this stage
  storage::Log log_;
  std::list<Writing> writing_;
  std::shared_ptr<engine::DiskWait> disk_wait_;  // shared by the process
  std::deque<Held> held_;         // by time
  std::deque<Gone> gone_;
  std::uint64_t left_ = 0, first_open_ = 0;  // batches that left; the first one whose receipt is open
  std::deque<bool> settled_;                 // from first_open_ on
  io::TimerId timer_ = 0;
  bool abandoned_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // receipts and posted batches look whether this is still there
};

}  // namespace weir::holding
