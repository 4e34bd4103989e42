#include "net/incoming.h"

#include "base/text.h"

namespace weir::net {
namespace {

// What is charged ahead: as much again as has come, within these bounds. Thousands who announce a body and do not send
// it hold little.
constexpr std::size_t min_charge_ahead = 4 * 1024, max_charge_ahead = 1024 * 1024;
// Address space only: pages that are not written cost nothing.
constexpr std::size_t max_reserve = 64 * 1024 * 1024;

constexpr std::string_view grpc_type = "application/grpc";

bool is_grpc_type(std::string_view type) {
  return type.starts_with(grpc_type) &&
         (type.size() == grpc_type.size() || type[grpc_type.size()] == '+' || type[grpc_type.size()] == ';');
}

// '*' stands for any text.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return equal_ignore_case(pattern, text);
  std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  return text.size() >= before.size() + after.size() && equal_ignore_case(text.substr(0, before.size()), before) &&
         equal_ignore_case(text.substr(text.size() - after.size()), after);
}

bool allowed_origin(const Cors& cors, std::string_view origin) {
  return std::any_of(cors.allowed_origins.begin(), cors.allowed_origins.end(),
                     [&](const std::string& pattern) { return matches(pattern, origin); });
}

bool allowed_headers(const Cors& cors, std::string_view asked) {
  constexpr std::array<std::string_view, 4> always{"accept", "content-type", "x-requested-with", "origin"};
  for (std::string_view name : split(asked, ',')) {
    name = trim(name);
    auto same = [&](std::string_view other) { return equal_ignore_case(other, name) || other == "*"; };
    if (!name.empty() && std::none_of(always.begin(), always.end(), same) &&
        std::none_of(cors.allowed_headers.begin(), cors.allowed_headers.end(), same))
      return false;
  }
  return true;
}

void add_cors(const Cors& cors, std::string_view origin, Response& response) {
  if (cors.allowed_origins.empty() || origin.empty()) return;
  response.headers.add("vary", "Origin");
  if (!allowed_origin(cors, origin)) return;
  response.headers.add("access-control-allow-origin", origin);
  response.headers.add("access-control-allow-credentials", "true");
  if (!cors.exposed_headers.empty())
    response.headers.add("access-control-expose-headers", fmt::format("{}", fmt::join(cors.exposed_headers, ", ")));
}

bool is_preflight(const RequestHead& head) {
  return head.method() == "OPTIONS" && head.headers.find("access-control-request-method");
}

Response preflight_answer(const Cors& cors, const RequestHead& head) {
  Response response{.status = 204};
  std::string_view asked = head.headers.get("access-control-request-headers");
  if (!allowed_origin(cors, head.headers.get("origin")) || !allowed_headers(cors, asked)) return response;
  response.headers.add("access-control-allow-methods", head.headers.get("access-control-request-method"));
  if (!asked.empty()) response.headers.add("access-control-allow-headers", asked);
  if (cors.max_age > 0) response.headers.add("access-control-max-age", std::to_string(cors.max_age));
  return response;
}

}  // namespace

void BodyBuffer::announce(std::size_t size) {
  announced_ = size;
  text_.reserve(std::min(size, max_reserve));
}

std::size_t BodyBuffer::ahead() const {
  return std::min(announced_, text_.size() + std::clamp(text_.size(), min_charge_ahead, max_charge_ahead));
}

bool BodyBuffer::charge_for(std::size_t size) {
  std::size_t have = charge_.bytes();
  if (size <= have) return true;
  if (std::size_t more = ahead(); more > size && charge_.grow(more - have)) return true;
  return charge_.grow(size - have);
}

Result<> BodyBuffer::append(std::string_view bytes) {
  if (!charge_for(text_.size() + bytes.size())) return fail(Errc::refused, "no room for more data");
  text_ += bytes;
  return {};
}

std::size_t BodyBuffer::room(std::size_t waiting) {
  std::size_t wanted = std::min(announced_, std::max(ahead(), text_.size() + waiting));
  return charge_for(wanted) ? std::min(announced_, charge_.bytes()) - text_.size() : 0;
}

void BodyBuffer::discard() {
  text_ = {};
  charge_.release();
}

