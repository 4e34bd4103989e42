#pragma once
// Users and their passwords as Apache's htpasswd writes them.
#include <string>
#include <string_view>
#include <unordered_map>

namespace weir::extensions::basicauth {

// Whether a password is the one that was encoded: $apr1$, $1$, $2a$ $2b$ $2y$ (bcrypt), $5$, $6$, {SHA}, {SSHA}, or plain text.
bool password_matches(std::string_view password, const std::string& encoded);

// Immutable after reading, so any core may ask.
class Passwords {
 public:
  // Lines `user:encoded`; later ones replace earlier ones. Lines that make no sense are skipped and counted.
  void add(std::string_view text);

  // Takes as long as the encoding wants it to: bcrypt means it.
  bool matches(std::string_view user, std::string_view password) const;
  std::size_t users() const { return users_.size(); }
  std::size_t skipped() const { return skipped_; }

 private:
  std::unordered_map<std::string, std::string> users_;
  std::size_t skipped_ = 0;
};

}  // namespace weir::extensions::basicauth
