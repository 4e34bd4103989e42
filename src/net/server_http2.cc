// HTTP/2 for servers: nghttp2 does the protocol, this decides how much of it a peer may use.
#include "base/text.h"
#include "net/http2.h"
#include "net/server_protocol.h"

namespace weir::net {
namespace {

// Peers pay for what makes us work without bringing us anything. A cancelled request costs 10, so about 300 at once and
// 80 a second are fine, and "rapid reset" is not; pings and settings 5; empty data, window updates and the like 1.
constexpr double purse_size = 2000, purse_per_second = 500, request_refund = 4;
constexpr double reset_cost = 10, control_cost = 5, noise_cost = 1;

constexpr Duration drain_round_trip = 1s;  // until a client must have seen that we are going away
constexpr Duration withhold_time = 100ms;
constexpr std::size_t stream_bytes = 1024;  // what an open stream costs besides its body, about

// So that callers are told when there is no room: a reset alone has no retry delay.
constexpr std::size_t streams_without_room = 4;

constexpr std::array<std::uint8_t, 8> drain_ping{'w', 'd', 'r', 'a', 'i', 'n', 0, 0};

struct ServerStream {
  explicit ServerStream(ProtocolHost& host) : incoming(host) {}
  Incoming incoming;
  std::unique_ptr<IncomingCall> call;  // null: the request has one body
  OutBody body;
  std::shared_ptr<BodySource> source;  // makes what follows `body`; shared with nobody by now
  HeaderList trailers;    // gRPC
  std::int32_t id = 0;
  std::uint32_t position = 0;  // in the list of open streams
  TimePoint read_by = TimePoint::max();
  TimePoint deadline = TimePoint::max();
  bool is_grpc = false;
  bool is_head = false;
  bool headers_too_big = false;
  bool answered = false;
  bool ended = false;  // by the peer
  bool deferred = false;  // `source` waits for its next turn
};

class Http2Server final : public ServerProtocol {
 public:
  explicit Http2Server(ProtocolHost& host);

  bool receive(std::string_view bytes) override;
  bool receive_end() override { return false; }
  bool waits_for_body() const override { return head_alone_; }
  bool busy() const override { return !streams_.empty(); }
  void answer(std::int32_t stream, Answer answer) override;
  void next(std::int32_t stream) override;
  bool produce() override;
  bool streaming() const override { return std::ranges::any_of(streams_, [](auto& stream) { return stream->source != nullptr; }); }
  bool has_more_to_make() const override { return std::ranges::any_of(streams_, [](auto& stream) { return stream->deferred; }); }
  TimePoint deadline() const override;
  bool on_time(TimePoint now) override;
  bool drain() override;

 private:
  static nghttp2_session_callbacks* callbacks();
  static nghttp2_option* options();
  void submit_settings();

  // What nghttp2 tells.
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void on_frame(const nghttp2_frame& frame);
  void on_frame_sent(const nghttp2_frame& frame);
  void on_data(std::int32_t id, std::string_view data);
  void on_closed(std::int32_t id);
  ssize_t read_body(std::int32_t id, ServerStream& stream, std::size_t size, std::uint32_t& flags);
  bool make_part(ServerStream& stream);
  void resume_one();

  void on_head(ServerStream& stream);
  void proceed(ServerStream& stream, Result<> result);
  void on_end(ServerStream& stream);
  void on_ping(const nghttp2_ping& ping);
  void submit(ServerStream& stream, GrpcAnswer answer);
  void submit(ServerStream& stream, Response response);
  void send_headers(ServerStream& stream, std::span<const nghttp2_nv> fields, bool with_body);
  void expire_streams(TimePoint now);
  bool keep_alive(TimePoint now);
  void withhold(std::size_t bytes);
  void release_window();
  void finish_drain();
  void spend(double cost);
  void calm_down(std::string_view why = {});
  ServerStream* find(std::int32_t id) {
    return static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
  }
  Duration idle_limit() const {
    const ServerSettings& s = host_.settings;
    return s.keepalive.max_connection_idle > Duration::zero() ? s.keepalive.max_connection_idle : s.idle_timeout;
  }

