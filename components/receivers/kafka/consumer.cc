#include "components/receivers/kafka/consumer.h"

#include <librdkafka/rdkafka.h>

namespace weir::receivers::kafka {
namespace {

constexpr std::size_t prefetch_kbytes = 8 * 1024, record_overhead = 256;
constexpr std::size_t round_most_messages = 1000, round_most_bytes = 1024 * 1024;
constexpr Duration before_reopening = 10s;
constexpr int poll_millis = 100, waits_before_pause = 20, waits_before_deserting = 10;

// Clients that cannot be destroyed; see Consumer::desert().
struct Deserted {
  static constexpr std::size_t most = 8;
  std::mutex mutex;
  std::vector<rd_kafka_t*> clients;
};
Deserted& deserted() {
  static auto& all = *new Deserted;  // their threads go on until the process has ended
  return all;
}

struct FreeList {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, FreeList>;

Headers headers_of(const rd_kafka_message_t* message) {
  Headers out;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const char* key;
  const void* value;
  std::size_t size;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &key, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    out.emplace_back(key, std::string(static_cast<const char*>(value), value == nullptr ? 0 : size));
  return out;
}

std::size_t cost_of(const Headers& headers) {
  std::size_t out = 0;
  for (auto& [key, value] : headers) out += key.size() + value.size() + sizeof(Headers::value_type);
  return out;
}

std::uint16_t core_of(const std::string& topic, std::int32_t partition, std::size_t cores) {
  return static_cast<std::uint16_t>((std::hash<std::string>()(topic) + static_cast<std::size_t>(partition)) % cores);
}

}  // namespace

void Consumer::join(const Config& config, const engine::ReceiverContext& context, std::vector<otlp::Signal> signals, std::weak_ptr<Lane> lane) {
  std::lock_guard lock(mutex_);
  if (ends_.empty()) {
    config_ = config;
    name_ = context.id.to_string();
    host_ = &context.host;
    signals_ = std::move(signals);
    ends_.resize(context.shards);
    for (auto signal : signals_)
      for (auto& topic : config_.topics_of(signal))
        if (auto pattern = Regex::compile(topic); topic.starts_with('^') && pattern) patterns_.emplace_back(std::move(*pattern), signal);
  }
  ends_[context.shard].mailbox = std::make_shared<weir::kafka::Mailbox>(context.executor);  // shared with tasks that the thread posts
  ends_[context.shard].lane = std::move(lane);
  if (++joined_ == ends_.size() && !stopping_) thread_ = std::thread([this] { run(); });
}

void Consumer::leave(std::uint16_t core, io::Task done) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  bool nothing_runs = ended_ || joined_ < ends_.size() || ends_.empty();
  if (!nothing_runs) {
    ends_[core].left = std::move(done);
    return;
  }
  if (core < ends_.size() && ends_[core].mailbox) ends_[core].mailbox->close();
  lock.unlock();
  done();
}

// After leave() has called back the thread is about to return; otherwise leaving the group takes a while.
Consumer::~Consumer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

otlp::Signal Consumer::signal_of(const std::string& topic) const {
  for (auto signal : signals_)
    for (auto& name : config_.topics_of(signal))
      if (name == topic) return signal;
  for (auto& [pattern, signal] : patterns_)
    if (pattern.matches(topic)) return signal;
  return signals_.front();
}

// --- the thread

void Consumer::run() {
  prefetch_ = host_->budget().charge_unchecked(prefetch_kbytes * 1024);
  for (;;) {
    auto opened = open();
    if (opened) poll();
    else log::error("kafka: reading cannot begin", {{"receiver", name_}, {"error", opened.error().what}});
    close();
    std::unique_lock lock(mutex_);
    if (wait_until(lock, before_reopening, [this] { return stopping_; })) break;
  }
  prefetch_.release();
  std::lock_guard lock(mutex_);
  ended_ = true;
  for (End& end : ends_) {
    if (end.left) end.mailbox->post(std::move(end.left));
    end.mailbox->close();
  }
}

Result<> Consumer::open() {
  {
    std::lock_guard lock(deserted().mutex);
    if (deserted().clients.size() >= Deserted::most) return fail(Errc::permanent, "{} clients in turn got no partitions: start this process anew", Deserted::most);
  }
  auto properties = config_.properties();
  properties.emplace_back("queued.max.messages.kbytes", std::to_string(prefetch_kbytes));
  WEIR_ASSIGN(auto conf, weir::kafka::make_conf(properties));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions, void* self) {
    static_cast<Consumer*>(self)->rebalance(error, partitions);
  });
  WEIR_ASSIGN(auto* client, weir::kafka::make_client(weir::kafka::Role::consumer, std::move(conf)));
  {
    std::lock_guard lock(mutex_);
    client_ = client;
  }
  assigned_ = false;
  rd_kafka_poll_set_consumer(client_);
  List topics(rd_kafka_topic_partition_list_new(4));
  for (auto signal : signals_)
    for (auto& topic : config_.topics_of(signal)) rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (auto error = rd_kafka_subscribe(client_, topics.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(Errc::retryable, "subscribing: {}", rd_kafka_err2str(error));
  return {};
}

void Consumer::close() {
  if (client_ == nullptr) return;
  {
    std::unique_lock lock(mutex_);
    wait_until(lock, patience_at_end, [this] { return messages_ == 0; });
  }
  if (held_ != nullptr) rd_kafka_message_destroy(std::exchange(held_, nullptr));
  if (desert()) return;
  rd_kafka_consumer_close(client_);  // gives the partitions back: see revoke()
  std::unique_lock lock(mutex_);
  auto* client = std::exchange(client_, nullptr);
  for (auto& [key, partition] : partitions_) partition->gone = true;
  partitions_.clear();
  lock.unlock();
  rd_kafka_destroy(client);
}

// librdkafka 2.0 aborts the process when a client that has joined its group is destroyed before its first assignment (the state of the
// sticky assignor is not there yet). Such a client leaves the group, and then stays as it is. True: it is one of those.
bool Consumer::desert() {
  auto served = [this] {
    if (auto* message = rd_kafka_consumer_poll(client_, poll_millis)) rd_kafka_message_destroy(message);
  };
  for (int waits = 0; !assigned_ && waits < waits_before_deserting; ++waits) served();
  if (assigned_) return false;
  rd_kafka_unsubscribe(client_);
  served();
  auto& others = deserted();
  std::lock_guard lock(others.mutex);
  std::lock_guard own(mutex_);
  others.clients.push_back(std::exchange(client_, nullptr));
  partitions_.clear();
  return true;
}

bool Consumer::wait_until(std::unique_lock<std::mutex>& lock, Duration most, const std::function<bool()>& condition) {
  return changed_.wait_for(lock, most, condition);
}

void Consumer::poll() {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (char why[256]; rd_kafka_fatal_error(client_, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      log::error("kafka: the client has failed for good and is made anew", {{"receiver", name_}, {"error", why}});
      return;
    }
    wait_for_room();
    if (held_ != nullptr && room_for(held_->len)) read(std::exchange(held_, nullptr));
    int wait = poll_millis;
    while (held_ == nullptr && round_messages_ < round_most_messages && round_bytes_ < round_most_bytes) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, wait);
      if (message == nullptr) break;
      if (paused_ || !room_for(message->len)) {
        held_ = message;
        break;
      }
      read(message);
      wait = 0;
    }
    hand_over();
  }
}

