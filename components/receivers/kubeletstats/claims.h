#pragma once
// Finds which volumes are behind claims. One core.
#include "components/receivers/kubeletstats/summary.h"
#include "kube/transport.h"

namespace weir::receivers::kubeletstats {

// Remembers what it found as long as the claim is asked for. A claim that cannot be looked up is tried again with the next list.
class ClaimFinder {
 public:
  explicit ClaimFinder(std::unique_ptr<kube::Transport> api) : api_(std::move(api)) {}
  ~ClaimFinder() { *alive_ = false; }

  // Calls back once, when each of the claims was looked up or failed.
  void find(std::vector<std::string> claims, std::function<void()> done);
  const Claims& known() const { return known_; }
  // The last failure since this was asked; "": none.
  std::string take_failure() { return std::exchange(failure_, {}); }

 private:
  void next();
  void ask(const std::string& path, std::function<void(const std::string& body)> then);

  std::unique_ptr<kube::Transport> api_;
  Claims known_;
  std::vector<std::string> missing_;
  std::function<void()> done_;
  std::string failure_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with requests under way
};

}  // namespace weir::receivers::kubeletstats