std::size_t Incoming::limit() const {
  std::size_t set = head.is_grpc ? host_.settings.max_recv_msg_size : host_.settings.max_request_body_size;
  return set == 0 ? std::size_t{UINT32_MAX} : set;
}

Answer Incoming::refuse(const Error& error, int http_status) {
  ++host_.stats.refused_requests;
  count_refused();  // what was counted shows before the answer does
  return host_.handler.on_error(head, error, http_status == 0 ? http_status_of(error) : http_status);
}

Answer Incoming::no_room() {
  return refuse({Errc::refused, "no room for more data", host_.settings.retry_delay}, 503);
}

Answer Incoming::too_large(std::uint64_t size) {
  host_.body_was_too_large = true;
  return refuse({Errc::permanent, fmt::format("received {} bytes, the limit is {}", size, limit()), {}}, 413);
}

std::optional<Answer> Incoming::begin(std::optional<std::uint64_t> content_length) {
  head.index();
  head.peer_address = host_.peer;
  head.is_grpc = head.http_major == 2 && is_grpc_type(head.content_type());
  return head.is_grpc ? begin_grpc() : begin_http(content_length);
}

std::optional<Answer> Incoming::begin_grpc() {
  if (head.method() != "POST") return refuse({Errc::invalid, "gRPC needs POST", {}}, 405);
  if (auto given = head.headers.find("grpc-timeout")) {
    auto timeout = parse_grpc_timeout(*given);
    if (!timeout) return refuse({Errc::internal, fmt::format("malformed grpc-timeout: {}", given->substr(0, 20)), {}});
    if (*timeout == Duration::zero()) {
      ++host_.stats.refused_requests;
      return GrpcAnswer{.code = GrpcCode::deadline_exceeded, .message = "the deadline was over when the call began"};
    }
    deadline_ = host_.clock.now() + *timeout;
  }
  auto encoding = compression_of(head.headers.get("grpc-encoding"));
  if (!encoding) return refuse({Errc::unimplemented, encoding.error().what, {}});
  encoding_ = *encoding;
  return host_.handler.on_head(head);
}

std::optional<Answer> Incoming::begin_http(std::optional<std::uint64_t> content_length) {
  const ServerSettings& settings = host_.settings;
  origin_ = head.headers.get("origin");
  if (!settings.cors.allowed_origins.empty() && is_preflight(head)) return preflight_answer(settings.cors, head);
  if (auto answer = host_.handler.on_head(head)) return answer;
  auto encoding = compression_of(head.headers.get("content-encoding"));
  if (!encoding) return refuse({Errc::invalid, encoding.error().what, {}}, 400);
  encoding_ = *encoding;
  if (!content_length) return std::nullopt;
  if (*content_length > limit()) return too_large(*content_length);
  body_.announce(static_cast<std::size_t>(*content_length));
  return std::nullopt;
}

std::optional<Answer> Incoming::append(std::string_view bytes) {
  if (head.is_grpc) return append_grpc(bytes);
  if (size() + bytes.size() > limit()) return too_large(size() + bytes.size());
  if (passing_) return pass(bytes);
  if (!body_.append(bytes)) return let_pass(bytes);
  return std::nullopt;
}

bool Incoming::compressed() const { return encoding_ != Compression::none && (!head.is_grpc || prefix_[0] == 1); }

void Incoming::count_refused() {
  if (body_.size() > 0) start_passing();
  body_.discard();
  passing_.reset();
}

// False when nobody wants to look at it.
bool Incoming::start_passing() {
  auto to = host_.handler.on_refused_body(head);
  if (!to) return false;
  auto inflow = Inflow::make(compressed() ? encoding_ : Compression::none);
  if (!inflow) return false;
  passing_.emplace(std::move(to), std::move(inflow));
  pass(body_.view());
  body_.discard();
  return true;
}

std::optional<Answer> Incoming::let_pass(std::string_view bytes) {
  if (!start_passing()) return no_room();
  return pass(bytes);
}

std::optional<Answer> Incoming::pass(std::string_view bytes) {
  passing_->size += bytes.size();
  look_at(bytes);
  return std::nullopt;
}

