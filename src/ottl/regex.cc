#include "ottl/regex.h"

#include <re2/re2.h>

namespace weir::ottl {

struct Regex::Impl {
  explicit Impl(const std::string& pattern, const RE2::Options& options) : re(pattern, options) {}
  RE2 re;
};

namespace {

// (?<name>…) → (?P<name>…), the only spelling this RE2 knows.
std::string old_names(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    out += pattern[i];
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      out += pattern[++i];
    } else if (pattern[i] == '[') {
      in_class = true;
    } else if (pattern[i] == ']') {
      in_class = false;
    } else if (!in_class && pattern.substr(i).starts_with("(?<") && i + 3 < pattern.size() && pattern[i + 3] != '=' && pattern[i + 3] != '!') {
      out += "?P";
      ++i;
    }
  }
  return out;
}

// A glob as a regex of the same meaning.
class Glob {
 public:
  explicit Glob(std::string_view text) : text_(text) {}
  Result<std::string> regex() {
    WEIR_TRY(part(0));
    return "(?s)\\A(?:" + out_ + ")\\z";
  }

 private:
  Result<> part(int depth) {
    if (depth > 50) return fail(Errc::config, "nested too deep");
    for (; at_ < text_.size(); ++at_) {
      switch (char c = text_[at_]) {
        case '*':
          while (at_ + 1 < text_.size() && text_[at_ + 1] == '*') ++at_;
          out_ += ".*";
          break;
        case '?': out_ += '.'; break;
        case '[': WEIR_TRY(set()); break;
        case '{':
          out_ += "(?:";
          ++at_;
          WEIR_TRY(part(depth + 1));
          if (at_ >= text_.size()) return fail(Errc::config, "unexpected end of input");
          out_ += ')';
          break;
        case '}':
          if (depth > 0) return {};
          literal(c);
          break;
        case ',':
          if (depth > 0)
            out_ += '|';
          else
            literal(c);
          break;
        case '\\':
          if (++at_ >= text_.size()) return fail(Errc::config, "unexpected end of input");
          literal(text_[at_]);
          break;
        default: literal(c);
      }
    }
    return {};
  }
  Result<> set() {
    std::size_t end = text_.find(']', at_ + 1);
    if (end == std::string_view::npos || end == at_ + 1) return fail(Errc::config, "unexpected end of input");
    std::string_view body = text_.substr(at_ + 1, end - at_ - 1);
    out_ += '[';
    if (body.starts_with('!')) {
      out_ += '^';
      body.remove_prefix(1);
    }
    for (char c : body) {
      if (c == '[' || c == '\\' || c == '^') out_ += '\\';
      out_ += c;
    }
    out_ += ']';
    at_ = end;
    return {};
  }
  void literal(char c) {
    if (std::string_view("\\.+*?()|[]{}^$").contains(c)) out_ += '\\';
    out_ += c;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Regex::Regex() = default;
Regex::~Regex() = default;

Result<std::unique_ptr<Regex>> Regex::make(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(64 << 20);
  std::unique_ptr<Regex> out(new Regex);
  out->impl_ = std::make_unique<Impl>(old_names(pattern), options);
  if (!out->impl_->re.ok()) return fail(Errc::config, "error parsing regexp: {}", out->impl_->re.error());
  out->names_.resize(static_cast<std::size_t>(out->impl_->re.NumberOfCapturingGroups()));
  for (auto& [number, name] : out->impl_->re.CapturingGroupNames()) out->names_[static_cast<std::size_t>(number) - 1] = name;
  return out;
}

Result<std::unique_ptr<Regex>> Regex::glob(std::string_view pattern) {
  WEIR_ASSIGN(auto text, Glob(pattern).regex());
  return make(text);
}

bool Regex::matches(std::string_view text) const {
  return impl_->re.Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

bool Regex::find(std::string_view text, std::size_t from, std::vector<std::string_view>& groups) const {
  // RE2 tells "matched nothing" from "did not take part" by null data, so an empty text needs some address.
  if (text.data() == nullptr) text = "";
  re2::StringPiece pieces[32];
  std::size_t wanted = std::min<std::size_t>(names_.size() + 1, 32);
  if (!impl_->re.Match({text.data(), text.size()}, from, text.size(), RE2::UNANCHORED, pieces, static_cast<int>(wanted))) return false;
  groups.resize(wanted);
  for (std::size_t i = 0; i < wanted; ++i) groups[i] = {pieces[i].data(), pieces[i].size()};
  return true;
}

std::size_t Regex::rune_size(std::string_view text, std::size_t at) {
  std::size_t n = 1;
  while (at + n < text.size() && (text[at + n] & 0xC0) == 0x80) ++n;
  return n;
}

void Regex::expand(std::string_view replacement, const std::vector<std::string_view>& found, std::string& out) const {
  auto word = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  while (!replacement.empty()) {
    std::size_t dollar = replacement.find('$');
    out += replacement.substr(0, dollar);
    if (dollar == std::string_view::npos) return;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    bool braces = replacement.starts_with('{');
    std::size_t begin = braces ? 1 : 0, end = begin;
    while (end < replacement.size() && word(replacement[end])) ++end;
    if (end == begin || (braces && (end == replacement.size() || replacement[end] != '}'))) {
      out += '$';  // not a reference: stays as it is
      continue;
    }
    std::string_view name = replacement.substr(begin, end - begin);
    replacement.remove_prefix(end + (braces ? 1 : 0));
    bool number = std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number) {
      std::size_t i = 0;
      for (char c : name) i = std::min<std::size_t>(i * 10 + static_cast<std::size_t>(c - '0'), 1000);
      if (i < found.size()) out += found[i];
    } else {
      for (std::size_t i = 0; i < names_.size() && i + 1 < found.size(); ++i)
        if (names_[i] == name) {
          out += found[i + 1];
          break;
        }
    }
  }
}

Result<> PatternArg::prepare(Call& call, std::size_t argument, bool glob) {
  auto out = std::make_unique<PatternArg>();
  out->glob_ = glob;
  if (const Value* pattern = call.constant(argument)) {
    auto made = glob ? Regex::glob(pattern->text) : Regex::make(pattern->text);
    if (!made) return fail(Errc::config, "the pattern \"{}\" is not valid: {}", pattern->text, made.error().what);
    out->fixed_ = std::move(*made);
  }
  call.prepared = std::move(out);
  return {};
}

const Regex* PatternArg::get(EvalContext& c, const Call& call, std::size_t argument) {
  auto& self = static_cast<const PatternArg&>(*call.prepared);
  if (self.fixed_) return self.fixed_.get();
  std::string_view pattern;
  if (!call.text(c, argument, pattern)) return nullptr;
  if (self.latest_ && pattern == self.latest_text_) return self.latest_.get();
  auto made = self.glob_ ? Regex::glob(pattern) : Regex::make(pattern);
  if (!made) return c.fail("the pattern supplied to {} is not valid: {}", call.info().name, made.error().what), nullptr;
  self.latest_ = std::move(*made);
  self.latest_text_ = pattern;
  return self.latest_.get();
}

}  // namespace weir::ottl
