// HTTP/1.1 for servers. One request at a time: what a pipelining client sends ahead waits, bounded and charged.
#include "net/http1.h"
#include "net/server_protocol.h"

namespace weir::net {
namespace {

// A body nobody wants is read and forgotten up to here, so that the connection can go on.
constexpr std::uint64_t max_skipped = 256 * 1024;
constexpr std::size_t head_without_room = 2048;
// Who has sent a big body will send another: its head is read alone, and the body straight to its place.
constexpr std::size_t big_body = 64 * 1024, head_read = 4 * 1024;

class Http1Server final : public ServerProtocol {
 public:
  explicit Http1Server(ProtocolHost& host) : host_(host), charge_(host.budget.empty_charge()) {
    quiet_since_ = host_.clock.now();
    deadline_ = later(quiet_since_, host_.settings.read_header_timeout);
  }

  bool receive(std::string_view bytes) override;
  bool receive_end() override {
    ended_ = true;
    return state_ == State::waiting;
  }
  Incoming* direct() override { return state_ == State::body && !incoming_->head.is_grpc ? &*incoming_ : nullptr; }
  std::size_t read_size() const override {
    return last_body_ >= big_body && (state_ == State::idle || state_ == State::head) ? head_read : SIZE_MAX;
  }
  bool received_direct() override;
  bool waits_for_body() const override { return (state_ == State::body || state_ == State::chunks) && incoming_->body().size() == 0; }
  bool busy() const override { return state_ != State::idle && state_ != State::head && state_ != State::over; }
  bool wants_input() const override { return state_ != State::waiting; }
  void answer(std::int32_t stream, Answer answer) override;
  bool produce() override;
  bool streaming() const override { return source_ != nullptr; }
  bool has_more_to_make() const override { return source_ != nullptr && host_.out.empty(); }
  TimePoint deadline() const override { return deadline_; }
  bool on_time(TimePoint now) override;
  bool drain() override;

 private:
  enum class State : std::uint8_t { idle, head, body, chunks, skip, waiting, over };

  bool step(std::string_view& in);
  bool take_head(std::string_view& in);
  bool on_head(std::string_view head);
  bool start_body(const Http1RequestHead& head);
  bool take_body(std::string_view& in);
  bool take_chunks(std::string_view& in);
  bool take_skipped(std::string_view& in);
  bool finish();
  bool turn_away(Answer answer);
  bool bad_request(const Error& error, int status);
  bool keep(std::string_view in);
  void write(Response& response);
  void write_next_part();
  void end_answer();
  void next_request();
  bool over();

