// HTTP/2 for clients.
#include "net/client_connection.h"
#include "net/http2.h"

namespace weir::net {
namespace {

// Until the peer has said how many it takes.
constexpr std::size_t first_streams = 100;
constexpr std::size_t max_streams = 10'000;
constexpr std::size_t max_headers = 64 * 1024;

struct ClientStream {
  std::uint64_t request = 0;
  std::int32_t id = 0;
  std::uint32_t position = 0;
  OutBody body;
  WireReply reply;
  std::size_t max_response = 0;
  bool sent = false;      // its headers have gone out
  bool told = false;      // its result
  bool streamed = false;
  bool head_told = false;
  bool paused = false;
  std::size_t unread = 0;  // came while it was paused: the peer is not told that it was taken
};

class Http2Client final : public ClientProtocol {
 public:
  Http2Client(ClientWires wires, const std::optional<ClientKeepalive>& keepalive);

  void start(std::uint64_t id, WireRequest request) override;
  void cancel(std::uint64_t id) override;
  void pause(std::uint64_t id, bool paused) override;
  std::size_t room() const override;
  std::size_t open() const override { return streams_.size(); }
  bool draining() const override { return going_away_; }
  bool receive(std::string_view bytes) override;
  bool receive_end() override { return false; }
  bool produce() override;
  TimePoint deadline() const override;
  bool on_time(TimePoint now) override;
  void fail_all(const Error& error) override;

 private:
  static nghttp2_session_callbacks* callbacks();
  static nghttp2_option* options();
  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void on_frame(const nghttp2_frame& frame);
  void on_frame_sent(const nghttp2_frame& frame);
  int on_data(std::int32_t id, std::string_view data);
  void on_closed(std::int32_t id, std::uint32_t code);
  void complete(ClientStream& stream);
  void tell(ClientStream& stream, WireResult result);
  ClientStream* find(std::int32_t id) {
    return static_cast<ClientStream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
  }

  ClientWires wires_;
  std::optional<ClientKeepalive> keepalive_;
  Http2Session session_;
  std::vector<std::unique_ptr<ClientStream>> streams_;
  TimePoint now_;  // of the latest input
  TimePoint ping_answer_by_ = TimePoint::max();
  std::string goaway_;
  bool settled_ = false;  // the peer's settings are known
  bool going_away_ = false;
  bool dead_ = false;
};

nghttp2_session_callbacks* Http2Client::callbacks() {
  static nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* c = nullptr;
    nghttp2_session_callbacks_new(&c);
    using Frame = nghttp2_frame;
    using Session = nghttp2_session;
    nghttp2_session_callbacks_set_on_header_callback(
        c, [](Session*, const Frame* f, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
              std::size_t value_size, std::uint8_t, void* p) {
          return static_cast<Http2Client*>(p)->on_header(*f, view_of(name, name_size), view_of(value, value_size));
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, [](Session*, const Frame* f, void* p) {
      static_cast<Http2Client*>(p)->on_frame(*f);
      return 0;
    });
    nghttp2_session_callbacks_set_on_frame_send_callback(c, [](Session*, const Frame* f, void* p) {
      static_cast<Http2Client*>(p)->on_frame_sent(*f);
      return 0;
    });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        c, [](Session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* p) {
          return static_cast<Http2Client*>(p)->on_data(id, view_of(data, size));
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        c, [](Session*, std::int32_t id, std::uint32_t code, void* p) {
          static_cast<Http2Client*>(p)->on_closed(id, code);
          return 0;
        });
    nghttp2_session_callbacks_set_data_source_read_length_callback(
        c, [](Session*, std::uint8_t, std::int32_t, std::int32_t connection, std::int32_t stream, std::uint32_t frame,
              void*) -> ssize_t { return std::min({connection, stream, static_cast<std::int32_t>(frame)}); });
    nghttp2_session_callbacks_set_send_callback(
        c, [](Session*, const std::uint8_t* data, std::size_t size, int, void* p) -> ssize_t {
          static_cast<Http2Client*>(p)->wires_.out.append(view_of(data, size));
          return static_cast<ssize_t>(size);
        });
    nghttp2_session_callbacks_set_send_data_callback(
        c, [](Session*, Frame*, const std::uint8_t* header, std::size_t size, nghttp2_data_source* source, void* p) {
          constexpr std::size_t high_water = 2 * 1024 * 1024;
          OutQueue& out = static_cast<Http2Client*>(p)->wires_.out;
          if (out.size() > high_water) return static_cast<int>(NGHTTP2_ERR_WOULDBLOCK);
          out.append(view_of(header, 9));
          static_cast<ClientStream*>(source->ptr)->body.move_to(out, size);
          return 0;
        });
    return c;
  }();
  return made;
}

nghttp2_option* Http2Client::options() {
  static nghttp2_option* const made = [] {
    nghttp2_option* o = nullptr;
    nghttp2_option_new(&o);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_peer_max_concurrent_streams(o, first_streams);
    return o;
  }();
  return made;
}

Http2Client::Http2Client(ClientWires wires, const std::optional<ClientKeepalive>& keepalive)
    : wires_(wires), keepalive_(keepalive), now_(wires.clock.now()) {
  nghttp2_session* session = nullptr;
  WEIR_CHECK(nghttp2_session_client_new2(&session, callbacks(), this, options()) == 0);
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1024 * 1024},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, max_headers},
                                             {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, 4 * 1024 * 1024);
}

