#pragma once
// Joins and cuts what waits in a sending queue.
#include <deque>

#include "engine/component.h"

namespace weir::exporting {

enum class Sizer : std::uint8_t { requests, items, bytes };

struct QueueBatchSettings {
  Duration flush_timeout = 200ms;
  Sizer sizer = Sizer::items;
  std::uint64_t min_size = 8192;
  std::uint64_t max_size = 0;  // 0: no limit
  std::vector<std::string> metadata_keys;  // lower case; requests with other values for them are not joined
};

std::uint64_t size_of(const otlp::Batch& batch, Sizer sizer);

// A request that waits.
struct Waiting {
  otlp::Batch batch;
  std::uint64_t size = 0;       // what it takes of the queue until it is sent; 0 on disk: its record counts
  TimePoint since{};
  std::vector<Bytes> encoded;   // as it stands on disk, if it does as a whole
  bool on_disk = false;         // all of it is
  std::string partition;        // only requests of one partition are joined
};

// One core.
class Batcher {
 public:
  // queue_sizer: the unit of Waiting::size.
  Batcher(std::optional<QueueBatchSettings> rule, Sizer queue_sizer) : rule_(rule), queue_sizer_(queue_sizer) {}

  struct Next {
    std::optional<Waiting> request;
    TimePoint due{};  // without a request: when there will be one if nothing more comes
  };
  // For Waiting::partition.
  std::string partition_of(const otlp::Batch& batch) const;
  // The next request. With a rule: joined up to min_size and cut at max_size, and none while too little waits for too short a time.
  Next take(std::deque<Waiting>& waiting, TimePoint now, bool at_once) const;

 private:
  // Where a partition begins that has enough, or waited long enough; end: none. `due`: when the first one will have.
  std::deque<Waiting>::iterator ready(std::deque<Waiting>& waiting, TimePoint now, TimePoint& due) const;
  void cut(Waiting& request, std::deque<Waiting>& waiting) const;

  std::optional<QueueBatchSettings> rule_;
  Sizer queue_sizer_;
};

}  // namespace weir::exporting
