#include "components/shared/scrape/relabel/relabeler.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

#include "ottl/text/unicode.h"

namespace weir::scrape {
namespace {

std::string joined(const Rule& rule, const Labels& labels) {
  std::string out;
  for (std::size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) out += rule.separator;
    out += labels.get(rule.source_labels[i]);
  }
  return out;
}

// The last 8 bytes of the MD5 hash.
std::uint64_t hash_for_modulus(std::string_view text) {
  std::array<unsigned char, 16> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_md5(), nullptr);
  std::uint64_t out = 0;
  for (std::size_t i = 8; i < 16; ++i) out = out << 8 | digest[i];
  return out;
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); }

// Letters, digits and underscores at the front, those of other scripts too.
std::size_t word_length(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && is_word(text[n])) ++n;
  if (n == text.size() || (text[n] & 0x80) == 0) return n;
  static const auto word = Regex::compile("^[\\pL\\p{Nd}_]+");
  std::string_view found;
  RegexText subject(text);
  return word->find(subject, 0, std::span(&found, 1)) ? found.size() : n;
}

// The variable behind a '$' and how much of the text it takes; 0: none.
std::size_t take_variable(std::string_view text, std::string_view& name) {
  bool braced = text.starts_with('{');
  std::string_view rest = text.substr(braced ? 1 : 0);
  std::size_t n = word_length(rest);
  name = rest.substr(0, n);
  if (n == 0 || (braced && !rest.substr(n).starts_with('}'))) return 0;
  return braced ? n + 2 : n;
}

std::string_view group_of(std::string_view name, std::span<const std::string_view> groups, std::span<const std::string> names) {
  std::size_t number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  bool leading_zero = name.size() > 1 && name[0] == '0';  // a name then, as in Go
  if (error == std::errc{} && end == name.data() + name.size() && !leading_zero) return number < groups.size() ? groups[number] : std::string_view();
  for (std::size_t i = 0; i < names.size() && i + 1 < groups.size(); ++i)
    if (names[i] == name && groups[i + 1].data() != nullptr) return groups[i + 1];
  return {};
}

bool has_variable(std::string_view text) { return text.find('$') != text.npos; }

}  // namespace

std::string expand(std::string_view text, std::span<const std::string_view> groups, std::span<const std::string> names) {
  std::string out;
  while (!text.empty()) {
    std::size_t at = std::min(text.find('$'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    text.remove_prefix(1);
    std::string_view name;
    if (text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
    } else if (std::size_t taken = take_variable(text, name); taken > 0) {
      out += group_of(name, groups, names);
      text.remove_prefix(taken);
    } else {
      out += '$';
    }
  }
  return out;
}

Result<Relabeler> Relabeler::make(std::span<const Rule> rules, Naming naming) {
  Relabeler out;
  out.naming_ = naming;
  for (const Rule& rule : rules) {
    WEIR_TRY(rule.check(naming));
    Step step{.rule = rule};
    if (rule.regex != Rule::any) {
      WEIR_ASSIGN(step.regex, Regex::compile(fmt::format("^(?s:{})$", rule.regex)));
      step.names = step.regex->group_names();
    }
    out.steps_.push_back(std::move(step));
  }
  return out;
}

// Labels as rules change them. Prometheus' labelmap goes over those that no rule has set in the order of their names, then over the
// others in the order in which they were first set; where several become one label the last one wins.
class Relabeler::Edited {
 public:
  explicit Edited(Labels& labels) : labels_(labels) {}

  const Labels& labels() const { return labels_; }
  std::string_view get(std::string_view name) const { return labels_.get(name); }
  void set(std::string_view name, std::string_view value) {
    auto at = std::ranges::find(set_, name);
    if (value.empty() && at != set_.end()) set_.erase(at);
    if (!value.empty() && at == set_.end()) set_.emplace_back(name);
    labels_.set(name, value);
  }
  // A copy, for changes meanwhile.
  std::vector<Label> in_order() const {
    std::vector<Label> out;
    for (auto& label : labels_)
      if (std::ranges::find(set_, label.name) == set_.end()) out.push_back(label);
    for (auto& name : set_) out.push_back({name, std::string(labels_.get(name))});
    return out;
  }

 private:
  Labels& labels_;
  std::vector<std::string> set_;
};

bool Relabeler::apply(Labels& labels, const Trace& trace) const {
  Edited edited(labels);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    bool kept = apply(steps_[i], edited);
    if (trace) trace(i, labels, kept);
    if (!kept) return false;
  }
  return true;
}

bool Relabeler::apply(const Step& step, Edited& labels) const {
  const Rule& rule = step.rule;
  auto matches = [&](std::string_view text) { return !step.regex || step.regex->matches(text); };
  auto source = [&] { return joined(rule, labels.labels()); };
  switch (rule.action) {
    case Action::drop: return !matches(source());
    case Action::keep: return matches(source());
    case Action::dropequal: return labels.get(rule.target_label) != source();
    case Action::keepequal: return labels.get(rule.target_label) == source();
    case Action::replace: replace(step, source(), labels); break;
    case Action::lowercase: labels.set(rule.target_label, ottl::to_lower_case(source())); break;
    case Action::uppercase: labels.set(rule.target_label, ottl::to_upper_case(source())); break;
    case Action::hashmod: labels.set(rule.target_label, fmt::format("{}", hash_for_modulus(source()) % rule.modulus)); break;
    case Action::labelmap: {
      std::vector<std::string_view> groups(step.regex ? step.regex->groups() + 1 : 2);
      for (const Label& label : labels.in_order()) {
        RegexText text(label.name);
        if (!step.regex) groups[0] = groups[1] = text.text();
        else if (!step.regex->find(text, 0, groups)) continue;
        labels.set(expand(rule.replacement, groups, step.names), label.value);
      }
      break;
    }
    case Action::labeldrop:
    case Action::labelkeep: {
      Labels before = labels.labels();
      for (const Label& label : before)
        if (matches(label.name) == (rule.action == Action::labeldrop)) labels.set(label.name, {});
      break;
    }
  }
  return true;
}

void Relabeler::replace(const Step& step, const std::string& value, Edited& labels) const {
  const Rule& rule = step.rule;
  if (!step.regex && !has_variable(rule.target_label)) {  // the commonest rules: set, delete and copy
    if (rule.replacement == Rule::first_group) return labels.set(rule.target_label, value);
    if (!has_variable(rule.replacement)) return labels.set(rule.target_label, rule.replacement);
  }
  std::vector<std::string_view> groups(step.regex ? step.regex->groups() + 1 : 2);
  RegexText text(value);
  if (!step.regex) groups[0] = groups[1] = text.text();
  else if (!step.regex->find(text, 0, groups)) return;
  std::string target = expand(rule.target_label, groups, step.names);
  if (!valid_label_name(target, naming_)) return;
  labels.set(target, expand(rule.replacement, groups, step.names));
}

}  // namespace weir::scrape
