#include "base/regex.h"

#include <re2/re2.h>

#include <ranges>

#include "base/text.h"
#include "base/utf8.h"

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

// Takes literal text from the front of `pattern`, as RE2 understands it without any flags.
std::string take_literal(std::string_view& pattern) {
  constexpr std::string_view special = "\\.+*?()|[]{}^$";
  std::string out;
  while (!pattern.empty()) {
    bool quoted = pattern[0] == '\\' && pattern.size() > 1 && special.contains(pattern[1]);
    char c = pattern[quoted ? 1 : 0];
    if (c < ' ' || c > '~' || (!quoted && special.contains(c))) break;
    std::string_view rest = pattern.substr(quoted ? 2 : 1);
    if (!rest.empty() && std::string_view("*+?{").contains(rest[0])) break;  // not the letter itself, but how often
    out += c;
    pattern = rest;
  }
  return out;
}

bool take(std::string_view& pattern, std::string_view what) {
  if (!pattern.starts_with(what)) return false;
  pattern.remove_prefix(what.size());
  return true;
}

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::size_t grown = replacement.size() - 1;  // by which each replaced byte moves what is behind it

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

PlainPattern::PlainPattern(std::string_view pattern) {
  bool front = take(pattern, "^");
  std::string text = take_literal(pattern);
  bool rest = take(pattern, ".*"), back = take(pattern, "$");
  if (!pattern.empty() || (rest && back && !front)) return;
  text_ = std::move(text);
  if (front)
    form_ = !back ? Form::front : rest ? Form::line : Form::all;
  else
    form_ = back ? Form::back : Form::inside;
}

PlainPattern::Answer PlainPattern::found_in(std::string_view text) const {
  auto answer = [](bool found) { return found ? Answer::yes : Answer::no; };
  switch (form_) {
    case Form::other: return Answer::unknown;
    case Form::inside: return answer(text.contains(text_));
    case Form::front: return answer(text.starts_with(text_));
    case Form::back: return answer(text.ends_with(text_));
    case Form::all: return answer(text == text_);
    case Form::line: return answer(text.starts_with(text_) && !text.substr(text_.size()).contains('\n'));
  }
  return Answer::unknown;
}

RegexText::RegexText(std::string_view text) : text_(text.data() == nullptr ? "" : text) {
  if (valid_utf8(text_)) return;
  auto* p = reinterpret_cast<const unsigned char*>(text_.data());
  for (std::size_t i = 0; i < text_.size();) {
    std::size_t n = utf8_length(p + i, text_.size() - i);
    mended_ += n == 0 ? replacement : text_.substr(i, n);
    if (n == 0) wrong_.push_back(i);
    i += std::max<std::size_t>(n, 1);
  }
}

std::size_t RegexText::to_valid(std::size_t at) const {
  return at + grown * static_cast<std::size_t>(std::ranges::lower_bound(wrong_, at) - wrong_.begin());
}

std::size_t RegexText::from_valid(std::size_t at) const {
  auto count = std::views::iota(std::size_t{0}, wrong_.size());
  auto before = static_cast<std::size_t>(std::ranges::partition_point(count, [&](std::size_t i) { return wrong_[i] + grown * i < at; }) - count.begin());
  if (before == 0) return at;
  return std::max(at - grown * before, wrong_[before - 1] + 1);
}

Regex::Regex(std::unique_ptr<re2::RE2> regex) : regex_(std::move(regex)), plain_(regex_->pattern()) {}
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
  if (auto answer = plain_.found_in(text); answer != PlainPattern::Answer::unknown) return answer == PlainPattern::Answer::yes;
  if (!valid_utf8(text)) return find(text, 0, {});
  return regex_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

bool Regex::matches_all(std::string_view text) const { return re2::RE2::FullMatch(piece(RegexText(text).valid()), *regex_); }

bool Regex::find(const RegexText& subject, std::size_t start, std::span<std::string_view> groups) const {
  constexpr std::size_t on_stack = 16;
  std::array<re2::StringPiece, on_stack> few;
  std::vector<re2::StringPiece> many;
  std::size_t wanted = std::min(groups.size(), 1 + this->groups());
  re2::StringPiece* found = few.data();
  if (wanted > on_stack) {
    many.resize(wanted);
    found = many.data();
  }
  std::string_view valid = subject.valid();
  if (!regex_->Match(piece(valid), subject.to_valid(start), valid.size(), re2::RE2::UNANCHORED, found, static_cast<int>(wanted))) return false;
  for (std::size_t i = 0; i < wanted; ++i) {
    if (found[i].data() == nullptr) {
      groups[i] = {};
      continue;
    }
    auto begin = static_cast<std::size_t>(found[i].data() - valid.data());
    std::size_t from = subject.from_valid(begin);
    groups[i] = subject.text().substr(from, subject.from_valid(begin + found[i].size()) - from);
  }
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
