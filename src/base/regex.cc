#include "base/regex.h"

#include <re2/re2.h>

namespace weir {
namespace {

// (?<name> to (?P<name>, outside of classes and quoted text.
std::string with_python_groups(std::string_view pattern) {
  std::string out;
  out.reserve(pattern.size() + 8);
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    out += c;
    if (c == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] == 'Q') {
        auto end = std::min(pattern.size(), pattern.find("\\E", i));
        out.append(pattern, i + 1, end - i - 1);
        i = end - 1;
      } else {
        out += pattern[++i];
      }
    } else if (c == '[' && !in_class) {
      in_class = true;
      // A bracket right behind [ or [^ is a member.
      if (pattern.substr(i + 1).starts_with('^')) out += pattern[++i];
      if (pattern.substr(i + 1).starts_with(']')) out += pattern[++i];
    } else if (c == ']') {
      in_class = false;
    } else if (c == '(' && !in_class && pattern.substr(i + 1).starts_with("?<")) {
      out += "?P";
      ++i;
    }
  }
  return out;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Regex::Regex(std::unique_ptr<re2::RE2> regex) : regex_(std::move(regex)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(with_python_groups(pattern), options);
  if (!regex->ok()) return fail(Errc::config, "invalid regular expression '{}': {}", pattern, regex->error());
  return Regex(std::move(regex));
}

bool Regex::matches(std::string_view text) const {
  return regex_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

bool Regex::matches_all(std::string_view text) const { return re2::RE2::FullMatch(piece(text), *regex_); }

bool Regex::find(std::string_view text, std::size_t start, std::span<std::string_view> groups) const {
  constexpr std::size_t on_stack = 16;
  std::array<re2::StringPiece, on_stack> few;
  std::vector<re2::StringPiece> many;
  std::size_t wanted = std::min(groups.size(), 1 + this->groups());
  re2::StringPiece* found = few.data();
  if (wanted > on_stack) {
    many.resize(wanted);
    found = many.data();
  }
  if (!regex_->Match(piece(text), start, text.size(), re2::RE2::UNANCHORED, found, static_cast<int>(wanted))) return false;
  for (std::size_t i = 0; i < wanted; ++i) groups[i] = {found[i].data(), found[i].size()};
  return true;
}

std::size_t Regex::groups() const { return static_cast<std::size_t>(regex_->NumberOfCapturingGroups()); }

std::vector<std::string> Regex::group_names() const {
  std::vector<std::string> out(groups());
  for (auto& [index, name] : regex_->CapturingGroupNames()) out[static_cast<std::size_t>(index) - 1] = name;
  return out;
}

const std::string& Regex::pattern() const { return regex_->pattern(); }

}  // namespace weir
