#pragma once
// HTTP/1.1 on the wire: heads of requests and responses, and chunked bodies. Strict: what could be read in two ways is
// an error.
#include <optional>
#include <string>
#include <string_view>

#include "net/headers.h"

namespace weir::net {

struct HeadLimits {
  std::size_t bytes = 64 * 1024;
  std::size_t count = 256;
};

// How the body of a message ends.
struct Http1Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};

struct Http1RequestHead {
  Http1Framing framing;
  bool http11 = true;
  bool expect_continue = false;
  bool unknown_expectation = false;  // Expect with other words: 417
};

struct Http1ResponseHead {
  Http1Framing framing;
  int status = 0;
};

// The size of the head at the start of `bytes` with its closing empty line, or npos when that has not come. `searched`
// remembers how far earlier calls have looked; 0 at first.
std::size_t find_head_end(std::string_view bytes, std::size_t& searched);

// `head` is complete, with the closing empty line. The fields :method, :path and :authority are added first, as in
// HTTP/2, then the others.
Result<Http1RequestHead> parse_request_head(std::string_view head, const HeadLimits& limits, HeaderList& out);
Result<Http1ResponseHead> parse_response_head(std::string_view head, const HeadLimits& limits, HeaderList& out);

// Takes a chunked body apart, from pieces of any size.
class ChunkedDecoder {
 public:
  enum class Status : std::uint8_t { more, data, done };
  // Takes from `in`. `data`: `piece` is content, call again. `more`: `in` is used up. `done`: the body is complete and
  // `in` is what follows it.
  Result<Status> next(std::string_view& in, std::string_view& piece);

 private:
  enum class State : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf, done };
  Result<> byte(char c);
  Result<> end_of_size();
  Result<> end_of_trailer_line();
  State state_ = State::size;
  std::uint64_t left_ = 0;
  std::uint32_t digits_ = 0;
  std::uint32_t line_ = 0;      // bytes of the current extension or trailer line
  std::uint32_t trailers_ = 0;  // bytes of all trailers
};

std::string_view reason_phrase(int status);
// Names and values that may go on the wire: no control characters, no separators in names.
bool valid_header_name(std::string_view name);
bool valid_header_value(std::string_view value);

}  // namespace weir::net
