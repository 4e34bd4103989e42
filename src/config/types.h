#pragma once
// A setting that must not be shown: passwords, tokens, header values.
#include <fmt/core.h>

#include <string>

namespace weir::config {

class Secret {
 public:
  static constexpr std::string_view redacted = "[REDACTED]";

  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  // Whoever calls this keeps it out of logs, metrics and pages.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

// A number of bytes, written as 512MiB, 10MB or 1024.
struct ByteSize {
  std::uint64_t value = 0;
  auto operator<=>(const ByteSize&) const = default;
};

}  // namespace weir::config

template <>
struct fmt::formatter<weir::config::Secret> : fmt::formatter<std::string_view> {
  auto format(const weir::config::Secret&, auto& context) const {
    return fmt::formatter<std::string_view>::format(weir::config::Secret::redacted, context);
  }
};
