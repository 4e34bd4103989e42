#pragma once
// Remembers whom was let in and who was not, so that a password is hashed once and not with each request.
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace weir::extensions::basicauth {

// Any core. Keys are salted digests of what was sent, never that itself. When full, it starts anew.
class Verdicts {
 public:
  Verdicts();
  std::optional<bool> find(std::string_view credentials) const;
  void keep(std::string_view credentials, bool good);
  void forget();

  static constexpr std::size_t max_entries = 10'000;

 private:
  std::string key(std::string_view credentials) const;

  std::string salt_;
  mutable std::mutex mutex_;  // guards verdicts_
  std::unordered_map<std::string, bool> verdicts_;
};

// How much time may go into hashing: bcrypt takes 50 to 100 ms on the core that also moves data, and whoever guesses
// passwords makes us hash. Past a quarter of each second, unknown credentials are put off. Any core.
class HashingTime {
 public:
  // False: come back later.
  bool allowed(TimePoint now);
  void spent(Duration time);

  static constexpr Duration per_second = std::chrono::milliseconds(250);

 private:
  std::mutex mutex_;  // guards both
  TimePoint second_{};
  Duration used_{0};
};

}  // namespace weir::extensions::basicauth
