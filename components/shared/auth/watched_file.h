#pragma once
// A small file whose content may change while we run: a token that is renewed, say.
#include "io/executor.h"
#include "io/fs.h"

namespace weir::auth {

// First core only. Looks again instead of being told: Kubernetes swaps symbolic links, network file systems tell nothing.
class WatchedFile {
 public:
  WatchedFile(std::string path, io::Executor& executor, io::Fs& fs)
      : path_(std::move(path)), executor_(executor), fs_(fs) {}
  ~WatchedFile() { stop(); }

  // Calls `changed` with the content now, and again whenever it is another. Errc::config when it cannot be read now;
  // later errors are logged and the old content stays good.
  Result<> start(std::function<void(std::string_view content)> changed);
  void stop();

  static constexpr Duration interval = std::chrono::seconds(5);
  static constexpr std::size_t max_bytes = 1024 * 1024;

 private:
  Result<std::string> read() const;
  void look_again();

  std::string path_;
  io::Executor& executor_;
  io::Fs& fs_;
  std::function<void(std::string_view)> changed_;
  std::string content_;
  io::TimerId timer_ = 0;
  bool failing_ = false;
};

}  // namespace weir::auth