  ProtocolHost& host_;
  Http2Session session_;
  std::vector<std::unique_ptr<ServerStream>> streams_;
  Charge charge_;  // for open streams
  TimePoint now_;  // of the latest input
  TimePoint header_by_ = TimePoint::max();
  TimePoint stream_deadline_ = TimePoint::max();  // not after the first of the streams'
  TimePoint idle_since_, age_at_, kill_at_ = TimePoint::max(), drain_at_ = TimePoint::max();
  TimePoint ping_answer_by_ = TimePoint::max();
  TimePoint release_at_ = TimePoint::max();
  std::size_t withheld_ = 0;  // received for nobody, not yet granted again
  double purse_ = purse_size;
  TimePoint purse_at_;
  TimePoint last_ping_{};
  int ping_strikes_ = 0;
  bool sent_something_ = false;  // since the last ping
  bool head_alone_ = false;      // what came last is a head whose body is still to come
  bool draining_ = false;
  bool dead_ = false;
  bool made_part_ = false;  // since produce() was called
  std::int32_t last_resumed_ = 0;
};

nghttp2_session_callbacks* Http2Server::callbacks() {
  static nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* c = nullptr;
    nghttp2_session_callbacks_new(&c);
    using Frame = nghttp2_frame;
    using Session = nghttp2_session;
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, [](Session*, const nghttp2_frame_hd* header, void* p) {
      // nghttp2 swallows some kinds without telling: counted before it looks at them.
      bool useful = header->type == NGHTTP2_DATA || header->type == NGHTTP2_HEADERS;
      if (!useful) static_cast<Http2Server*>(p)->spend(noise_cost);
      return static_cast<Http2Server*>(p)->dead_ ? static_cast<int>(NGHTTP2_ERR_CALLBACK_FAILURE) : 0;
    });
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, [](Session*, const Frame* f, void* p) {
      return static_cast<Http2Server*>(p)->on_begin_headers(*f);
    });
    nghttp2_session_callbacks_set_on_header_callback(
        c, [](Session*, const Frame* f, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
              std::size_t value_size, std::uint8_t, void* p) {
          return static_cast<Http2Server*>(p)->on_header(*f, view_of(name, name_size), view_of(value, value_size));
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, [](Session*, const Frame* f, void* p) {
      static_cast<Http2Server*>(p)->on_frame(*f);
      return 0;
    });
    nghttp2_session_callbacks_set_on_frame_send_callback(c, [](Session*, const Frame* f, void* p) {
      static_cast<Http2Server*>(p)->on_frame_sent(*f);
      return 0;
    });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        c, [](Session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* p) {
          static_cast<Http2Server*>(p)->on_data(id, view_of(data, size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(c, [](Session*, std::int32_t id, std::uint32_t, void* p) {
      static_cast<Http2Server*>(p)->on_closed(id);
      return 0;
    });
    nghttp2_session_callbacks_set_send_callback(
        c, [](Session*, const std::uint8_t* data, std::size_t size, int, void* p) -> ssize_t {
          OutQueue& out = static_cast<Http2Server*>(p)->host_.out;
          if (out.size() > out_high_water) return NGHTTP2_ERR_WOULDBLOCK;
          out.append(view_of(data, size));
          return static_cast<ssize_t>(size);
        });
    nghttp2_session_callbacks_set_send_data_callback(
        c, [](Session*, Frame*, const std::uint8_t* header, std::size_t size, nghttp2_data_source* source, void* p) {
          OutQueue& out = static_cast<Http2Server*>(p)->host_.out;
          if (out.size() > out_high_water) return static_cast<int>(NGHTTP2_ERR_WOULDBLOCK);
          out.append(view_of(header, 9));
          static_cast<ServerStream*>(source->ptr)->body.move_to(out, size);
          return 0;
        });
    return c;
  }();
  return made;
}

nghttp2_option* Http2Server::options() {
  static nghttp2_option* const made = [] {
    nghttp2_option* o = nullptr;
    nghttp2_option_new(&o);
    nghttp2_option_set_no_auto_window_update(o, 1);  // window is granted when bytes have found room
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_outbound_ack(o, 100);
    nghttp2_option_set_server_fallback_rfc7540_priorities(o, 0);
    return o;
  }();
  return made;
}

Http2Server::Http2Server(ProtocolHost& host) : host_(host), charge_(host.budget.empty_charge()) {
  nghttp2_session* session = nullptr;
  WEIR_CHECK(nghttp2_session_server_new2(&session, callbacks(), this, options()) == 0);
  session_.reset(session);
  now_ = idle_since_ = purse_at_ = host_.clock.now();
  header_by_ = later(now_, host_.settings.read_header_timeout);  // for the first SETTINGS
  age_at_ = later(now_, host_.settings.keepalive.max_connection_age);
  // All clients that came at one time must not come back at one time.
  if (age_at_ != TimePoint::max()) {
    auto spread = host_.settings.keepalive.max_connection_age / 10;
    age_at_ += Duration(static_cast<std::int64_t>(std::hash<std::string_view>{}(host_.peer.view()) % 2001) - 1000) *
               (spread.count() / 1000);
  }
  submit_settings();
}

void Http2Server::submit_settings() {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, std::max<std::uint32_t>(host_.settings.max_concurrent_streams, 1)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, http2_stream_window},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, http2_max_frame},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(host_.settings.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings, std::size(settings));
  if (host_.budget.has_room())
    nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, http2_connection_window);
}

