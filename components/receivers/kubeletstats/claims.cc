#include "components/receivers/kubeletstats/claims.h"

#include <algorithm>

#include "kube/json.h"

namespace weir::receivers::kubeletstats {

void ClaimFinder::find(std::vector<std::string> claims, std::function<void()> done) {
  std::erase_if(known_, [&](auto& entry) { return std::find(claims.begin(), claims.end(), entry.first) == claims.end(); });
  std::erase_if(claims, [&](auto& claim) { return known_.contains(claim); });
  missing_ = std::move(claims);
  done_ = std::move(done);
  next();
}

// One after another: they are few, and there are many nodes.
void ClaimFinder::next() {
  if (missing_.empty()) return std::exchange(done_, {})();
  std::string claim = std::move(missing_.back());
  missing_.pop_back();
  std::size_t slash = claim.find('/');
  ask(fmt::format("/api/v1/namespaces/{}/persistentvolumeclaims/{}", claim.substr(0, slash), claim.substr(slash + 1)), [this, claim](const std::string& body) {
    auto object = kube::parse_json(body);
    const config::Value* volume = object ? object->find("spec::volumeName") : nullptr;
    if (volume == nullptr || volume->text().empty()) {
      failure_ = fmt::format("the claim {} has no volume yet", claim);
      return next();
    }
    ask("/api/v1/persistentvolumes/" + volume->text(), [this, claim](const std::string& found) {
      known_[claim] = type_of_volume(found);
      next();
    });
  });
}

void ClaimFinder::ask(const std::string& path, std::function<void(const std::string&)> then) {
  api_->send("GET", path, "", "", [this, alive = alive_, path, then = std::move(then)](Result<net::HttpResponse> answer) {
    if (!*alive) return;
    if (answer && answer->status == 200) return then(answer->body);
    if (answer && answer->status == 401) api_->refused();
    failure_ = fmt::format("{}: {}", path, answer ? fmt::format("status {}", answer->status) : answer.error().what);
    next();
  });
}

}  // namespace weir::receivers::kubeletstats