bool Consumer::room_for(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  bool here = (bytes_ + round_bytes_ + bytes <= most_bytes && messages_ + round_messages_ < most_messages) || messages_ + round_messages_ == 0;
  return here && host_->budget().room() > bytes + record_overhead;
}

// Waits a little; then stops reading ahead, but stays a member of the group.
void Consumer::wait_for_room() {
  std::size_t wanted = held_ == nullptr ? 0 : held_->len;
  for (int waits = 0; !room_for(wanted); ++waits) {
    if (paused_ || waits > waits_before_pause) {
      if (!paused_) pause(true);
      if (held_ == nullptr) held_ = rd_kafka_consumer_poll(client_, poll_millis);
      else {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(poll_millis));
      }
      return;
    }
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    changed_.wait_for(lock, std::chrono::milliseconds(poll_millis));
  }
  if (paused_) pause(false);
}

void Consumer::pause(bool paused) {
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(client_, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  List owned(list);
  if (paused) rd_kafka_pause_partitions(client_, list);
  else rd_kafka_resume_partitions(client_, list);
  paused_ = paused;
}

// The message finds its end here or in what is handed over.
void Consumer::read(rd_kafka_message_t* message) {
  std::unique_ptr<rd_kafka_message_t, void (*)(rd_kafka_message_t*)> owned(message, rd_kafka_message_destroy);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    long long more = 0;
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF && lines_.allow(more))
      log::warn("kafka: reading failed", {{"receiver", name_}, {"error", rd_kafka_message_errstr(message)}, {"suppressed", more}});
    return;
  }
  std::string topic = rd_kafka_topic_name(message->rkt);
  std::lock_guard lock(mutex_);
  auto at = partitions_.find({topic, message->partition});
  if (at == partitions_.end()) return;  // given back meanwhile
  Partition& partition = *at->second;
  Record record{.offset = message->offset, .headers = headers_of(message)};
  auto charge = host_->budget().charge_unchecked(message->len + record_overhead + cost_of(record.headers));
  record.value = Bytes::copy_of({static_cast<const char*>(message->payload), message->len}).charged(std::move(charge));
  partition.offsets.read(message->offset);
  partition.messages->add();
  partition.current_offset->set(static_cast<double>(message->offset));
  Delivery& delivery = round_[&partition];
  delivery.partition = at->second;
  delivery.records.push_back(std::move(record));
  round_bytes_ += message->len;
  ++round_messages_;
}