bool Http2Server::receive(std::string_view bytes) {
  if (dead_) return false;
  now_ = host_.clock.now();
  ping_answer_by_ = TimePoint::max();
  ssize_t n = nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (n < 0 && !std::exchange(dead_, true)) ++host_.stats.bad_peers;
  return !dead_;
}

int Http2Server::on_begin_headers(const nghttp2_frame& frame) {
  header_by_ = later(now_, host_.settings.read_header_timeout);
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  purse_ += request_refund;
  bool charged = charge_.grow(stream_bytes);
  if (!charged && streams_.size() < streams_without_room) {
    charge_.grow_unchecked(stream_bytes);
    charged = true;
  }
  if (!charged) {
    ++host_.stats.refused_requests;
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
    return 0;
  }
  auto stream = std::make_unique<ServerStream>(host_);
  stream->id = frame.hd.stream_id;
  stream->position = static_cast<std::uint32_t>(streams_.size());
  stream->incoming.head.http_major = 2;
  nghttp2_session_set_stream_user_data(session_.get(), stream->id, stream.get());
  streams_.push_back(std::move(stream));
  return 0;
}

int Http2Server::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers say nothing that we need
  ServerStream* stream = find(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  HeaderList& headers = stream->incoming.head.headers;
  if (headers.bytes() + name.size() + value.size() + 32 > host_.settings.max_header_bytes ||
      headers.size() >= host_.settings.max_header_count) {
    // A few bytes can stand for thousands: what comes after the limit is not even looked at.
    stream->headers_too_big = true;
    spend(noise_cost);
    return dead_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }
  headers.add(name, value);
  return 0;
}

void Http2Server::on_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS: {
      header_by_ = TimePoint::max();
      ServerStream* stream = find(frame.hd.stream_id);
      if (stream == nullptr) return;
      head_alone_ = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
      if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) on_head(*stream);
      if (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) on_end(*stream);
      return;
    }
    case NGHTTP2_DATA:
      if (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) {
        if (ServerStream* stream = find(frame.hd.stream_id)) on_end(*stream);
      } else if (frame.hd.length == 0) {
        spend(noise_cost);
      }
      return;
    case NGHTTP2_SETTINGS:
      header_by_ = TimePoint::max();
      if (!(frame.hd.flags & NGHTTP2_FLAG_ACK)) spend(control_cost);
      return;
    case NGHTTP2_PING: return on_ping(frame.ping);
    case NGHTTP2_RST_STREAM: return spend(reset_cost);
    default: return;
  }
}

void Http2Server::spend(double cost) {
  double seconds = static_cast<double>((now_ - purse_at_).count()) * 1e-9;
  purse_at_ = now_;
  purse_ = std::min(purse_size, purse_ + seconds * purse_per_second) - cost;
  if (purse_ < 0) calm_down();
}

void Http2Server::calm_down(std::string_view why) {
  if (std::exchange(dead_, true)) return;
  ++host_.stats.bad_peers;
  // Said at once: nothing else of this session goes out any more.
  std::string goaway("\0\0\x08\x07\0\0\0\0\0", 9);
  goaway[2] = static_cast<char>(8 + why.size());
  for (std::uint32_t word : {static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(session_.get())),
                             static_cast<std::uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM)})
    for (int shift = 24; shift >= 0; shift -= 8) goaway.push_back(static_cast<char>(word >> shift));
  goaway += why;
  host_.out.append(goaway);
}

void Http2Server::on_ping(const nghttp2_ping& ping) {
  if (ping.hd.flags & NGHTTP2_FLAG_ACK) {
    if (draining_ && std::equal(drain_ping.begin(), drain_ping.end(), ping.opaque_data)) finish_drain();
    return;
  }
  spend(control_cost);
  if (!host_.settings.ping_policy) return;
  const PingPolicy& policy = *host_.settings.ping_policy;
  TimePoint before = std::exchange(last_ping_, now_);
  if (std::exchange(sent_something_, false)) {
    ping_strikes_ = 0;
    return;
  }
  Duration least = streams_.empty() && !policy.permit_without_stream ? Duration(2h) : policy.min_time;
  if (before != TimePoint{} && now_ < before + least && ++ping_strikes_ > 2) calm_down("too_many_pings");
}

