#pragma once
// Entries of Secrets and ConfigMaps that monitors name: read when they are first asked for, and again each minute.
#include "components/shared/monitors/monitor.h"
#include "kube/transport.h"

namespace weir::app {

// One core.
class References {
 public:
  // `changed`: an answer has come, or something is another one now.
  References(kube::Transport& transport, io::Executor& executor, std::vector<std::string> name_spaces, std::function<void()> changed)
      : transport_(transport), executor_(executor), name_spaces_(std::move(name_spaces)), changed_(std::move(changed)) {}
  ~References();

  // Errc::retryable: it has been asked for.
  Result<std::string> find(const monitors::Reference& reference);
  // Between these two calls everything that is still used is looked up; the rest is forgotten.
  void begin();
  void end();

  static constexpr Duration interval = 1min;
  static constexpr std::size_t max_objects = 10'000;

 private:
  struct Name {
    bool config_map = false;
    std::string name_space, name;
    auto operator<=>(const Name&) const = default;
  };
  struct Known {
    bool answered = false, used = true;
    std::string version, problem;
    std::map<std::string, std::string> entries;
  };
  void ask(const Name& name);
  void take(const Name& name, Result<net::HttpResponse> response);

  kube::Transport& transport_;
  io::Executor& executor_;
  std::vector<std::string> name_spaces_;  // empty: all
  std::function<void()> changed_;
  std::map<Name, Known> known_;
  io::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with requests under way
};

}  // namespace weir::app