void Consumer::hand_over() {
  if (round_.empty()) return;
  bool before = config_.message_marking.after == false;
  std::unique_lock lock(mutex_);
  bytes_ += std::exchange(round_bytes_, 0);
  messages_ += std::exchange(round_messages_, 0);
  for (auto& [key, delivery] : std::exchange(round_, {})) {
    Partition& partition = *delivery.partition;
    std::int64_t low = 0, high = 0;
    if (rd_kafka_get_watermark_offsets(client_, partition.topic.c_str(), partition.number, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR)
      partition.lag->set(static_cast<double>(std::max<std::int64_t>(0, high - delivery.records.back().offset - 1)));
    if (before) {
      std::optional<std::int64_t> next;
      for (auto& record : delivery.records) next = std::max(next, partition.offsets.settle(record.offset));
      if (next) store(partition, *next);
    }
    End& end = ends_[partition.core];
    end.mailbox->post([lane = end.lane, delivery = std::move(delivery)]() mutable {
      if (auto alive = lane.lock()) alive->take(std::move(delivery));
    });
  }
}

// --- from the cores

void Consumer::settle(Partition& partition, std::span<const Record> records) {
  std::lock_guard lock(mutex_);
  std::optional<std::int64_t> next;
  for (auto& record : records) {
    next = std::max(next, partition.offsets.settle(record.offset));
    bytes_ -= std::min(bytes_, record.value.size());
  }
  messages_ -= std::min(messages_, records.size());
  if (next) store(partition, *next);
  changed_.notify_all();
}

void Consumer::abandon(Partition&, std::span<const Record> records) {
  std::lock_guard lock(mutex_);
  for (auto& record : records) bytes_ -= std::min(bytes_, record.value.size());
  messages_ -= std::min(messages_, records.size());
  changed_.notify_all();
}

// With mutex_ held.
void Consumer::store(const Partition& partition, std::int64_t offset) {
  if (partition.gone || client_ == nullptr) return;
  List list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)->offset = offset;
  rd_kafka_offsets_store(client_, list.get());
  if (!config_.autocommit.enable) rd_kafka_commit(client_, list.get(), 1);
}

