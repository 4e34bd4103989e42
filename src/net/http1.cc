#include "net/http1.h"

#include <charconv>

#include "base/text.h"

namespace weir::net {
namespace {

constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::size_t>(c)] = true;
  return table;
}();

bool is_value_byte(char c) {
  auto b = static_cast<unsigned char>(c);
  return (b >= 0x20 && b != 0x7F) || b == '\t';
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool lists(std::string_view value, std::string_view word) {
  for (std::string_view part : split(value, ','))
    if (equal_ignore_case(trim_blanks(part), word)) return true;
  return false;
}

// Up to the next CRLF, which is taken too. Heads end with one, so there always is one.
Result<std::string_view> take_line(std::string_view& in) {
  std::size_t end = in.find('\n');
  if (end == std::string_view::npos || end == 0 || in[end - 1] != '\r') return fail(Errc::invalid, "line without CRLF");
  std::string_view line = in.substr(0, end - 1);
  in.remove_prefix(end + 1);
  return line;
}

Result<> take_length(std::string_view value, Http1Framing& framing) {
  std::uint64_t length = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (error != std::errc{} || end != value.data() + value.size()) return fail(Errc::invalid, "bad content-length");
  if (framing.content_length && *framing.content_length != length) return fail(Errc::invalid, "two content-lengths");
  framing.content_length = length;
  return {};
}

struct Connection {
  bool close = false, keep_alive = false;
};

Result<> take_framing_field(HeaderList::Field field, Http1Framing& framing, Connection& connection) {
  if (field.name == "content-length") return take_length(field.value, framing);
  if (field.name == "transfer-encoding") {
    if (framing.chunked || !equal_ignore_case(field.value, "chunked"))
      return fail(Errc::invalid, "transfer-encoding other than chunked");
    framing.chunked = true;
  } else if (field.name == "connection") {
    connection.close |= lists(field.value, "close");
    connection.keep_alive |= lists(field.value, "keep-alive");
  }
  return {};
}

Result<> take_field(std::string_view line, HeaderList& out) {
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return fail(Errc::invalid, "header line without ':'");
  std::string_view name = line.substr(0, colon), value = trim_blanks(line.substr(colon + 1));
  if (!valid_header_name(name)) return fail(Errc::invalid, "bad header name");
  if (!valid_header_value(value)) return fail(Errc::invalid, "bad value of header '{}'", name);
  out.add(name, value);
  return {};
}

Result<> take_fields(std::string_view in, const HeadLimits& limits, bool http11, HeaderList& out,
                     Http1Framing& framing) {
  Connection connection;
  std::size_t first = out.size();
  for (;;) {
    WEIR_ASSIGN(std::string_view line, take_line(in));
    if (line.empty()) break;
    if (out.size() - first >= limits.count) return fail(Errc::invalid, "more than {} headers", limits.count);
    WEIR_TRY(take_field(line, out));
    WEIR_TRY(take_framing_field(out[out.size() - 1], framing, connection));
  }
  if (framing.chunked && (framing.content_length || !http11))
    return fail(Errc::invalid, "transfer-encoding beside content-length, or in HTTP/1.0");
  framing.keep_alive = http11 ? !connection.close : connection.keep_alive && !connection.close;
  return {};
}

Result<bool> take_version(std::string_view text) {
  if (text == "HTTP/1.1") return true;
  if (text == "HTTP/1.0") return false;
  return fail(Errc::invalid, "not HTTP/1.1");
}

// Leaves the path of "http://host/path" and the host in `authority`.
Result<> split_absolute_target(std::string_view& target, std::string_view& authority) {
  std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return fail(Errc::invalid, "bad request target");
  std::string_view rest = target.substr(scheme + 3);
  std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  authority = rest.substr(0, slash);
  target = slash == rest.size() ? std::string_view("/") : rest.substr(slash);
  return {};
}

Result<bool> take_request_line(std::string_view line, HeaderList& out, bool& has_authority) {
  std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return fail(Errc::invalid, "bad request line");
  std::string_view method = line.substr(0, first), target = line.substr(first + 1, last - first - 1), authority;
  WEIR_ASSIGN(bool http11, take_version(line.substr(last + 1)));
  bool printable = std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c != 0x7F; });
  if (!valid_header_name(method) || target.empty() || !printable) return fail(Errc::invalid, "bad request line");
  if (target.front() != '/' && target != "*") WEIR_TRY(split_absolute_target(target, authority));
  out.add(":method", method);
  out.add(":path", target);
  has_authority = !authority.empty();
  if (has_authority) out.add(":authority", authority);
  return http11;
}

}  // namespace

bool valid_header_name(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return token_table[static_cast<unsigned char>(c)]; });
}

bool valid_header_value(std::string_view value) { return std::all_of(value.begin(), value.end(), is_value_byte); }

