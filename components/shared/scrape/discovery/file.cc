// Files with targets. Looks at their times every few seconds instead of being told: mounted configuration is swapped by
// symbolic links, of which watches see little.
#include "base/log.h"
#include "base/text.h"
#include "components/shared/scrape/discovery/discovery.h"
#include "io/fs.h"

namespace weir::scrape {
namespace {

constexpr Duration look_interval = 5s;
constexpr std::size_t max_file = 64 * 1024 * 1024;

class FileDiscovery final : public Discovery {
 public:
  FileDiscovery(const FileSd& config, const DiscoveryContext& context) : config_(config), executor_(context.executor), fs_(context.host.fs()), job_(context.job) {}
  ~FileDiscovery() override { executor_.cancel(timer_); }

  void start(Told told) override {
    told_ = std::move(told);
    timer_ = executor_.at(executor_.now(), [this] { look(); });
  }

 private:
  struct Known {
    std::uint64_t size = 0;
    UnixNanos modified = 0;
    std::vector<TargetGroup> groups;  // of the last time it could be read
    bool operator==(const Known& o) const { return size == o.size && modified == o.modified; }
  };

  void look() {
    bool refresh = executor_.now() >= refresh_at_;
    if (refresh) refresh_at_ = executor_.now() + std::max<Duration>(config_.refresh_interval.value, 1s);
    bool changed = !told_once_;
    std::map<std::string, Known> found;
    for (auto& pattern : config_.files)
      for (auto& path : matching(pattern)) look_at(path, refresh, found, changed);
    changed = changed || found.size() != files_.size();
    files_ = std::move(found);
    timer_ = executor_.at(executor_.now() + std::min<Duration>(look_interval, std::max<Duration>(config_.refresh_interval.value, 100ms)), [this] { look(); });
    if (!changed) return;
    told_once_ = true;
    std::vector<TargetGroup> all;
    for (auto& [path, file] : files_) all.insert(all.end(), file.groups.begin(), file.groups.end());
    told_(std::move(all));
  }

  std::vector<std::string> matching(const std::string& pattern) const {
    auto star = pattern.find('*');
    if (star == pattern.npos) return {pattern};
    auto slash = pattern.rfind('/');
    std::string directory = slash == pattern.npos ? "." : pattern.substr(0, std::max<std::size_t>(slash, 1));
    std::string prefix = pattern.substr(slash == pattern.npos ? 0 : slash + 1), suffix = pattern.substr(star + 1);
    prefix.resize(prefix.find('*'));
    std::vector<std::string> out;
    auto list = fs_.list(directory);
    if (!list) return out;
    for (auto& entry : *list)
      if (!entry.is_directory && entry.name.size() >= prefix.size() + suffix.size() && entry.name.starts_with(prefix) && entry.name.ends_with(suffix))
        out.push_back(slash == pattern.npos ? entry.name : pattern.substr(0, slash + 1) + entry.name);
    return out;
  }

  // A file that cannot be read keeps the targets it had; one that is gone has none.
  void look_at(const std::string& path, bool refresh, std::map<std::string, Known>& found, bool& changed) {
    auto info = fs_.info(path);
    if (!info || !*info) {
      if (auto old = files_.find(path); !info && old != files_.end()) found.emplace(path, old->second);
      return;
    }
    Known now{(*info)->size, (*info)->modified, {}};
    auto old = files_.find(path);
    if (old != files_.end() && old->second == now && !refresh) {
      found.emplace(path, std::move(old->second));
      return;
    }
    auto groups = read(path, now.size);
    if (groups) {
      now.groups = std::move(*groups);
      changed = true;
    } else {
      log::error("file_sd: cannot read targets", {{"job", job_}, {"path", path}, {"error", groups.error().what}});
      if (old != files_.end()) now.groups = old->second.groups;
    }
    found.emplace(path, std::move(now));
  }

  Result<std::vector<TargetGroup>> read(const std::string& path, std::uint64_t size) {
    if (size > max_file) return fail(Errc::invalid, "the file has more than {} bytes", max_file);
    WEIR_ASSIGN(auto file, fs_.open(path, io::OpenMode::read));
    std::string text(size, '\0');
    WEIR_ASSIGN(std::size_t got, file->read_at(0, text));
    text.resize(got);
    WEIR_ASSIGN(auto groups, to_lower(path).ends_with(".json") ? parse_groups_json(text, path) : parse_groups_yaml(text, path));
    for (auto& group : groups) group.labels.set("__meta_filepath", path);
    return groups;
  }

  FileSd config_;
  io::Executor& executor_;
  io::Fs& fs_;
  std::string job_;
  Told told_;
  io::TimerId timer_ = 0;
  TimePoint refresh_at_{};
  std::map<std::string, Known> files_;
  bool told_once_ = false;
};

}  // namespace

std::unique_ptr<Discovery> make_file_discovery(const FileSd& config, const DiscoveryContext& context) { return std::make_unique<FileDiscovery>(config, context); }

}  // namespace weir::scrape
