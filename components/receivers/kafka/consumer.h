#pragma once
// One member of a consumer group for the whole process. Its thread reads messages and hands those of a partition to the core that the
// partition belongs to.
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/regex.h"
#include "components/receivers/kafka/config.h"
#include "components/receivers/kafka/offsets.h"
#include "components/shared/kafka/client.h"
#include "components/shared/kafka/mailbox.h"
#include "engine/component.h"

struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;

namespace weir::receivers::kafka {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Record {
  Bytes value;  // charged
  std::int64_t offset = 0;
  Headers headers;
};

// A partition for as long as this member has it. What the core looks at does not change.
struct Partition {
  std::string topic;
  std::int32_t number = 0;
  otlp::Signal signal{};
  std::uint16_t core = 0;
  std::atomic<bool> gone{false};  // given back: nothing of it needs to be tried again
  Offsets offsets;                // guarded by the consumer's mutex
  telemetry::Counter* messages = nullptr;
  telemetry::Gauge *current_offset = nullptr, *lag = nullptr;
};

struct Delivery {
  std::shared_ptr<Partition> partition;  // shared with the consumer and what is under way
  std::vector<Record> records;
};

// One core's end. Called on that core.
class Lane {
 public:
  virtual ~Lane() = default;
  virtual void take(Delivery delivery) = 0;
};

class Consumer {
 public:
  Consumer() = default;
  ~Consumer();
  Consumer(const Consumer&) = delete;

  // Each core joins; with the last one reading begins. `signals`: which the pipelines take.
  void join(const Config& config, const engine::ReceiverContext& context, std::vector<otlp::Signal> signals, std::weak_ptr<Lane> lane);
  // Ends reading for all cores; `done` runs on this core when what was under way is settled or has had its time, and the group is left.
  void leave(std::uint16_t core, io::Task done);

  // From any core: these messages have found their end, or nobody takes care of them any more, so that they will be read again.
  void settle(Partition& partition, std::span<const Record> records);
  void abandon(Partition& partition, std::span<const Record> records);

 private:
  // Between the cores and the thread: bytes and messages under way.
  static constexpr std::size_t most_bytes = 32 * 1024 * 1024, most_messages = 50'000;
  static constexpr Duration patience_at_end = 10s, patience_at_revocation = 3s;

  struct End {
    std::shared_ptr<weir::kafka::Mailbox> mailbox;
    std::weak_ptr<Lane> lane;
    io::Task left;
  };
  using Key = std::pair<std::string, std::int32_t>;

  void run();
  Result<> open();
  void close();
  bool desert();
  void poll();
  bool room_for(std::size_t bytes);
  void wait_for_room();
  void read(rd_kafka_message_s* message);
  void hand_over();
  void rebalance(int error, rd_kafka_topic_partition_list_s* partitions);
  void assign(const rd_kafka_topic_partition_list_s& partitions);
  void revoke(const rd_kafka_topic_partition_list_s& partitions);
  void store(const Partition& partition, std::int64_t offset);
  void pause(bool paused);
  otlp::Signal signal_of(const std::string& topic) const;
  bool wait_until(std::unique_lock<std::mutex>& lock, Duration most, const std::function<bool()>& condition);

  Config config_;
  std::string name_;
  engine::Host* host_ = nullptr;
  std::vector<otlp::Signal> signals_;
  std::vector<std::pair<Regex, otlp::Signal>> patterns_;

  std::mutex mutex_;  // guards what cores and the thread share: down to changed_
  std::vector<End> ends_;
  std::size_t joined_ = 0, bytes_ = 0, messages_ = 0;
  bool stopping_ = false, ended_ = false;
  std::map<Key, std::shared_ptr<Partition>> partitions_;
  rd_kafka_s* client_ = nullptr;  // null: closed. Changed by the thread only
  std::condition_variable changed_;

  std::thread thread_;  // all below is its own
  bool paused_ = false;
  bool assigned_ = false;  // this client has had an assignment, if an empty one
  rd_kafka_message_s* held_ = nullptr;  // read, and no room yet
  std::map<Partition*, Delivery> round_;
  std::size_t round_bytes_ = 0, round_messages_ = 0;
  log::RateLimit lines_;
  Charge prefetch_;  // what librdkafka reads ahead
};

}  // namespace weir::receivers::kafka
