#pragma once
// One request on its way in, whatever the protocol: checks of its head, the charge for its body, decompression.
#include "net/incoming_call.h"
#include "net/inflow.h"
#include "net/server.h"
#include "net/stream.h"

namespace weir::net {

// What a protocol needs from the connection it runs on.
struct ProtocolHost {
  ProtocolHost(const ServerSettings& s, Budget& b, Handler& h, ServerStats& t, const Clock& c, OutQueue& o)
      : settings(s), budget(b), handler(h), stats(t), clock(c), out(o) {}

  const ServerSettings& settings;
  Budget& budget;
  Handler& handler;
  ServerStats& stats;
  const Clock& clock;
  OutQueue& out;
  Bytes peer;
  bool body_was_too_large = false;  // its sender may read our answer only when it has sent all of it

  virtual Responder responder(std::int32_t stream) = 0;
  // The value of a Date header.
  virtual std::string_view date() = 0;

 protected:
  ~ProtocolHost() = default;
};

// A body that grows as it comes. The memory is charged before it is filled: in steps, so that announcing much and
// sending little does not hold room that others could use.
class BodyBuffer {
 public:
  explicit BodyBuffer(Budget& budget) : charge_(budget.empty_charge()) {}

  // The body will have exactly `size` bytes.
  void announce(std::size_t size);
  // `refused` when the budget has no room.
  Result<> append(std::string_view bytes);
  // How many bytes fill() may take at most now, when `waiting` bytes are there to be read; 0 when the budget has no room.
  std::size_t room(std::size_t waiting);
  // `read(char*, room)` puts bytes there and returns how many.
  template <class Read>
  void fill(std::size_t room, Read read) {
    std::size_t before = text_.size();
    text_.resize_and_overwrite(before + room, [&](char* data, std::size_t) { return before + read(data + before, room); });
  }

  std::size_t size() const { return text_.size(); }
  std::string_view view() const { return text_; }
  std::string take_text() { return std::move(text_); }
  Charge take_charge() {
    charge_.shrink_to(text_.size());
    return std::move(charge_);
  }
  void replace(std::string text, Charge charge) {
    text_ = std::move(text);
    charge_ = std::move(charge);
  }
  // Gives everything back.
  void discard();

 private:
  std::size_t ahead() const;
  bool charge_for(std::size_t size);
  std::string text_;
  Charge charge_;
  std::size_t announced_ = SIZE_MAX;
};

class Incoming {
 public:
  explicit Incoming(ProtocolHost& host) : host_(host), body_(host.budget) {}
  // The items of a body that its sender breaks off are counted as far as they came.
  ~Incoming() { count_refused(); }

  RequestHead head;

  // `head.headers` is complete. An answer means: turned away, take no body.
  std::optional<Answer> begin(std::optional<std::uint64_t> content_length);
  // Bytes of the body. An answer means the same.
  std::optional<Answer> append(std::string_view bytes);
  // The body is complete: gives the request to the handler, or has an answer.
  std::optional<Answer> finish(std::int32_t stream);
  // A gRPC call with many messages, if the handler takes it as one; after begin(). Null otherwise.
  std::unique_ptr<IncomingCall> open_call(std::int32_t stream);
  // Turns the request away for `error`.
  Answer refuse(const Error& error, int http_status = 0);

  // For bodies read straight into place; not for gRPC.
  std::size_t room(std::size_t waiting) { return passing_ ? 0 : body_.room(waiting); }
  BodyBuffer& body() { return body_; }
  const BodyBuffer& body() const { return body_; }

  std::optional<TimePoint> deadline() const { return deadline_; }
  // Kept for the answer, when the head is gone.
  const std::string& origin() const { return origin_; }

 private:
  // A body for which there is no room, as it comes and goes.
  struct Passing {
    std::unique_ptr<PassingBody> to;  // null: seen enough
    std::unique_ptr<Inflow> inflow;
    std::size_t size = 0, inflated = 0;
  };
  Answer no_room();
  // Shows what has come of a body that is not taken to the handler, which counts its items.
  void count_refused();
  std::optional<Answer> let_pass(std::string_view bytes);
  bool start_passing();
  std::optional<Answer> pass(std::string_view bytes);
  void look_at(std::string_view bytes);
  std::size_t size() const { return passing_ ? passing_->size : body_.size(); }
  bool compressed() const;
  std::optional<Answer> begin_grpc();
  std::optional<Answer> begin_http(std::optional<std::uint64_t> content_length);
  std::optional<Answer> append_grpc(std::string_view bytes);
  std::optional<Answer> take_prefix(std::string_view& bytes);
  std::optional<Answer> inflate();
  Answer too_large(std::uint64_t size);
  Result<> grpc_complete() const;
  std::size_t limit() const;

  ProtocolHost& host_;
  BodyBuffer body_;
  Compression encoding_ = Compression::none;
  std::optional<TimePoint> deadline_;
  std::string origin_;
  std::size_t wire_size_ = 0;
  std::optional<Passing> passing_;
  // gRPC: the prefix as far as it has come, and what it says.
  std::array<unsigned char, grpc_prefix_bytes> prefix_{};
  std::uint8_t prefix_size_ = 0;
  std::size_t message_size_ = 0;
};

// Adds what the settings ask for: response_headers and CORS. `origin` is the request's header.
void add_response_headers(const ServerSettings& settings, std::string_view origin, Response& response);

}  // namespace weir::net
