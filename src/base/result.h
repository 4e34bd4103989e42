#pragma once
// Errors as values. The code says what the caller should do, so that it can be mapped to an OTLP status in one place.
#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace weir {

enum class Errc : std::uint8_t {
  config,           // the user's configuration is wrong
  invalid,          // bytes from outside do not follow their format: never retry
  too_large,        // more than we take of anybody in one piece: never retry
  refused,          // we have no room or will not serve now: retry later
  retryable,        // a peer or the network failed in a way that may pass
  permanent,        // a peer refused for good: retrying cannot help
  unauthenticated,  // missing or wrong credentials
  unimplemented,    // nobody here handles this
  corrupt,          // our own stored bytes are damaged
  internal,         // a bug of ours, or of the machine
};

std::string_view to_string(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string what;
  std::chrono::nanoseconds retry_after{0};  // with refused/retryable: when to come back; 0 = the caller's own back-off
  std::uint8_t peer_code = 0;               // the gRPC status code that a peer answered, for whoever waits for the answer; 0: none did
};

template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(std::expected<T, Error>&& e) : std::expected<T, Error>(std::move(e)) {}
};

template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

[[noreturn]] void check_failed(const char* condition, const char* file, int line, const std::string& message);

}  // namespace weir

#define WEIR_CONCAT_(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_(a, b)

// Returns the error of `expr` to the caller, if it has one.
#define WEIR_TRY(expr)                                                                            \
  do {                                                                                            \
    if (auto weir_result = (expr); !weir_result) return std::unexpected(std::move(weir_result).error()); \
  } while (false)

// WEIR_ASSIGN(auto x, f()): x is the value of f(), or the caller gets the error.
#define WEIR_ASSIGN(decl, expr) WEIR_ASSIGN_(WEIR_CONCAT(weir_result_, __LINE__), decl, expr)
#define WEIR_ASSIGN_(name, decl, expr)                                 \
  auto name = (expr);                                                  \
  if (!name) return std::unexpected(std::move(name).error());          \
  decl = std::move(*name)

// Our own bugs only; stays on in release. Bytes from outside never reach one.
#define WEIR_CHECK(cond, ...)                                                                      \
  do {                                                                                             \
    if (!(cond)) [[unlikely]] ::weir::check_failed(#cond, __FILE__, __LINE__, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