std::size_t find_head_end(std::string_view bytes, std::size_t& searched) {
  std::size_t end = bytes.find("\r\n\r\n", searched);
  if (end != std::string_view::npos) return end + 4;
  searched = bytes.size() > 3 ? bytes.size() - 3 : 0;
  return std::string_view::npos;
}

Result<Http1RequestHead> parse_request_head(std::string_view head, const HeadLimits& limits, HeaderList& out) {
  if (head.size() > limits.bytes) return fail(Errc::invalid, "head of more than {} bytes", limits.bytes);
  Http1RequestHead result;
  bool has_authority = false;
  WEIR_ASSIGN(std::string_view line, take_line(head));
  WEIR_ASSIGN(bool http11, take_request_line(line, out, has_authority));
  WEIR_TRY(take_fields(head, limits, http11, out, result.framing));
  std::size_t hosts = out.values("host").size();
  if (hosts > 1 || (hosts == 0 && http11)) return fail(Errc::invalid, "{} host headers", hosts);
  if (!has_authority && hosts == 1) out.add(":authority", std::string(out.get("host")));
  result.http11 = http11;
  std::string_view expectation = out.get("expect");
  if (http11 && !expectation.empty() && !equal_ignore_case(expectation, "100-continue")) result.unknown_expectation = true;
  result.expect_continue = http11 && equal_ignore_case(out.get("expect"), "100-continue");
  return result;
}

Result<Http1ResponseHead> parse_response_head(std::string_view head, const HeadLimits& limits, HeaderList& out) {
  if (head.size() > limits.bytes) return fail(Errc::invalid, "head of more than {} bytes", limits.bytes);
  Http1ResponseHead result;
  WEIR_ASSIGN(std::string_view line, take_line(head));
  WEIR_ASSIGN(bool http11, take_version(line.substr(0, 8)));
  std::string_view code = line.substr(std::min<std::size_t>(line.size(), 9));
  if (line.size() < 12 || line[8] != ' ' || (code.size() > 3 && code[3] != ' '))
    return fail(Errc::invalid, "bad status line");
  auto [end, error] = std::from_chars(code.data(), code.data() + 3, result.status);
  if (error != std::errc{} || end != code.data() + 3 || result.status < 100)
    return fail(Errc::invalid, "bad status line");
  WEIR_TRY(take_fields(head, limits, http11, out, result.framing));
  return result;
}

// Sizes and data are handled in bulk by next(); everything else is a byte at a time.
Result<ChunkedDecoder::Status> ChunkedDecoder::next(std::string_view& in, std::string_view& piece) {
  while (!in.empty() && state_ != State::done) {
    if (state_ == State::data) {
      piece = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
      in.remove_prefix(piece.size());
      left_ -= piece.size();
      if (left_ == 0) state_ = State::data_cr;
      return Status::data;
    }
    WEIR_TRY(byte(in.front()));
    in.remove_prefix(1);
  }
  return state_ == State::done ? Status::done : Status::more;
}

Result<> ChunkedDecoder::byte(char c) {
  constexpr std::uint32_t max_line = 4096, max_trailers = 16 * 1024;
  auto expect = [&](char wanted, State next) -> Result<> {
    if (c != wanted) return fail(Errc::invalid, "bad chunk");
    state_ = next;
    return {};
  };
  switch (state_) {
    case State::size: {
      int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit >= 0) {
        if (++digits_ > 15) return fail(Errc::invalid, "chunk size of more than 15 digits");
        left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
        return {};
      }
      if (digits_ == 0) return fail(Errc::invalid, "chunk without size");
      line_ = 0;
      if (c == ';' || c == ' ' || c == '\t') state_ = State::extension;
      else return expect('\r', State::size_lf);
      return {};
    }
    case State::extension:
      if (c == '\r') state_ = State::size_lf;
      else if (!is_value_byte(c) || ++line_ > max_line) return fail(Errc::invalid, "bad chunk extension");
      return {};
    case State::size_lf:
      WEIR_TRY(expect('\n', State::data));
      return end_of_size();
    case State::data_cr: return expect('\r', State::data_lf);
    case State::data_lf: return expect('\n', State::size);
    case State::trailer:
      if (c == '\r') state_ = State::trailer_lf;
      else if (!is_value_byte(c) || ++trailers_ > max_trailers) return fail(Errc::invalid, "bad trailer");
      else ++line_;
      return {};
    case State::trailer_lf:
      WEIR_TRY(expect('\n', State::trailer));
      return end_of_trailer_line();
    case State::data:
    case State::done: break;
  }
  return {};
}

Result<> ChunkedDecoder::end_of_size() {
  digits_ = 0;
  line_ = 0;
  if (left_ == 0) state_ = State::trailer;
  return {};
}

// Trailers are skipped: nothing we serve or send has any.
Result<> ChunkedDecoder::end_of_trailer_line() {
  if (line_ == 0) state_ = State::done;
  line_ = 0;
  return {};
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

}  // namespace weir::net
