#include "ottl/text/pattern.h"

#include "base/utf8.h"

namespace weir::ottl {

namespace {

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

Result<Pattern> Pattern::regex(std::string_view text) {
  WEIR_ASSIGN(auto compiled, Regex::compile(text));
  return Pattern(std::move(compiled));
}

Result<Pattern> Pattern::glob(std::string_view text) {
  WEIR_ASSIGN(auto translated, Glob(text).regex());
  return regex(translated);
}

bool Pattern::find(const RegexText& subject, std::size_t from, std::vector<std::string_view>& groups) const {
  groups.resize(names_.size() + 1);
  return regex_.find(subject, from, groups);
}

std::size_t Pattern::rune_size(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 1;
  std::size_t n = utf8_length(reinterpret_cast<const unsigned char*>(text.data()) + at, text.size() - at);
  return std::max<std::size_t>(n, 1);
}

void Pattern::expand(std::string_view replacement, const std::vector<std::string_view>& found, std::string& out) const {
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
  if (const Value* text = call.constant(argument)) {
    auto made = glob ? Pattern::glob(text->text) : Pattern::regex(text->text);
    if (!made) return fail(Errc::config, "the pattern \"{}\" is not valid: {}", text->text, made.error().what);
    out->fixed_ = std::move(*made);
  }
  call.prepared = std::move(out);
  return {};
}

const Pattern* PatternArg::get(EvalContext& c, const Call& call, std::size_t argument) {
  auto& self = static_cast<const PatternArg&>(*call.prepared);
  if (self.fixed_) return &*self.fixed_;
  std::string_view text;
  if (!call.text(c, argument, text)) return nullptr;
  if (self.latest_ && text == self.latest_text_) return &*self.latest_;
  auto made = self.glob_ ? Pattern::glob(text) : Pattern::regex(text);
  if (!made) return c.fail("the pattern supplied to {} is not valid: {}", call.info().name, made.error().what), nullptr;
  self.latest_ = std::move(*made);
  self.latest_text_ = text;
  return &*self.latest_;
}

}  // namespace weir::ottl