std::size_t Http2Client::room() const {
  if (dead_ || going_away_ || nghttp2_session_check_request_allowed(session_.get()) == 0) return 0;
  std::size_t limit = first_streams;
  if (settled_)
    limit = std::min<std::size_t>(
        nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), max_streams);
  return limit > streams_.size() ? limit - streams_.size() : 0;
}

void Http2Client::start(std::uint64_t id, WireRequest request) {
  auto stream = std::make_unique<ClientStream>();
  stream->request = id;
  stream->max_response = request.max_response;
  stream->streamed = request.streamed;
  stream->body.set_prefix(std::move(request.prefix));
  for (Bytes& piece : request.body) stream->body.add(std::move(piece));
  std::vector<nghttp2_nv> fields;
  fields.reserve(request.fields.size());
  for (auto [name, value] : request.fields)
    if (!forbidden_in_http2(name)) fields.push_back(http2_field(name, value));
  nghttp2_data_provider provider{};
  provider.source.ptr = stream.get();
  provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t size, std::uint32_t* flags,
                              nghttp2_data_source* source, void*) {
    std::size_t left = static_cast<ClientStream*>(source->ptr)->body.left();
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (size >= left) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(std::min(size, left));
  };
  bool has_body = stream->body.left() > 0;
  stream->id = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                      has_body ? &provider : nullptr, stream.get());
  if (stream->id < 0) {
    // Stream ids are used up, or a field is not allowed.
    wires_.results.emplace_back(id, std::unexpected(WireError{{Errc::retryable, nghttp2_strerror(stream->id), {}}, false}));
    going_away_ = true;
    return;
  }
  stream->position = static_cast<std::uint32_t>(streams_.size());
  streams_.push_back(std::move(stream));
}

void Http2Client::cancel(std::uint64_t id) {
  for (auto& stream : streams_) {
    if (stream->request != id || stream->told) continue;
    stream->told = true;
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
    return;
  }
}

void Http2Client::pause(std::uint64_t id, bool paused) {
  for (auto& stream : streams_) {
    if (stream->request != id || stream->told) continue;
    stream->paused = paused;
    if (!paused) nghttp2_session_consume_stream(session_.get(), stream->id, std::exchange(stream->unread, 0));
    return;
  }
}

bool Http2Client::receive(std::string_view bytes) {
  if (dead_) return false;
  now_ = wires_.clock.now();
  ping_answer_by_ = TimePoint::max();
  ssize_t n = nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (n < 0) dead_ = true;
  return !dead_;
}

int Http2Client::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  ClientStream* stream = find(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  bool trailers = stream->reply.status >= 200 && frame.headers.cat != NGHTTP2_HCAT_RESPONSE;
  HeaderList& to = trailers ? stream->reply.trailers : stream->reply.headers;
  if (to.bytes() + name.size() + value.size() > max_headers) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (name != ":status") {
    to.add(name, value);
    return 0;
  }
  stream->reply.status = 0;
  for (char c : value) stream->reply.status = stream->reply.status * 10 + (c - '0');  // three digits: nghttp2 checks
  return 0;
}