  ProtocolHost& host_;
  std::optional<Incoming> incoming_;
  Http1Framing framing_;
  ChunkedDecoder chunks_;
  std::string pending_;        // the start of a head, or what came while a request was being answered
  Charge charge_;              // for pending_
  std::size_t searched_ = 0;   // of pending_, for the end of the head
  std::uint64_t left_ = 0;     // of a body with a length
  TimePoint deadline_;
  TimePoint quiet_since_;      // waiting for a request
  std::uint64_t last_body_ = 0;
  std::int32_t serial_ = 0;    // the request that is being answered
  State state_ = State::head;
  bool keep_going_ = true;     // another request may follow
  std::shared_ptr<BodySource> source_;  // of the body that is being sent; shared with nobody by now
  bool chunked_ = true;        // the client can take a body without a length; HTTP/1.0 cannot
  bool no_body_ = false;       // HEAD
  bool ended_ = false;         // the peer has closed its side
  bool in_receive_ = false;
};

bool Http1Server::over() {
  state_ = State::over;
  return false;
}

bool Http1Server::receive(std::string_view in) {
  in_receive_ = true;
  bool alive = true;
  while (alive && !in.empty() && state_ != State::waiting) alive = step(in);
  if (alive && !in.empty()) alive = keep(in);
  in_receive_ = false;
  return alive && state_ != State::over;
}

bool Http1Server::step(std::string_view& in) {
  switch (state_) {
    case State::idle:
      state_ = State::head;
      deadline_ = later(host_.clock.now(), host_.settings.read_header_timeout);
      return take_head(in);
    case State::head: return take_head(in);
    case State::body: return take_body(in);
    case State::chunks: return take_chunks(in);
    case State::skip: return take_skipped(in);
    case State::waiting: return true;
    case State::over: return false;
  }
  return false;
}

bool Http1Server::keep(std::string_view in) {
  // Without room the head of a usual request must still fit, or its sender would not even hear that there is none.
  if (!charge_.grow(in.size())) {
    if (pending_.size() + in.size() > head_without_room) return bad_request({Errc::refused, "no room", host_.settings.retry_delay}, 503);
    charge_.grow_unchecked(in.size());
  }
  pending_ += in;
  return true;
}

bool Http1Server::take_head(std::string_view& in) {
  // Empty lines before a request are allowed.
  while (pending_.empty() && in.starts_with("\r\n")) in.remove_prefix(2);
  if (in.empty()) return true;
  if (pending_.empty()) {
    std::size_t end = find_head_end(in, searched_);
    if (end != std::string_view::npos) {
      std::string_view head = in.substr(0, end);
      in.remove_prefix(end);
      searched_ = 0;
      return on_head(head);
    }
  }
  std::size_t had = pending_.size();
  std::size_t part = std::min(in.size(), host_.settings.max_header_bytes + 1 - std::min(had, host_.settings.max_header_bytes));
  if (!keep(in.substr(0, part))) return false;
  std::size_t end = find_head_end(pending_, searched_);
  if (end == std::string_view::npos) {
    in.remove_prefix(part);
    if (pending_.size() <= host_.settings.max_header_bytes) return true;
    return bad_request({Errc::invalid, "request head too large", {}}, 431);
  }
  in.remove_prefix(end - had);
  std::string head = std::move(pending_);
  head.resize(end);
  pending_ = {};
  charge_.release();
  searched_ = 0;
  return on_head(head);
}

bool Http1Server::on_head(std::string_view text) {
  incoming_.emplace(host_);
  ++serial_;
  auto head = parse_request_head(text, {host_.settings.max_header_bytes, host_.settings.max_header_count},
                                 incoming_->head.headers);
  if (!head) {
    incoming_.emplace(host_);
    return bad_request(head.error(), 400);
  }
  if (!host_.settings.http1) return bad_request({Errc::unimplemented, "this port speaks gRPC over HTTP/2", {}}, 505);
  framing_ = head->framing;
  chunked_ = head->http11;
  keep_going_ = keep_going_ && framing_.keep_alive && host_.settings.keep_alives_enabled;
  deadline_ = later(host_.clock.now(), host_.settings.read_timeout);
  no_body_ = incoming_->head.headers.get(":method") == "HEAD";
  if (head->unknown_expectation) return turn_away(incoming_->refuse({Errc::invalid, "unknown expectation", {}}, 417));
  if (auto answer = incoming_->begin(framing_.content_length)) return turn_away(std::move(*answer));
  return start_body(*head);
}

bool Http1Server::start_body(const Http1RequestHead& head) {
  left_ = last_body_ = framing_.content_length.value_or(0);
  if (!framing_.chunked && left_ == 0) return finish();
  if (head.expect_continue) host_.out.append("HTTP/1.1 100 Continue\r\n\r\n");
  chunks_ = {};
  state_ = framing_.chunked ? State::chunks : State::body;
  return true;
}

bool Http1Server::take_body(std::string_view& in) {
  std::string_view part = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
  in.remove_prefix(part.size());
  left_ -= part.size();
  if (auto answer = incoming_->append(part)) return turn_away(std::move(*answer));
  return left_ > 0 || finish();
}

bool Http1Server::received_direct() {
  left_ = *framing_.content_length - incoming_->body().size();
  return left_ > 0 || finish();
}

bool Http1Server::take_chunks(std::string_view& in) {
  std::string_view piece;
  auto status = chunks_.next(in, piece);
  if (!status) return bad_request(status.error(), 400);
  if (*status == ChunkedDecoder::Status::done) return finish();
  if (*status == ChunkedDecoder::Status::data)
    if (auto answer = incoming_->append(piece)) return turn_away(std::move(*answer));
  return true;
}

bool Http1Server::take_skipped(std::string_view& in) {
  std::uint64_t part = std::min<std::uint64_t>(left_, in.size());
  in.remove_prefix(static_cast<std::size_t>(part));
  left_ -= part;
  if (left_ == 0) next_request();
  return true;
}

bool Http1Server::finish() {
  state_ = State::waiting;
  deadline_ = TimePoint::max();
  if (auto refusal = incoming_->finish(serial_)) answer(serial_, std::move(*refusal));
  return state_ != State::over;
}

// Answers before the body has come. A short rest of it is skipped; otherwise the connection is of no more use.
bool Http1Server::turn_away(Answer refusal) {
  bool skip = !framing_.chunked && (state_ == State::body ? left_ : framing_.content_length.value_or(0)) <= max_skipped &&
              !incoming_->head.headers.find("expect");
  if (state_ != State::body) left_ = framing_.content_length.value_or(0);
  keep_going_ = keep_going_ && skip;
  std::uint64_t rest = left_;
  state_ = State::waiting;
  answer(serial_, std::move(refusal));
  if (state_ == State::over || rest == 0) return state_ != State::over;
  state_ = State::skip;
  left_ = rest;
  deadline_ = later(host_.clock.now(), host_.settings.read_timeout);
  return true;
}

bool Http1Server::bad_request(const Error& error, int status) {
  ++host_.stats.bad_peers;
  if (!incoming_) incoming_.emplace(host_);
  keep_going_ = false;
  state_ = State::waiting;
  answer(serial_, incoming_->refuse(error, status));
  return false;
}

void Http1Server::write(Response& response) {
  add_response_headers(host_.settings, incoming_->origin(), response);
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  for (auto [name, value] : response.headers)
    if (name != "content-length" && name != "connection" && valid_header_name(name) && valid_header_value(value))
      fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  fmt::format_to(std::back_inserter(head), "date: {}\r\n", host_.date());
  bool bodiless = response.status == 204 || response.status == 304;
  if (response.source && !chunked_) keep_going_ = false;  // its end is the connection's
  if (response.source && chunked_) head += "transfer-encoding: chunked\r\n";
  if (!bodiless && !response.source) fmt::format_to(std::back_inserter(head), "content-length: {}\r\n", response.body.size());
  if (!keep_going_) head += "connection: close\r\n";
  head += "\r\n";
  host_.out.append(head);
  if (bodiless || no_body_) return;
  source_ = std::move(response.source);
  if (!source_) host_.out.append(response.body);
}

void Http1Server::write_next_part() {
  std::string part;
  bool more = source_->next(part);  // empty now and then if it is compressed
  if (!chunked_) {
    if (!part.empty()) host_.out.append(Bytes::take(std::move(part)));
  } else {
    if (!part.empty()) {  // empty when that was all; a chunk without bytes would be the last one
      host_.out.append(fmt::format("{:x}\r\n", part.size()));
      host_.out.append(Bytes::take(std::move(part)));
      host_.out.append("\r\n");
    }
    if (!more) host_.out.append("0\r\n\r\n");
  }
  if (more) return;
  source_.reset();
  end_answer();
}

void Http1Server::answer(std::int32_t stream, Answer answer) {
  if (state_ != State::waiting || stream != serial_ || source_) return;
  auto* response = std::get_if<Response>(&answer);
  Response internal{.status = 500};
  if (response == nullptr) response = &internal;
  if (ended_) keep_going_ = false;
  write(*response);
  if (!source_) end_answer();
}

void Http1Server::end_answer() {
  if (keep_going_)
    next_request();
  else
    over();
}

void Http1Server::next_request() {
  state_ = State::idle;
  incoming_.reset();
  no_body_ = false;
  searched_ = 0;
  quiet_since_ = host_.clock.now();
  deadline_ = later(quiet_since_, host_.settings.idle_timeout);
}

// The next part of an answer, or what came while the last one was being made.
bool Http1Server::produce() {
  if (source_ && host_.out.size() <= out_high_water) write_next_part();
  while (!in_receive_ && state_ == State::idle && !pending_.empty()) {
    std::string in = std::move(pending_);
    pending_ = {};
    charge_.release();
    if (!receive(in)) return false;
  }
  return state_ != State::over;
}

bool Http1Server::on_time(TimePoint now) {
  if (now < deadline_) return true;
  if (state_ == State::idle || state_ == State::over || (state_ == State::head && pending_.empty())) return over();
  if (state_ == State::skip) return over();
  return bad_request({Errc::refused, "the request came too slowly", {}}, 408);
}

bool Http1Server::drain() {
  keep_going_ = false;
  bool waiting = state_ == State::idle || (state_ == State::head && pending_.empty());
  if (!waiting) return state_ != State::over;
  TimePoint last = quiet_since_ + drain_grace;
  deadline_ = std::min(deadline_, last);
  return host_.clock.now() < last;
}

}  // namespace

std::unique_ptr<ServerProtocol> make_http1_server(ProtocolHost& host) { return std::make_unique<Http1Server>(host); }

}  // namespace weir::net
