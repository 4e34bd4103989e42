#include "net/incoming_call.h"

namespace weir::net {

Result<> IncomingCall::append(std::string_view bytes) {
  window_ += bytes.size();
  if (closed_) return {};
  if (!charge_.grow(bytes.size())) return fail(Errc::refused, "no room for more data");
  pending_ += bytes;
  return hand_over();
}

Result<> IncomingCall::end() {
  ended_ = true;
  return hand_over();
}

Result<> IncomingCall::next() {
  busy_ = false;
  return hand_over();
}

Result<> IncomingCall::go_away() {
  going_away_ = true;
  return hand_over();
}

void IncomingCall::close() {
  closed_ = true;
  if (working_) return;
  pending_ = {};
  charge_.release();
}

// A Call that is done with a message at once calls next() from within: this loop goes on then.
Result<> IncomingCall::hand_over() {
  if (working_ || closed_) return {};
  working_ = true;
  Result<> result;
  while (!busy_ && !closed_) {
    if (going_away_) {
      result = fail(Errc::retryable, "the server is shutting down");
      break;
    }
    auto handed = hand_over_one();
    if (!handed) result = fail(std::move(handed).error());
    if (!handed || !*handed) break;
  }
  working_ = false;
  if (closed_) close();
  else compact();
  return result;
}

Result<bool> IncomingCall::hand_over_one() {
  std::string_view bytes = std::string_view(pending_).substr(read_);
  if (bytes.empty() && ended_) {
    if (!std::exchange(told_end_, true)) call_->on_end();
    return false;
  }
  if (bytes.size() < grpc_prefix_bytes) return ended_ ? Result<bool>(fail(Errc::internal, "the call ended within a message")) : false;
  auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  std::size_t size = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  if (byte(0) > 1) return fail(Errc::internal, "bad flag before a gRPC message");
  if (byte(0) == 1 && encoding_ == Compression::none) return fail(Errc::internal, "compressed message without grpc-encoding");
  if (size > limit_) return fail(Errc::too_large, "received {} bytes, the limit is {}", size, limit_);
  if (bytes.size() - grpc_prefix_bytes < size) return ended_ ? Result<bool>(fail(Errc::internal, "the call ended within a message")) : false;
  std::string_view body = bytes.substr(grpc_prefix_bytes, size);
  Message message{.body = {}, .charge = charge_.another()};
  std::string text;
  if (byte(0) == 1) {
    WEIR_ASSIGN(text, decompress(encoding_, body, limit_, message.charge));
  } else {
    if (!message.charge.grow(size)) return fail(Errc::refused, "no room for more data");
    text = body;
  }
  message.body = Bytes::take(std::move(text));
  read_ += grpc_prefix_bytes + size;
  busy_ = true;
  call_->on_message(std::move(message));
  return true;
}

// Moving what is left to the front costs as much as is left, so it waits until at least as much was read.
void IncomingCall::compact() {
  if (read_ < pending_.size() - read_) return;
  if (read_ == pending_.size() && pending_.capacity() > 64 * 1024) pending_ = {};
  else pending_.erase(0, read_);
  read_ = 0;
  charge_.shrink_to(pending_.size());
}

}  // namespace weir::net
