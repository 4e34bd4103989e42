// HTTP/1.1 for clients: one request at a time.
#include "net/client_connection.h"
#include "net/http1.h"

namespace weir::net {
namespace {

class Http1Client final : public ClientProtocol {
 public:
  explicit Http1Client(ClientWires wires) : wires_(wires) {}

  void start(std::uint64_t id, WireRequest request) override;
  void cancel(std::uint64_t id) override {
    if (open() > 0 && id == id_) state_ = State::broken;
  }
  void pause(std::uint64_t id, bool paused) override { paused_ = paused && open() > 0 && id == id_; }
  bool stalled() const override { return paused_; }
  std::size_t room() const override { return state_ == State::idle ? 1 : 0; }
  std::size_t open() const override { return state_ == State::idle || state_ == State::broken ? 0 : 1; }
  bool receive(std::string_view bytes) override;
  bool receive_end() override;
  bool produce() override { return state_ != State::broken; }
  void fail_all(const Error& error) override;

 private:
  enum class State : std::uint8_t { idle, head, length, chunks, until_end, broken };
  bool take_head(std::string_view& in);
  bool on_head(std::string_view head);
  bool take_chunks(std::string_view& in);
  bool add(std::string_view bytes);
  bool complete();
  bool broken(std::string_view why);

  ClientWires wires_;
  WireReply reply_;
  std::string pending_;
  ChunkedDecoder chunks_;
  std::size_t searched_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t id_ = 0;
  std::size_t max_response_ = 0;
  State state_ = State::idle;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool heard_ = false;  // anything of the answer
  bool streamed_ = false;
  bool paused_ = false;
};

void Http1Client::start(std::uint64_t id, WireRequest request) {
  const HeaderList& fields = request.fields;
  std::size_t size = request.prefix.size();
  for (const Bytes& piece : request.body) size += piece.size();
  std::string_view method = fields.get(":method");
  std::string head = fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n", method, fields.get(":path"), fields.get(":authority"));
  for (auto [name, value] : fields)
    if (!name.starts_with(':') && valid_header_name(name) && valid_header_value(value))
      fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  if (size > 0 || (method != "GET" && method != "HEAD"))
    fmt::format_to(std::back_inserter(head), "content-length: {}\r\n", size);
  head += "\r\n";
  head += request.prefix;
  wires_.out.append(head);
  for (Bytes& piece : request.body) wires_.out.append(std::move(piece));
  id_ = id;
  max_response_ = request.max_response;
  streamed_ = request.streamed;
  paused_ = false;
  head_only_ = method == "HEAD";
  reply_ = {};
  heard_ = false;
  state_ = State::head;
}

bool Http1Client::broken(std::string_view why) {
  if (open() > 0) wires_.results.emplace_back(id_, std::unexpected(WireError{{Errc::invalid, std::string(why), {}}, false}));
  state_ = State::broken;
  return false;
}

bool Http1Client::receive(std::string_view in) {
  bool alive = true;
  while (alive && !in.empty()) {
    heard_ = true;
    switch (state_) {
      case State::idle: return broken("");  // an answer to nothing
      case State::head: alive = take_head(in); break;
      case State::length: {
        std::string_view part = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
        in.remove_prefix(part.size());
        left_ -= part.size();
        alive = add(part) && (left_ > 0 || complete());
        break;
      }
      case State::chunks: alive = take_chunks(in); break;
      case State::until_end:
        alive = add(in);
        in = {};
        break;
      case State::broken: return false;
    }
  }
  return alive;
}

bool Http1Client::take_head(std::string_view& in) {
  constexpr std::size_t max_head = 64 * 1024;
  std::size_t had = pending_.size();
  pending_ += in.substr(0, max_head);
  std::size_t end = find_head_end(pending_, searched_);
  if (end == std::string_view::npos) {
    in = {};
    return pending_.size() < max_head || broken("response head too large");
  }
  in.remove_prefix(end - had);
  std::string head = std::exchange(pending_, {});
  head.resize(end);
  searched_ = 0;
  return on_head(head);
}

bool Http1Client::on_head(std::string_view text) {
  reply_.headers.clear();
  auto head = parse_response_head(text, {}, reply_.headers);
  if (!head) return broken("response: " + head.error().what);
  if (head->status < 200) return head->status == 101 ? broken("response: 101 without asking") : true;
  reply_.status = head->status;
  if (streamed_) wires_.results.emplace_back(id_, WireReply{.status = reply_.status, .headers = reply_.headers, .more = true});
  keep_alive_ = head->framing.keep_alive;
  bool bodiless = head_only_ || head->status == 204 || head->status == 304;
  if (bodiless || (head->framing.content_length == 0u && !head->framing.chunked)) return complete();
  if (head->framing.chunked) {
    chunks_ = {};
    state_ = State::chunks;
  } else if (head->framing.content_length) {
    left_ = *head->framing.content_length;
    state_ = State::length;
  } else {
    keep_alive_ = false;
    state_ = State::until_end;
  }
  return true;
}

bool Http1Client::take_chunks(std::string_view& in) {
  std::string_view piece;
  auto status = chunks_.next(in, piece);
  if (!status) return broken("response: " + status.error().what);
  if (*status == ChunkedDecoder::Status::data) return add(piece);
  return *status == ChunkedDecoder::Status::more || complete();
}

// What is over the limit is not waited for.
bool Http1Client::add(std::string_view bytes) {
  if (streamed_) {
    add_part(wires_.results, id_, bytes);
    return true;
  }
  std::size_t room = max_response_ - reply_.body.size();
  reply_.body += bytes.substr(0, room);
  if (bytes.size() <= room) return true;
  reply_.truncated = true;
  keep_alive_ = false;
  return complete();
}

bool Http1Client::complete() {
  paused_ = false;
  wires_.results.emplace_back(id_, std::move(reply_));
  reply_ = {};
  state_ = keep_alive_ ? State::idle : State::broken;
  return keep_alive_;
}

bool Http1Client::receive_end() {
  if (state_ == State::until_end) complete();
  return false;
}

void Http1Client::fail_all(const Error& error) {
  // A server may close an idle connection just when the next request is on its way.
  if (open() > 0) wires_.results.emplace_back(id_, std::unexpected(WireError{error, !heard_}));
  state_ = State::broken;
}

}  // namespace

std::unique_ptr<ClientProtocol> make_http1_client(ClientWires wires) { return std::make_unique<Http1Client>(wires); }

}  // namespace weir::net
