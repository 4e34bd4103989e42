#include "components/shared/auth/watched_file.h"

#include "base/log.h"

namespace weir::auth {

Result<> WatchedFile::start(std::function<void(std::string_view)> changed) {
  auto content = read();
  if (!content) return fail(Errc::config, "{}", content.error().what);
  content_ = std::move(*content);
  changed_ = std::move(changed);
  changed_(content_);
  timer_ = executor_.at(executor_.now() + interval, [this] { look_again(); });
  return {};
}

void WatchedFile::stop() {
  if (timer_) executor_.cancel(timer_);
  timer_ = 0;
}

Result<std::string> WatchedFile::read() const {
  WEIR_ASSIGN(auto file, fs_.open(path_, io::OpenMode::read));
  if (file->size() > max_bytes) return fail(Errc::config, "{} has {} bytes, more than {}", path_, file->size(), max_bytes);
  std::string content(file->size(), '\0');
  WEIR_ASSIGN(std::size_t n, file->read_at(0, content));
  content.resize(n);
  return content;
}

void WatchedFile::look_again() {
  timer_ = executor_.at(executor_.now() + interval, [this] { look_again(); });
  auto content = read();
  // One line when it begins to fail, none for each look.
  if (!content && !failing_) log::warn("Cannot read a file again; its old content is used on.", {{"error", content.error().what}});
  failing_ = !content;
  if (!content || *content == content_) return;
  content_ = std::move(*content);
  changed_(content_);
}

}  // namespace weir::auth
