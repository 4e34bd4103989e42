#include "components/extensions/basicauth/verdicts.h"

#include <openssl/evp.h>

#include <random>

namespace weir::extensions::basicauth {

Verdicts::Verdicts() {
  std::random_device device;
  for (int i = 0; i < 4; ++i) salt_ += fmt::format("{:08x}", device());
}

std::string Verdicts::key(std::string_view credentials) const {
  std::string text = salt_, out(32, '\0');
  text += credentials;
  std::size_t size = 0;
  bool ok = EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1;
  WEIR_CHECK(ok && size == out.size(), "SHA256 is not available");
  return out;
}

std::optional<bool> Verdicts::find(std::string_view credentials) const {
  std::string k = key(credentials);
  std::lock_guard lock(mutex_);
  auto at = verdicts_.find(k);
  if (at == verdicts_.end()) return {};
  return at->second;
}

void Verdicts::keep(std::string_view credentials, bool good) {
  std::string k = key(credentials);
  std::lock_guard lock(mutex_);
  if (verdicts_.size() >= max_entries) verdicts_.clear();
  verdicts_[std::move(k)] = good;
}

void Verdicts::forget() {
  std::lock_guard lock(mutex_);
  verdicts_.clear();
}

bool HashingTime::allowed(TimePoint now) {
  std::lock_guard lock(mutex_);
  if (now - second_ >= 1s) {
    second_ = now;
    used_ = 0s;
  }
  return used_ < per_second;
}

void HashingTime::spent(Duration time) {
  std::lock_guard lock(mutex_);
  used_ += time;
}

}  // namespace weir::extensions::basicauth
