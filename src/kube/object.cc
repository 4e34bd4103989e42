#include "kube/object.h"

#include <algorithm>
#include <charconv>

namespace weir::kube {

const Resource& resource_of(Kind kind) {
  static const std::array table{
      Resource{"/api/v1", "pods", Kind::pod},
      Resource{"/api/v1", "nodes", Kind::node, false},
      Resource{"/api/v1", "namespaces", Kind::name_space, false},
      Resource{"/apis/apps/v1", "replicasets", Kind::replica_set},
      Resource{"/apis/apps/v1", "deployments", Kind::deployment},
      Resource{"/apis/apps/v1", "statefulsets", Kind::stateful_set},
      Resource{"/apis/apps/v1", "daemonsets", Kind::daemon_set},
      Resource{"/apis/batch/v1", "jobs", Kind::job},
      Resource{"/apis/batch/v1", "cronjobs", Kind::cron_job},
      Resource{"/api/v1", "services", Kind::service},
      Resource{"/apis/discovery.k8s.io/v1", "endpointslices", Kind::endpoint_slice},
      Resource{"/api/v1", "endpoints", Kind::endpoints},
      Resource{"/apis/networking.k8s.io/v1", "ingresses", Kind::ingress},
  };
  WEIR_CHECK(static_cast<std::size_t>(kind) < table.size());
  return table[static_cast<std::size_t>(kind)];
}

void Keys::add(std::string key) {
  auto at = std::lower_bound(keys_.begin(), keys_.end(), key);
  if (at == keys_.end() || *at != key) keys_.insert(at, std::move(key));
}

Result<> Keys::add_pattern(std::string pattern) {
  for (auto& known : patterns_)
    if (known->pattern() == pattern) return {};
  WEIR_ASSIGN(Regex regex, Regex::compile(pattern));
  patterns_.push_back(std::make_shared<const Regex>(std::move(regex)));
  return {};
}

bool Keys::keeps(std::string_view key) const {
  if (all_ || std::binary_search(keys_.begin(), keys_.end(), key)) return true;
  return std::any_of(patterns_.begin(), patterns_.end(), [&](auto& p) { return p->matches_all(key); });
}

bool Keys::merge(const Keys& other) {
  bool more = other.all_ && !all_;
  all_ = all_ || other.all_;
  for (auto& key : other.keys_)
    if (!std::binary_search(keys_.begin(), keys_.end(), key)) {
      more = more || !all_;
      add(key);
    }
  for (auto& pattern : other.patterns_) {
    auto same = [&](auto& p) { return p->pattern() == pattern->pattern(); };
    if (std::any_of(patterns_.begin(), patterns_.end(), same)) continue;
    more = more || !all_;
    patterns_.push_back(pattern);
  }
  return more;
}

bool Keep::merge(const Keep& other) {
  bool more = labels.merge(other.labels);
  more = annotations.merge(other.annotations) || more;
  for (auto flag : {&Keep::containers, &Keep::ports, &Keep::resources, &Keep::status, &Keep::raw}) {
    more = more || (other.*flag && !(this->*flag));
    this->*flag = this->*flag || other.*flag;
  }
  for (auto& path : other.paths)
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
      paths.push_back(path);
      more = true;
    }
  return more;
}

namespace {
const Pair* look_up(Pairs pairs, std::string_view key) {
  auto at = std::lower_bound(pairs.begin(), pairs.end(), key, [](const Pair& p, std::string_view k) { return p.key < k; });
  return at != pairs.end() && at->key == key ? &*at : nullptr;
}
}  // namespace

std::string_view find(Pairs pairs, std::string_view key) {
  const Pair* pair = look_up(pairs, key);
  return pair == nullptr ? std::string_view() : pair->value;
}

bool contains(Pairs pairs, std::string_view key) { return look_up(pairs, key) != nullptr; }

const Owner* Object::controller() const {
  for (auto& owner : owners)
    if (owner.controller) return &owner;
  return nullptr;
}

std::uint64_t version_number(std::string_view version) {
  std::uint64_t n = 0;
  auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), n);
  return error == std::errc() && end == version.data() + version.size() ? n : 0;
}

}  // namespace weir::kube