void Http2Server::on_head(ServerStream& stream) {
  Incoming& incoming = stream.incoming;
  std::optional<std::uint64_t> length;
  if (auto text = incoming.head.headers.find("content-length")) {
    std::uint64_t value = 0;
    for (char c : *text) value = value * 10 + static_cast<std::uint64_t>(c - '0');  // nghttp2 has checked it
    length = value;
  }
  auto refusal = incoming.begin(length);
  stream.is_grpc = incoming.head.is_grpc;
  stream.is_head = incoming.head.method() == "HEAD";
  if (stream.headers_too_big && !refusal) refusal = incoming.refuse({Errc::invalid, "request head too large", {}}, 431);
  if (refusal) return answer(stream.id, std::move(*refusal));
  stream.call = incoming.open_call(stream.id);
  if (!stream.call) stream.read_by = later(now_, host_.settings.read_timeout);
  stream.deadline = incoming.deadline().value_or(TimePoint::max());
  stream_deadline_ = std::min({stream_deadline_, stream.read_by, stream.deadline});
}

void Http2Server::on_end(ServerStream& stream) {
  stream.ended = true;
  stream.read_by = TimePoint::max();
  if (stream.answered) return;
  if (stream.call) return proceed(stream, stream.call->end());
  std::int32_t id = stream.id;
  if (auto refusal = stream.incoming.finish(id)) answer(id, std::move(*refusal));
}

void Http2Server::on_data(std::int32_t id, std::string_view data) {
  head_alone_ = false;
  ServerStream* stream = find(id);
  if (stream == nullptr || stream->answered) return withhold(data.size());
  if (stream->call) {
    // Others on this connection go on while this stream waits for its messages to be settled.
    nghttp2_session_consume_connection(session_.get(), data.size());
    return proceed(*stream, stream->call->append(data));
  }
  if (auto refusal = stream->incoming.append(data)) {
    answer(id, std::move(*refusal));
    return withhold(data.size());
  }
  nghttp2_session_consume(session_.get(), id, data.size());
}

// After a streaming call was told something: it fails, or its peer may send more.
void Http2Server::proceed(ServerStream& stream, Result<> result) {
  if (!result && !stream.answered) answer(stream.id, stream.incoming.refuse(result.error()));
  if (std::size_t bytes = stream.call->take_window(); bytes > 0) nghttp2_session_consume_stream(session_.get(), stream.id, bytes);
}

void Http2Server::next(std::int32_t id) {
  if (dead_) return;
  ServerStream* stream = find(id);
  if (stream != nullptr && stream->call && !stream->answered) proceed(*stream, stream->call->next());
}

// What came for nobody is not granted again at once when there is no room: the peer would only go on.
void Http2Server::withhold(std::size_t bytes) {
  if (host_.budget.has_room() && release_at_ == TimePoint::max()) {
    nghttp2_session_consume_connection(session_.get(), bytes);
    return;
  }
  withheld_ += bytes;
  if (release_at_ == TimePoint::max()) release_at_ = now_ + withhold_time;
}

void Http2Server::release_window() {
  release_at_ = TimePoint::max();
  nghttp2_session_consume_connection(session_.get(), std::exchange(withheld_, 0));
}

void Http2Server::on_closed(std::int32_t id) {
  ServerStream* stream = find(id);
  if (stream == nullptr) return;
  nghttp2_session_set_stream_user_data(session_.get(), id, nullptr);
  std::uint32_t position = stream->position;
  std::swap(streams_[position], streams_.back());
  streams_[position]->position = position;
  streams_.pop_back();
  charge_.shrink_to(charge_.bytes() - stream_bytes);
  if (streams_.empty()) idle_since_ = now_;
}

void Http2Server::answer(std::int32_t id, Answer answer) {
  if (dead_) return;
  ServerStream* stream = find(id);
  if (stream == nullptr || std::exchange(stream->answered, true)) return;
  stream->read_by = stream->deadline = TimePoint::max();
  if (stream->call) stream->call->close();
  sent_something_ = true;
  if (auto* grpc = std::get_if<GrpcAnswer>(&answer)) return submit(*stream, std::move(*grpc));
  auto& response = std::get<Response>(answer);
  if (!stream->is_grpc) return submit(*stream, std::move(response));
  GrpcCode code = response.status >= 500 ? GrpcCode::internal : grpc_code_of_http(response.status);
  submit(*stream, GrpcAnswer{.code = code, .message = std::string(response.body.view())});
}

