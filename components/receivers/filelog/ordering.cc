#include "components/receivers/filelog/ordering.h"

#include "base/number.h"

namespace weir::receivers::filelog {

Result<Ordering> Ordering::make(const OrderingCriteria& criteria, Duration exclude_older_than) {
  Ordering out;
  out.older_than_ = exclude_older_than;
  auto compile = [](std::string_view what, const std::string& pattern, std::optional<Regex>& to) -> Result<> {
    if (pattern.empty()) return {};
    auto regex = Regex::compile(pattern);
    if (!regex) return fail(Errc::config, "compile {}: {}", what, regex.error().what);
    to.emplace(std::move(*regex));
    return {};
  };
  WEIR_TRY(compile("group_by regex", criteria.group_by, out.group_by_));
  if (criteria.sort_by.empty()) return out;
  WEIR_TRY(compile("regex", criteria.regex, out.regex_));
  out.top_n_ = criteria.top_n == 0 ? 1 : criteria.top_n;
  for (auto& by : criteria.sort_by) {
    Rule rule{by.sort_type, 0, by.ascending};
    if (by.sort_type == SortType::none) return fail(Errc::config, "'sort_type' must be specified");
    if (by.sort_type != SortType::mtime) {
      if (!out.regex_) return fail(Errc::config, "'regex' must be specified when 'sort_by' is specified");
      if (by.regex_key.empty()) return fail(Errc::config, "regex key must be specified");
      auto names = out.regex_->group_names();
      rule.group = static_cast<std::size_t>(std::find(names.begin(), names.end(), by.regex_key) - names.begin()) + 1;
    }
    if (by.sort_type == SortType::timestamp) {
      if (by.layout.empty()) return fail(Errc::config, "layout must be specified");
      WEIR_ASSIGN(auto layout, ottl::TimeLayout::make(by.layout));
      rule.layout = std::make_shared<ottl::TimeLayout>(std::move(layout));
      WEIR_ASSIGN(rule.zone, ottl::Zone::load(by.location.empty() ? "UTC" : by.location));
    }
    out.rules_.push_back(std::move(rule));
  }
  return out;
}

void Ordering::apply(std::vector<Found>& files, UnixNanos now) const {
  if (older_than_ > 0s)
    std::erase_if(files, [&](auto& file) { return file.modified + static_cast<UnixNanos>(older_than_.count()) < now; });
  if (rules_.empty()) return;
  if (!group_by_) return choose(files, now);
  std::map<std::string, std::vector<Found>> groups;
  for (auto& file : files) {
    std::array<std::string_view, 2> found;
    RegexText subject(file.path);
    if (group_by_->groups() > 0 && group_by_->find(subject, 0, found)) groups[std::string(found[1])].push_back(std::move(file));
  }
  files.clear();
  for (auto& [name, group] : groups) {
    choose(group, now);
    std::move(group.begin(), group.end(), std::back_inserter(files));
  }
}

void Ordering::choose(std::vector<Found>& files, UnixNanos now) const {
  if (regex_) std::erase_if(files, [&](auto& file) { return !regex_->matches(file.path); });
  for (auto& rule : rules_) sort(files, rule, now);
  if (files.size() > top_n_) files.resize(top_n_);
}

// Files whose part of the path means nothing are left out.
void Ordering::sort(std::vector<Found>& files, const Rule& rule, UnixNanos now) const {
  struct Keyed {
    std::int64_t number = 0;
    std::string text;
    Found file;
  };
  std::vector<Keyed> keyed;
  std::vector<std::string_view> groups(regex_ ? regex_->groups() + 1 : 1);
  for (auto& file : files) {
    Keyed one;
    if (rule.type == SortType::mtime) {
      one.number = static_cast<std::int64_t>(file.modified);
    } else {
      RegexText subject(file.path);
      if (!regex_->find(subject, 0, groups)) continue;
      std::string_view part = rule.group < groups.size() ? groups[rule.group] : std::string_view();
      ottl::Value time;
      std::string wrong;
      if (rule.type == SortType::alphabetical) {
        one.text = part;
      } else if (rule.type == SortType::numeric) {
        auto number = parse_go_int(part);
        if (!number) continue;
        one.number = *number;
      } else if (rule.layout->read(part, *rule.zone, now, time, wrong)) {
        one.number = time.time.unix_nanos();
      } else {
        continue;
      }
    }
    one.file = std::move(file);
    keyed.push_back(std::move(one));
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    auto less = [](const Keyed& x, const Keyed& y) { return x.number != y.number ? x.number < y.number : x.text < y.text; };
    return rule.ascending ? less(a, b) : less(b, a);
  });
  files.clear();
  for (auto& one : keyed) files.push_back(std::move(one.file));
}

}  // namespace weir::receivers::filelog