// Not further than into as much as a body may have: a few bytes can become a thousand times more.
void Incoming::look_at(std::string_view bytes) {
  constexpr std::size_t piece_bytes = 4 * 1024;
  Passing& passing = *passing_;
  auto show = [&](std::string_view part) {
    if (passing.inflated < limit()) passing.to->take(part.substr(0, limit() - passing.inflated));
    passing.inflated += part.size();
  };
  while (passing.to && !bytes.empty()) {
    std::string_view piece = bytes.substr(0, piece_bytes);
    bytes.remove_prefix(piece.size());
    if (!passing.inflow->take(piece, show) || passing.inflated > limit()) passing.to.reset();
  }
}

std::optional<Answer> Incoming::take_prefix(std::string_view& bytes) {
  while (prefix_size_ < grpc_prefix_bytes && !bytes.empty()) {
    prefix_[prefix_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
  }
  if (prefix_size_ < grpc_prefix_bytes) return std::nullopt;
  message_size_ = std::size_t{prefix_[1]} << 24 | std::size_t{prefix_[2]} << 16 | std::size_t{prefix_[3]} << 8 | prefix_[4];
  if (prefix_[0] > 1) return refuse({Errc::internal, "bad flag before a gRPC message", {}});
  if (message_size_ > limit()) return too_large(message_size_);
  body_.announce(message_size_);
  return std::nullopt;
}

std::optional<Answer> Incoming::append_grpc(std::string_view bytes) {
  if (prefix_size_ < grpc_prefix_bytes)
    if (auto answer = take_prefix(bytes)) return answer;
  if (bytes.empty()) return std::nullopt;
  if (bytes.size() > message_size_ - size())
    return refuse({Errc::internal, "more than one message in a unary call", {}});
  if (passing_) return pass(bytes);
  if (!body_.append(bytes)) return let_pass(bytes);
  return std::nullopt;
}

Result<> Incoming::grpc_complete() const {
  if (prefix_size_ < grpc_prefix_bytes || size() < message_size_)
    return fail(Errc::internal, "the call ended before its message");
  if (prefix_[0] == 1 && encoding_ == Compression::none)
    return fail(Errc::internal, "compressed message without grpc-encoding");
  return {};
}

std::optional<Answer> Incoming::inflate() {
  Charge charge = host_.budget.empty_charge();
  auto text = decompress(encoding_, body_.view(), limit(), charge);
  if (!text) {
    if (text.error().code == Errc::refused) return no_room();
    if (text.error().code == Errc::permanent) return refuse(text.error(), 413);
    return refuse(text.error(), 400);
  }
  body_.replace(std::move(*text), std::move(charge));
  return std::nullopt;
}

std::optional<Answer> Incoming::finish(std::int32_t stream) {
  if (head.is_grpc)
    if (auto complete = grpc_complete(); !complete) return refuse(complete.error());
  if (passing_) return no_room();
  wire_size_ = body_.size();
  bool is_compressed = compressed() && (head.is_grpc || wire_size_ > 0);
  if (is_compressed)
    if (auto answer = inflate()) return answer;
  ++host_.stats.requests;
  Request request(std::move(head));
  request.charge = body_.take_charge();
  request.body = Bytes::take(body_.take_text());
  request.content_encoding = is_compressed ? encoding_ : Compression::none;
  request.wire_size = wire_size_;
  request.deadline = deadline_;
  host_.handler.on_request(std::move(request), host_.responder(stream));
  return std::nullopt;
}

std::unique_ptr<IncomingCall> Incoming::open_call(std::int32_t stream) {
  if (!head.is_grpc || !host_.handler.streams(head)) return nullptr;
  auto call = host_.handler.on_call(head, host_.responder(stream));
  if (!call) return nullptr;
  ++host_.stats.requests;
  return std::make_unique<IncomingCall>(std::move(call), encoding_, limit(), host_.budget);
}

void add_response_headers(const ServerSettings& settings, std::string_view origin, Response& response) {
  for (auto [name, value] : settings.response_headers) response.headers.set(name, value);
  add_cors(settings.cors, origin, response);
}

}  // namespace weir::net