// --- who has which partition

void Consumer::rebalance(int error, rd_kafka_topic_partition_list_t* partitions) {
  const char* protocol = rd_kafka_rebalance_protocol(client_);
  bool cooperative = protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
  rd_kafka_error_t* failed = nullptr;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned_ = true;
    assign(*partitions);
    if (cooperative) failed = rd_kafka_incremental_assign(client_, partitions);
    else code = rd_kafka_assign(client_, partitions);
    if (paused_) pause(true);
  } else {
    revoke(*partitions);
    if (cooperative && error == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) failed = rd_kafka_incremental_unassign(client_, partitions);
    else code = rd_kafka_assign(client_, nullptr);
  }
  std::string what = failed != nullptr ? rd_kafka_error_string(failed) : code != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(code) : "";
  if (failed != nullptr) rd_kafka_error_destroy(failed);
  if (!what.empty()) log::warn("kafka: a change of partitions failed", {{"receiver", name_}, {"error", what}});
}

void Consumer::assign(const rd_kafka_topic_partition_list_t& list) {
  auto& metrics = host_->metrics();
  std::lock_guard lock(mutex_);
  for (int i = 0; i < list.cnt; ++i) {
    auto partition = std::make_shared<Partition>();  // shared with what is under way
    partition->topic = list.elems[i].topic;
    partition->number = list.elems[i].partition;
    partition->signal = signal_of(partition->topic);
    partition->core = core_of(partition->topic, partition->number, ends_.size());
    telemetry::Labels labels{{"name", name_}, {"partition", std::to_string(partition->number)}, {"topic", partition->topic}};
    partition->messages = &metrics.counter("otelcol_kafka_receiver_messages", "Number of received messages", labels);
    partition->current_offset = &metrics.gauge("otelcol_kafka_receiver_current_offset", "Current message offset", labels);
    partition->lag = &metrics.gauge("otelcol_kafka_receiver_offset_lag", "Current offset lag", labels);
    metrics.counter("otelcol_kafka_receiver_partition_start", "Number of started partitions", {{"name", name_}}).add();
    log::info("kafka: partition taken", {{"receiver", name_}, {"topic", partition->topic}, {"partition", partition->number}});
    partitions_[{partition->topic, partition->number}] = std::move(partition);
  }
}

// What is under way has a little time to be settled, so that the next member does not read it again.
void Consumer::revoke(const rd_kafka_topic_partition_list_t& list) {
  hand_over();
  auto& closed = host_->metrics().counter("otelcol_kafka_receiver_partition_close", "Number of finished partitions", {{"name", name_}});
  std::unique_lock lock(mutex_);
  std::vector<std::shared_ptr<Partition>> leaving;
  for (int i = 0; i < list.cnt; ++i)
    if (auto at = partitions_.find({list.elems[i].topic, list.elems[i].partition}); at != partitions_.end()) leaving.push_back(at->second);
  bool lost = rd_kafka_assignment_lost(client_) != 0;
  if (!lost) wait_until(lock, patience_at_revocation, [&] { return std::ranges::all_of(leaving, [](auto& p) { return p->offsets.all_settled(); }); });
  for (auto& partition : leaving) {
    partition->gone = true;
    partitions_.erase({partition->topic, partition->number});
    closed.add();
    log::info("kafka: partition given back", {{"receiver", name_}, {"topic", partition->topic}, {"partition", partition->number}, {"unsettled", partition->offsets.open()}});
  }
}

}  // namespace weir::receivers::kafka