void Http2Client::on_frame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_SETTINGS) settled_ = true;
  if (frame.hd.type == NGHTTP2_GOAWAY) going_away_ = true;
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  ClientStream* stream = find(frame.hd.stream_id);
  if (stream == nullptr) return;
  if (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) return complete(*stream);
  bool answer = frame.hd.type == NGHTTP2_HEADERS && stream->reply.status >= 200;
  if (answer && stream->streamed && !stream->told && !std::exchange(stream->head_told, true))
    wires_.results.emplace_back(stream->request, WireReply{.status = stream->reply.status, .headers = stream->reply.headers, .more = true});
  // 103 and its like: the real answer follows.
  if (frame.hd.type == NGHTTP2_HEADERS && stream->reply.status < 200) stream->reply.headers.clear();
}

void Http2Client::on_frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  if (ClientStream* stream = find(frame.hd.stream_id)) stream->sent = true;
}

int Http2Client::on_data(std::int32_t id, std::string_view data) {
  ClientStream* stream = find(id);
  if (stream != nullptr && stream->paused) {
    nghttp2_session_consume_connection(session_.get(), data.size());
    stream->unread += data.size();
  } else {
    nghttp2_session_consume(session_.get(), id, data.size());
  }
  if (stream == nullptr || stream->told) return 0;
  if (stream->streamed) {
    add_part(wires_.results, stream->request, data);
    return 0;
  }
  std::string& body = stream->reply.body;
  std::size_t room = stream->max_response - body.size();
  body += data.substr(0, room);
  if (data.size() <= room) return 0;
  stream->reply.truncated = true;
  complete(*stream);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  return 0;
}

void Http2Client::tell(ClientStream& stream, WireResult result) {
  if (std::exchange(stream.told, true)) return;
  wires_.results.emplace_back(stream.request, std::move(result));
}

void Http2Client::complete(ClientStream& stream) {
  tell(stream, std::move(stream.reply));
  // The peer has answered without wanting the rest.
  if (stream.body.left() > 0)
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR);
}

void Http2Client::on_closed(std::int32_t id, std::uint32_t code) {
  ClientStream* stream = find(id);
  if (stream == nullptr) return;
  nghttp2_session_set_stream_user_data(session_.get(), id, nullptr);
  bool untouched = code == NGHTTP2_REFUSED_STREAM || !stream->sent;
  tell(*stream, std::unexpected(WireError{{Errc::retryable, fmt::format("stream reset: {}", nghttp2_http2_strerror(code)), {}}, untouched}));
  std::uint32_t position = stream->position;
  std::swap(streams_[position], streams_.back());
  streams_[position]->position = position;
  streams_.pop_back();
}

bool Http2Client::produce() {
  if (dead_) return false;
  if (nghttp2_session_send(session_.get()) != 0) dead_ = true;
  if (going_away_ && streams_.empty()) return false;
  return !dead_ && (nghttp2_session_want_read(session_.get()) != 0 || nghttp2_session_want_write(session_.get()) != 0);
}

TimePoint Http2Client::deadline() const {
  if (dead_ || !keepalive_) return TimePoint::max();
  if (ping_answer_by_ != TimePoint::max()) return ping_answer_by_;
  if (keepalive_->time <= Duration::zero()) return TimePoint::max();
  return now_ + keepalive_->time;
}

bool Http2Client::on_time(TimePoint now) {
  if (now >= ping_answer_by_) {
    dead_ = true;
    return false;
  }
  if (ping_answer_by_ != TimePoint::max() || !keepalive_ || now < now_ + keepalive_->time) return true;
  if (streams_.empty() && !keepalive_->permit_without_stream) {
    now_ = now;  // looked at again when that time has passed once more
    return true;
  }
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  ping_answer_by_ = now + keepalive_->timeout;
  return true;
}

void Http2Client::fail_all(const Error& error) {
  dead_ = true;
  for (auto& stream : streams_) tell(*stream, std::unexpected(WireError{error, !stream->sent}));
  streams_.clear();
}

}  // namespace

std::unique_ptr<ClientProtocol> make_http2_client(ClientWires wires, const std::optional<ClientKeepalive>& keepalive) {
  return std::make_unique<Http2Client>(wires, keepalive);
}

}  // namespace weir::net
