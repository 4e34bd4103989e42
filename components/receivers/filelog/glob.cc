#include "components/receivers/filelog/glob.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/text.h"

namespace weir::receivers::filelog {
namespace {

constexpr std::size_t most_alternatives = 1000;
constexpr std::size_t most_files = 1'000'000;
constexpr int most_levels = 40;

bool is_wild(std::string_view part) { return part.find_first_of("*?[\\") != part.npos; }

std::string unescaped(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\' && i + 1 < part.size()) ++i;
    out += part[i];
  }
  return out;
}

// [a-z], taken off the pattern. False when `c` is not in it.
bool matches_class(std::string_view& pattern, char c) {
  std::size_t i = 1;
  bool negated = i < pattern.size() && (pattern[i] == '^' || pattern[i] == '!');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (pattern[i] != ']' || first); first = false) {
    auto take = [&] {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      return pattern[i++];
    };
    char low = take(), high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = take();
    }
    found |= c >= low && c <= high;
  }
  pattern.remove_prefix(std::min(i + 1, pattern.size()));
  return found != negated;
}

Result<> check_part(std::string_view part) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\' && ++i >= part.size()) return fail(Errc::config, "parse glob: a backslash at the end");
    if (part[i] != '[') continue;
    std::size_t end = i + 1;
    if (end < part.size() && (part[end] == '^' || part[end] == '!')) ++end;
    if (end < part.size() && part[end] == ']') return fail(Errc::config, "parse glob: an empty character class in \"{}\"", part);
    while (end < part.size() && part[end] != ']') end += part[end] == '\\' ? 2 : 1;
    if (end >= part.size()) return fail(Errc::config, "parse glob: a character class without end in \"{}\"", part);
    i = end;
  }
  return {};
}

// {a,b}c becomes ac and bc.
Result<> expand(std::string_view pattern, std::vector<std::string>& out) {
  std::size_t open = pattern.npos;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') ++i;
    else if (pattern[i] == '}') return fail(Errc::config, "parse glob: '}}' without '{{' in \"{}\"", pattern);
    else if (pattern[i] == '{') {
      open = i;
      break;
    }
  }
  if (open == pattern.npos) {
    out.emplace_back(pattern);
    if (out.size() > most_alternatives) return fail(Errc::config, "parse glob: more than {} alternatives", most_alternatives);
    return {};
  }
  int depth = 0;
  std::size_t begin = open + 1;
  std::vector<std::string_view> choices;
  for (std::size_t i = open; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '{') {
      ++depth;
    } else if (pattern[i] == ',' && depth == 1) {
      choices.push_back(pattern.substr(begin, i - begin));
      begin = i + 1;
    } else if (pattern[i] == '}' && --depth == 0) {
      choices.push_back(pattern.substr(begin, i - begin));
      for (auto choice : choices) WEIR_TRY(expand(std::string(pattern.substr(0, open)) + std::string(choice) + std::string(pattern.substr(i + 1)), out));
      return {};
    }
  }
  return fail(Errc::config, "parse glob: '{{' without '}}' in \"{}\"", pattern);
}

std::string joined(const std::string& base, std::string_view name) {
  if (base.empty()) return std::string(name);
  return base.ends_with('/') ? base + std::string(name) : base + "/" + std::string(name);
}

std::string parent_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

enum class What : std::uint8_t { nothing, file, folder };
What what_is(const std::string& path) {
  struct stat s;
  if (::stat(path.empty() ? "." : path.c_str(), &s) != 0) return What::nothing;
  return S_ISDIR(s.st_mode) ? What::folder : S_ISREG(s.st_mode) ? What::file : What::nothing;
}

// Names and whether they are folders. Only those are looked at of which the directory does not say it.
std::vector<std::pair<std::string, What>> names_in(const std::string& folder) {
  std::vector<std::pair<std::string, What>> out;
  DIR* dir = ::opendir(folder.empty() ? "." : folder.c_str());
  if (dir == nullptr) return out;
  while (dirent* entry = ::readdir(dir)) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    What what = entry->d_type == DT_DIR ? What::folder : entry->d_type == DT_REG ? What::file : What::nothing;
    if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) what = what_is(joined(folder, name));
    if (what != What::nothing) out.emplace_back(name, what);
  }
  ::closedir(dir);
  return out;
}

}  // namespace

