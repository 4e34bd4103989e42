#pragma once
// Decisions on disk, so that late spans follow them in the next process as well.
#include "components/shared/decisions/decisions.h"
#include "engine/out.h"
#include "storage/log.h"

namespace weir::processors::tail_sampling {

// One core's part; all cores of a stage share a directory. Decisions are written a moment after they were made, together: a crash loses
// those of the last moment, and their traces are decided again. As many are kept as the stage remembers; older ones go.
// What cannot be written is not remembered over a restart, and counted.
class DecisionLog {
 public:
  // Hears what an earlier process decided on traces that this core owns now, oldest first.
  using Recall = std::function<void(std::span<const decisions::Decision> decisions, Duration age)>;

  static Result<std::unique_ptr<DecisionLog>> open(const engine::StageContext& context, const std::string& directory, std::size_t remembered, Recall recall);
  ~DecisionLog();

  // From start() of the stage: what is left from before begins to come.
  void start();
  void add(std::span<const decisions::Decision> made);
  // Writes what is left to be written soon.
  void flush();
  bool idle() const { return fresh_.empty() && writing_ == 0 && log_.idle(); }

 private:
  // The same stage on all cores.
  struct Peers;
  struct Kept {
    storage::Place place;
    std::size_t decisions;
  };

  DecisionLog(const engine::StageContext& context, std::shared_ptr<storage::LogFiles> files, std::size_t remembered, Recall recall);
  void write();
  void recover();
  void take_up(const storage::ReadRecord& record);
  void recalled(std::span<const decisions::Decision> made, Duration age, Receipt record);
  void keep(storage::Place place, std::size_t decisions);

  engine::StageContext context_;
  const std::size_t remembered_;
  Recall recall_;
  telemetry::Counter& lost_;
  std::shared_ptr<Peers> peers_;  // by all cores of this stage
  storage::Log log_;
  std::vector<decisions::Decision> fresh_;  // to be written
  std::vector<Receipt> replaced_;           // of records whose decisions are in fresh_
  std::deque<Kept> kept_;                   // oldest first
  std::size_t kept_decisions_ = 0, writing_ = 0;
  io::TimerId write_timer_ = 0, read_timer_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // receipts and posted decisions look whether this is still there
};

// The bytes of a record, for tests.
std::string encode_decisions(std::span<const decisions::Decision> made);
// Nothing when they are not whole.
std::vector<decisions::Decision> decode_decisions(std::string_view bytes);

}  // namespace weir::processors::tail_sampling