std::string encode_details(const GrpcAnswer& answer) {
  std::string bytes = answer.details;
  if (bytes.empty() && answer.retry_delay) bytes = encode_rpc_status({answer.code, answer.message, answer.retry_delay});
  if (bytes.empty()) return bytes;
  std::string text = encode_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

void Http2Server::submit(ServerStream& stream, GrpcAnswer answer) {
  std::string code = std::to_string(static_cast<int>(answer.code));
  std::string message = encode_grpc_message(answer.message), details = encode_details(answer);
  stream.trailers = std::move(answer.trailers);
  if (answer.code == GrpcCode::ok && !answer.without_message) {
    std::string prefix;
    append_grpc_prefix(prefix, false, answer.payload.size());
    stream.body.set_prefix(std::move(prefix));
    stream.body.add(std::move(answer.payload));
    const nghttp2_nv fields[] = {http2_field(":status", "200"), http2_field("content-type", "application/grpc")};
    return send_headers(stream, fields, true);
  }
  std::vector<nghttp2_nv> fields{http2_field(":status", "200"), http2_field("content-type", "application/grpc"),
                                 http2_field("grpc-status", code)};
  if (!message.empty()) fields.push_back(http2_field("grpc-message", message));
  if (!details.empty()) fields.push_back(http2_field("grpc-status-details-bin", details));
  if (answer.code == GrpcCode::unimplemented) fields.push_back(http2_field("grpc-accept-encoding", "gzip,zstd,snappy"));
  for (auto [name, value] : stream.trailers) fields.push_back(http2_field(name, value));
  send_headers(stream, fields, false);
}

void Http2Server::submit(ServerStream& stream, Response response) {
  add_response_headers(host_.settings, stream.incoming.origin(), response);
  std::string status = std::to_string(response.status), length = std::to_string(response.body.size());
  bool bodiless = response.status == 204 || response.status == 304;
  std::vector<nghttp2_nv> fields{http2_field(":status", status), http2_field("date", host_.date())};
  if (!bodiless && !response.source) fields.push_back(http2_field("content-length", length));
  for (auto [name, value] : response.headers)
    if (!forbidden_in_http2(name)) fields.push_back(http2_field(name, value));
  if (!stream.is_head && !bodiless) {
    stream.source = std::move(response.source);
    if (!stream.source) stream.body.add(std::move(response.body));
  }
  send_headers(stream, fields, stream.body.left() > 0 || stream.source);
}

void Http2Server::send_headers(ServerStream& stream, std::span<const nghttp2_nv> fields, bool with_body) {
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t size, std::uint32_t* flags,
                              nghttp2_data_source* source, void* p) {
    return static_cast<Http2Server*>(p)->read_body(id, *static_cast<ServerStream*>(source->ptr), size, *flags);
  };
  int error = nghttp2_submit_response(session_.get(), stream.id, fields.data(), fields.size(), with_body ? &provider : nullptr);
  // Fields that may not be sent: whoever made them is told by the log of the client.
  if (error != 0) nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
}

ssize_t Http2Server::read_body(std::int32_t id, ServerStream& stream, std::size_t size, std::uint32_t& flags) {
  if (stream.source && stream.body.left() == 0 && !make_part(stream)) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  std::size_t part = std::min(size, stream.body.left());
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (part < stream.body.left() || stream.source) return static_cast<ssize_t>(part);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!stream.is_grpc) return static_cast<ssize_t>(part);
  flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  std::vector<nghttp2_nv> fields{http2_field("grpc-status", "0")};
  for (auto [name, value] : stream.trailers) fields.push_back(http2_field(name, value));
  nghttp2_submit_trailer(session_.get(), id, fields.data(), fields.size());
  return static_cast<ssize_t>(part);
}

// One part for each time that the connection is asked to produce, since a part is a lot of work. False when there is nothing to send yet.
bool Http2Server::make_part(ServerStream& stream) {
  if (std::exchange(made_part_, true)) return false;
  std::string text;
  bool more = stream.source->next(text);
  stream.body.add(Bytes::take(std::move(text)));
  if (!more) stream.source.reset();
  return stream.body.left() > 0 || !more;
}

