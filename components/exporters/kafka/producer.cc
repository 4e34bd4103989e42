#include "components/exporters/kafka/producer.h"

#include <librdkafka/rdkafka.h>

#include "io/workers.h"

namespace weir::exporters::kafka {

struct Producer::Slot {
  Call* call;
  std::uint32_t index;
};

// Owned by the last message that finds its end.
struct Producer::Call {
  std::vector<Message> messages;  // librdkafka has pointers into them
  std::vector<Slot> slots;
  std::vector<rd_kafka_resp_err_t> errors;
  std::atomic<std::size_t> open{0};
  std::shared_ptr<Mailbox> mailbox;  // shared with the core's exporter
  std::move_only_function<void(Delivery)> done;
};

struct Producer::Client {
  rd_kafka_t* handle = nullptr;
  std::atomic<bool> ending{false};
  std::thread thread;
  std::atomic<std::uint32_t> turn{0};  // round robin

  void run() {
    while (!ending.load(std::memory_order_relaxed)) rd_kafka_poll(handle, 100);
    rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (int i = 0; i < 50 && rd_kafka_outq_len(handle) > 0; ++i) rd_kafka_poll(handle, 20);
    rd_kafka_destroy(handle);
  }
};

namespace {

// What another attempt of the same message cannot change.
bool is_final(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return true;
    default: return false;
  }
}

std::int32_t next_partition(const rd_kafka_topic_t*, const void*, std::size_t, std::int32_t count, void* turn, void*) {
  auto& counter = *static_cast<std::atomic<std::uint32_t>*>(turn);
  return static_cast<std::int32_t>(counter.fetch_add(1, std::memory_order_relaxed) % static_cast<std::uint32_t>(count));
}

rd_kafka_headers_t* make_headers(const Headers& headers) {
  if (headers.empty()) return nullptr;
  rd_kafka_headers_t* out = rd_kafka_headers_new(headers.size());
  for (auto& [key, value] : headers)
    rd_kafka_header_add(out, key.data(), static_cast<ssize_t>(key.size()), value.data(), static_cast<ssize_t>(value.size()));
  return out;
}

}  // namespace

Result<> Producer::open(const Config& config, engine::Host& host, io::Executor& home) {
  std::lock_guard lock(mutex_);
  if (client_) return {};
  workers_ = &host.workers();
  home_ = &home;
  WEIR_ASSIGN(auto conf, weir::kafka::make_conf(config.properties()));
  auto client = std::make_unique<Client>();
  rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    auto* slot = static_cast<Slot*>(message->_private);
    slot->call->errors[slot->index] = message->err;
    if (slot->call->open.fetch_sub(1) == 1) end(slot->call);
  });
  if (config.record_partitioner.round_robin) {
    rd_kafka_topic_conf_t* topics = rd_kafka_conf_get_default_topic_conf(conf.get());
    rd_kafka_topic_conf_set_partitioner_cb(topics, next_partition);
    rd_kafka_topic_conf_set_opaque(topics, &client->turn);
  }
  WEIR_ASSIGN(client->handle, weir::kafka::make_client(weir::kafka::Role::producer, std::move(conf)));
  client_ = std::move(client);
  client_->thread = std::thread([client = client_.get()] { client->run(); });
  return {};
}

Producer::Producer() = default;

// Ending takes a while: the connections' threads have to end, too.
Producer::~Producer() {
  if (!client_) return;
  client_->ending = true;
  auto wait = [client = std::shared_ptr<Client>(std::move(client_))] { client->thread.join(); };  // shared: a refused job is run here
  if (!workers_->submit(io::Workers::Priority::background, *home_, wait, [] {})) wait();
}

void Producer::end(Call* call) {
  auto owned = std::unique_ptr<Call>(call);
  Mailbox& mailbox = *owned->mailbox;
  auto alive = owned->mailbox;
  mailbox.post([owned = std::move(owned)] {
    Delivery delivery;
    bool may_pass = false;
    for (auto error : owned->errors) {
      Fate fate = error == RD_KAFKA_RESP_ERR_NO_ERROR ? Fate::taken : is_final(error) ? Fate::final : Fate::may_pass;
      if (fate != Fate::taken && (delivery.error.what.empty() || (fate == Fate::may_pass && !may_pass)))
        delivery.error = {fate == Fate::final ? Errc::permanent : Errc::retryable, rd_kafka_err2str(error), {}};
      may_pass = may_pass || fate == Fate::may_pass;
      delivery.fates.push_back(fate);
    }
    owned->done(std::move(delivery));
  });
}

void Producer::produce(std::vector<Message> messages, const Headers& headers, const std::shared_ptr<Mailbox>& mailbox,
                       std::move_only_function<void(Delivery)> done) {
  auto* call = new Call;  // owned by its messages from here on, by end() once they are through
  call->messages = std::move(messages);
  std::size_t n = call->messages.size();
  call->errors.assign(n, RD_KAFKA_RESP_ERR_NO_ERROR);
  call->mailbox = mailbox;
  call->done = std::move(done);
  call->open = n + 1;  // one for this loop
  for (std::uint32_t i = 0; i < n; ++i) call->slots.push_back({call, i});
  for (std::uint32_t i = 0; i < n; ++i) {
    Message& message = call->messages[i];
    rd_kafka_headers_t* own_headers = make_headers(headers);
    void* key = message.key ? message.key->data() : nullptr;
    void* value = const_cast<char*>(message.value.data());  // librdkafka does not write to it
    std::size_t key_size = message.key ? message.key->size() : 0, value_size = message.value.size();
    auto error = rd_kafka_producev(client_->handle, RD_KAFKA_V_TOPIC(message.topic.c_str()), RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(value, value_size),
                                   RD_KAFKA_V_HEADERS(own_headers), RD_KAFKA_V_OPAQUE(&call->slots[i]), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (own_headers != nullptr) rd_kafka_headers_destroy(own_headers);
    call->errors[i] = error;
    call->open.fetch_sub(1);
  }
  if (call->open.fetch_sub(1) == 1) end(call);
}

}  // namespace weir::exporters::kafka
