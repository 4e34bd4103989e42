#include "components/processors/redaction/queries.h"

namespace weir::processors::redaction {
namespace {

// Checks as it copies. Nesting takes a bit for each level, not the stack.
class JsonReader {
 public:
  explicit JsonReader(std::string_view json) : json_(json) {}

  std::optional<std::string> run() {
    out_.reserve(json_.size());
    do {
      skip_spaces();
      if (!value()) return std::nullopt;
    } while (!levels_.empty());
    for (std::size_t i = at_; i < json_.size(); ++i)
      if (!is_space(json_[i])) return std::nullopt;
    out_ += json_.substr(at_);
    return std::move(out_);
  }

 private:
  static constexpr std::size_t most_levels = 10'000;
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static char closing(bool object) { return object ? '}' : ']'; }
  char here() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  void skip_spaces() {
    while (is_space(here())) ++at_;
  }
  bool copy(char c) {
    if (here() != c) return false;
    out_ += c;
    ++at_;
    skip_spaces();
    return true;
  }

  // One value, or the beginning of one that has others inside; then as many ends as follow.
  bool value() {
    char c = here();
    if (c == '{' || c == '[') {
      bool object = c == '{';
      if (levels_.size() == most_levels) return false;
      levels_.push_back(object);
      copy(c);
      return here() == closing(object) ? behind_value() : !object || key();
    }
    if (!scalar()) return false;
    out_ += "\"?\"";
    return behind_value();
  }

  bool behind_value() {
    while (!levels_.empty()) {
      skip_spaces();
      bool object = levels_.back();
      if (copy(',')) return !object || key();
      if (here() != closing(object)) return false;
      out_ += json_[at_++];  // without the spaces behind it: those behind the outermost one are kept
      levels_.pop_back();
    }
    return true;
  }

  bool key() {
    std::size_t begin = at_;
    if (!text()) return false;
    out_ += json_.substr(begin, at_ - begin);
    skip_spaces();
    return copy(':');
  }

  bool scalar() {
    if (here() == '"') return text();
    for (std::string_view word : {"true", "false", "null"})
      if (json_.substr(at_).starts_with(word)) return at_ += word.size(), true;
    return number();
  }

  bool text() {
    if (here() != '"') return false;
    for (++at_; at_ < json_.size(); ++at_) {
      auto c = static_cast<unsigned char>(json_[at_]);
      if (c == '"') return ++at_, true;
      if (c < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool escape() {
    char c = ++at_ < json_.size() ? json_[at_] : '\0';
    if (c != 'u') return c != '\0' && std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    for (int i = 0; i < 4; ++i)
      if (std::string_view hex = "0123456789abcdefABCDEF"; ++at_ >= json_.size() || hex.find(json_[at_]) == hex.npos) return false;
    return true;
  }

  bool digits() {
    std::size_t begin = at_;
    while (here() >= '0' && here() <= '9') ++at_;
    return at_ > begin;
  }

  bool number() {
    if (here() == '-') ++at_;
    if (here() == '0') ++at_;
    else if (!digits()) return false;
    if (here() == '.' && (++at_, !digits())) return false;
    if (here() != 'e' && here() != 'E') return true;
    ++at_;
    if (here() == '+' || here() == '-') ++at_;
    return digits();
  }

  std::string_view json_;
  std::size_t at_ = 0;
  std::vector<bool> levels_;  // of what is open: true for an object
  std::string out_;
};

}  // namespace

std::optional<std::string> json_without_values(std::string_view json) { return JsonReader(json).run(); }

}  // namespace weir::processors::redaction