// The stream after the one that was last, so that bodies take turns.
void Http2Server::resume_one() {
  made_part_ = false;
  ServerStream* next = nullptr;
  auto distance = [&](const ServerStream& stream) { return static_cast<std::uint32_t>(stream.id) - static_cast<std::uint32_t>(last_resumed_) - 1; };
  for (auto& stream : streams_)
    if (stream->deferred && (next == nullptr || distance(*stream) < distance(*next))) next = stream.get();
  if (next == nullptr) return;
  next->deferred = false;
  last_resumed_ = next->id;
  nghttp2_session_resume_data(session_.get(), next->id);
}

// An answer that came before the end of the request: the rest is of no use.
void Http2Server::on_frame_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_DATA && frame.hd.type != NGHTTP2_HEADERS) return;
  if (!(frame.hd.flags & NGHTTP2_FLAG_END_STREAM)) return;
  ServerStream* stream = find(frame.hd.stream_id);
  if (stream != nullptr && !stream->ended)
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
}

bool Http2Server::produce() {
  if (dead_) return false;
  if (host_.out.size() <= out_high_water) {
    resume_one();
    if (nghttp2_session_send(session_.get()) != 0) dead_ = true;
  }
  return !dead_ && (nghttp2_session_want_read(session_.get()) != 0 || nghttp2_session_want_write(session_.get()) != 0);
}

TimePoint Http2Server::deadline() const {
  if (dead_) return TimePoint::max();
  const ServerKeepalive& keepalive = host_.settings.keepalive;
  TimePoint quiet = ping_answer_by_ != TimePoint::max() ? ping_answer_by_ : later(now_, keepalive.time);
  TimePoint idle = streams_.empty() && !draining_ ? later(idle_since_, idle_limit()) : TimePoint::max();
  return std::min({header_by_, stream_deadline_, quiet, idle, age_at_, kill_at_, drain_at_, release_at_});
}

bool Http2Server::on_time(TimePoint now) {
  if (dead_) return false;
  if (now >= header_by_) {
    ++host_.stats.bad_peers;
    dead_ = true;
    return false;
  }
  if (now >= kill_at_ || !keep_alive(now)) {
    dead_ = true;
    return false;
  }
  if (now >= stream_deadline_) expire_streams(now);
  if (now >= release_at_) release_window();
  if (now >= drain_at_) finish_drain();
  bool idle = streams_.empty() && now >= later(idle_since_, idle_limit());
  if (!draining_ && (idle || now >= age_at_)) {
    age_at_ = TimePoint::max();
    kill_at_ = later(now, host_.settings.keepalive.max_connection_age_grace);
    return drain();
  }
  return true;
}

bool Http2Server::keep_alive(TimePoint now) {
  if (now >= ping_answer_by_) return false;
  const ServerKeepalive& keepalive = host_.settings.keepalive;
  if (ping_answer_by_ == TimePoint::max() && now >= later(now_, keepalive.time)) {
    nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
    ping_answer_by_ = later(now, keepalive.timeout);
  }
  return true;
}

void Http2Server::expire_streams(TimePoint now) {
  stream_deadline_ = TimePoint::max();
  // Answering does not close a stream at once: the list stays as it is meanwhile.
  for (auto& stream : streams_) {
    if (now >= stream->deadline)
      answer(stream->id, GrpcAnswer{.code = GrpcCode::deadline_exceeded, .message = "the call's time is over"});
    else if (now >= stream->read_by)
      answer(stream->id, stream->incoming.refuse({Errc::refused, "the request came too slowly", {}}, 408));
    else
      stream_deadline_ = std::min({stream_deadline_, stream->read_by, stream->deadline});
  }
}

// In two steps, so that requests which are on their way when we say it are still served.
bool Http2Server::drain() {
  if (dead_) return false;
  if (std::exchange(draining_, true)) return true;
  nghttp2_submit_shutdown_notice(session_.get());
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, drain_ping.data());
  drain_at_ = host_.clock.now() + drain_round_trip;
  return true;
}

void Http2Server::finish_drain() {
  drain_at_ = TimePoint::max();
  // Streaming calls would never end by themselves.
  for (auto& stream : streams_) {
    if (stream->call && !stream->answered) proceed(*stream, stream->call->go_away());
  }
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_.get()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

}  // namespace

std::unique_ptr<ServerProtocol> make_http2_server(ProtocolHost& host) { return std::make_unique<Http2Server>(host); }

}  // namespace weir::net
