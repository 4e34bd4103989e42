#pragma once
// Who sends first when a reload replaces an exporter whose queue keeps an order.
#include <memory>
#include <mutex>
#include <set>

namespace weir::exporting {

// The queues of one exporter to one backend, on all cores, those of an older plan in front. Any core.
class Line {
 public:
  // One life of the exporter: its cores have one number.
  std::uint64_t next_number() {
    std::lock_guard lock(mutex_);
    return ++last_;
  }
  void join(std::uint64_t number) {
    std::lock_guard lock(mutex_);
    queues_.insert(number);
  }
  void leave(std::uint64_t number) {
    std::lock_guard lock(mutex_);
    queues_.erase(queues_.find(number));
  }
  // Whether an older one is still there.
  bool is_behind(std::uint64_t number) const {
    std::lock_guard lock(mutex_);
    return *queues_.begin() < number;
  }

 private:
  mutable std::mutex mutex_;  // guards both; asked for each batch of exporters that keep an order
  std::multiset<std::uint64_t> queues_;  // one entry for each core
  std::uint64_t last_ = 0;
};

// A queue's place in it, for as long as it exists.
class Turn {
 public:
  Turn(std::shared_ptr<Line> line, std::uint64_t number) : line_(std::move(line)), number_(number) { line_->join(number_); }
  ~Turn() { line_->leave(number_); }
  Turn(const Turn&) = delete;

  // Once false it stays so.
  bool is_behind() {
    behind_ = behind_ && line_->is_behind(number_);
    return behind_;
  }

 private:
  std::shared_ptr<Line> line_;  // shared by all cores and lives
  std::uint64_t number_;
  bool behind_ = true;
};

}  // namespace weir::exporting