bool matches_part(std::string_view pattern, std::string_view name) {
  // Where to go on when what follows a star does not fit: the star takes one more.
  std::string_view star_pattern, star_name;
  bool star = false;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      star = true;
      star_pattern = pattern;
      star_name = name;
      continue;
    }
    if (name.empty() && pattern.empty()) return true;
    bool fits = false;
    if (!name.empty() && !pattern.empty()) {
      char c = name.front();
      if (pattern[0] == '[') {
        fits = matches_class(pattern, c);
        name.remove_prefix(1);
      } else {
        bool any = pattern[0] == '?';
        if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
        fits = any || pattern[0] == c;
        pattern.remove_prefix(1);
        name.remove_prefix(1);
        // A question mark is one character, not one byte.
        while (fits && any && !name.empty() && (name[0] & 0xC0) == 0x80) name.remove_prefix(1);
      }
    }
    if (fits) continue;
    if (!star || star_name.empty()) return false;
    star_name.remove_prefix(1);
    pattern = star_pattern;
    name = star_name;
  }
}

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.empty()) return fail(Errc::config, "parse glob: an empty path");
  std::vector<std::string> expanded;
  WEIR_TRY(expand(pattern, expanded));
  Glob out;
  for (auto& one : expanded) {
    Parts parts;
    for (auto part : split(one, '/')) {
      WEIR_TRY(check_part(part));
      // The first one is empty when the path begins at the root; others say nothing.
      if (!part.empty() || parts.empty()) parts.emplace_back(part);
    }
    out.alternatives_.push_back(std::move(parts));
  }
  return out;
}

bool Glob::matches(const Parts& parts, std::size_t at, std::string_view path) {
  for (; at < parts.size(); ++at) {
    if (parts[at] == "**") {
      if (at + 1 == parts.size()) return true;
      while (true) {
        if (matches(parts, at + 1, path)) return true;
        std::size_t slash = path.find('/');
        if (slash == path.npos) return false;
        path.remove_prefix(slash + 1);
      }
    }
    std::size_t slash = path.find('/');
    bool last = at + 1 == parts.size();
    if (last != (slash == path.npos) && !(slash == path.npos && at + 2 == parts.size() && parts[at + 1] == "**")) return false;
    if (!matches_part(parts[at], path.substr(0, slash))) return false;
    path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  }
  return path.empty();
}

bool Glob::matches(std::string_view path) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](auto& parts) { return matches(parts, 0, path); });
}

void Glob::find(const Parts& parts, std::size_t at, const std::string& base, int depth, Matches& matches) {
  if (depth > most_levels || matches.files.size() > most_files) return;
  if (at == parts.size()) {
    matches.directories.push_back(parent_of(base));
    if (what_is(base) == What::file) matches.files.push_back(base);
    return;
  }
  const std::string& part = parts[at];
  bool last = at + 1 == parts.size();
  if (part.empty()) return find(parts, at + 1, "/", depth, matches);
  if (part != "**" && !is_wild(part)) {
    std::string next = joined(base, part);
    // What is not there yet appears in the directory above.
    if (!last && what_is(next) != What::folder) return matches.directories.push_back(base.empty() ? "." : base);
    return find(parts, at + 1, next, depth, matches);
  }
  matches.directories.push_back(base.empty() ? "." : base);
  if (part == "**") {
    if (!last) find(parts, at + 1, base, depth, matches);
    for (auto& [name, what] : names_in(base)) {
      if (what == What::folder) find(parts, at, joined(base, name), depth + 1, matches);
      else if (last) matches.files.push_back(joined(base, name));
    }
    return;
  }
  for (auto& [name, what] : names_in(base)) {
    if (!matches_part(part, name)) continue;
    if (last && what == What::file) matches.files.push_back(joined(base, name));
    if (!last && what == What::folder) find(parts, at + 1, joined(base, name), depth, matches);
  }
}

void Glob::find(Matches& matches) const {
  for (auto& parts : alternatives_) {
    Parts plain = parts;
    for (auto& part : plain)
      if (part != "**" && part.find_first_of("*?[") == part.npos) part = unescaped(part);
    find(plain, 0, "", 0, matches);
  }
}

}  // namespace weir::receivers::filelog
