#pragma once
// The network side of an exporter: one attempt to send, and what came of it.
#include "base/partial_success.h"
#include "engine/component.h"

namespace weir::exporting {

// One request on its way out.
struct Payload {
  std::vector<Bytes> pieces;  // sent one after another
  engine::Signal signal{};
  std::size_t items = 0;
  std::shared_ptr<const otlp::Context> context;  // shared with the batch
};

// What came of an attempt. Errc::retryable / refused (with retry_after when the backend named one) is tried again, every other code is
// final.
struct Sent {
  Outcome error;                    // none: the backend has all of it
  std::optional<otlp::Batch> left;  // with an error that is about a part: only this was not taken. Without receipts
  std::size_t rejected = 0;         // items that the backend threw away though it said OK
  std::string message;              // what it said beside the OK

  Sent() = default;
  Sent(Outcome outcome) : error(std::move(outcome)) {}
  explicit Sent(PartialSuccess partial) : rejected(partial.rejected), message(std::move(partial.message)) {}
  Sent(Error failure) : error(std::move(failure)) {}
  Sent(Error failure, otlp::Batch rest) : error(std::move(failure)), left(std::move(rest)) {}
};

// The seam between queueing and the network: simulations put a faulty one here.
class Sender {
 public:
  using Done = std::move_only_function<void(Sent)>;
  virtual ~Sender() = default;
  virtual Result<> start() { return {}; }
  // How a batch becomes bytes. Default: protobuf.
  virtual std::vector<Bytes> encode(otlp::Batch& batch) { return batch.encode(); }
  // True when encode() gives OTLP protobuf: what a queue on disk has already is then sent as it is. Others take every batch apart.
  virtual bool sends_protobuf() const { return false; }
  // `done` runs once, on this core, also after a time-out, but not after the sender is gone. timeout 0: none.
  virtual void send(Payload payload, Duration timeout, Done done) = 0;
  // The same for senders that need to look at the batch, to send it in parts or to say which part is left. The batch stays where it
  // is until `done` has run or the sender is gone.
  virtual void send(otlp::Batch& batch, Duration timeout, Done done) {
    send({encode(batch), batch.signal(), batch.items(), batch.context}, timeout, std::move(done));
  }
};

}  // namespace weir::exporting
