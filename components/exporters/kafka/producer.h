#pragma once
// The way to the brokers that all cores of an exporter share.
#include <mutex>
#include <thread>

#include "components/exporters/kafka/messages.h"
#include "components/shared/kafka/client.h"
#include "components/shared/kafka/mailbox.h"
#include "engine/component.h"

namespace weir::exporters::kafka {

using weir::kafka::Mailbox;
using Headers = std::vector<std::pair<std::string, std::string>>;

enum class Fate : std::uint8_t { taken, may_pass, final };

struct Delivery {
  std::vector<Fate> fates;  // of each message
  Error error;              // of the first that was not taken; those that may pass come first
};

// Any core may produce; a thread of its own waits for the brokers' answers. librdkafka's threads are in it, too.
class Producer {
 public:
  Producer();
  ~Producer();
  Producer(const Producer&) = delete;

  // The first call connects; others have no effect. `home`: who lets the thread end in the pool for blocking work.
  Result<> open(const Config& config, engine::Host& host, io::Executor& home);
  // `done` runs on the mailbox's core when every message has found its end.
  void produce(std::vector<Message> messages, const Headers& headers, const std::shared_ptr<Mailbox>& mailbox,
               std::move_only_function<void(Delivery)> done);

 private:
  struct Call;
  struct Slot;
  struct Client;
  static void end(Call* call);

  std::mutex mutex_;  // guards opening
  std::unique_ptr<Client> client_;
  io::Workers* workers_ = nullptr;
  io::Executor* home_ = nullptr;
};

}  // namespace weir::exporters::kafka
