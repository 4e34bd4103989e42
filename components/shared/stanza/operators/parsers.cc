// regex_parser, json_parser, json_array_parser, csv_parser, key_value_parser, uri_parser.
#include "base/text.h"
#include "base/regex.h"
#include "components/shared/stanza/parsing.h"
#include "components/shared/stanza/uri.h"
#include "ottl/text/csv.h"
#include "ottl/text/json.h"
#include "ottl/map_builder.h"
#include "ottl/text/unicode.h"

namespace weir::stanza {
namespace {

using config::field;

template <class Self, class Config>
Result<std::unique_ptr<Self>> make_parser(const Config& config) {
  auto out = std::make_unique<Self>();
  WEIR_TRY(out->prepare(config));
  return out;
}

Result<std::string_view> only_text(const Value& value, std::string_view what) {
  if (value.is(ValueType::string)) return value.text;
  return fail(Errc::permanent, "type '{}' cannot be parsed as {}", type_name(value), what);
}

// ---- regex_parser --------------------------------------------------------------------------------------------------

struct CacheConfig {
  std::uint16_t size = 0;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{field<&CacheConfig::size>("size", "Accepted; matching is fast enough without a cache.")};
    return rows;
  }
};

struct RegexConfig : ParserConfig {
  std::string regex;
  CacheConfig cache;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {
        field<&RegexConfig::regex>("regex", "An RE2 expression with named groups, which are what is found.", {.required = true}),
        field<&RegexConfig::cache>("cache", "Of results."),
    });
    return rows;
  }
};

class RegexParser final : public ParserBase {
 public:
  using ParserBase::prepare;
  static Result<std::unique_ptr<RegexParser>> make(const RegexConfig& config) {
    WEIR_ASSIGN(auto out, make_parser<RegexParser>(static_cast<const ParserConfig&>(config)));
    auto regex = Regex::compile(config.regex);
    if (!regex) return fail(Errc::config, "compiling regex: {}", regex.error().what);
    out->names_ = regex->group_names();
    if (std::all_of(out->names_.begin(), out->names_.end(), [](auto& name) { return name.empty(); }))
      return fail(Errc::config, "no named capture groups in regex pattern");
    // What is behind the last named group need not be found out.
    while (out->names_.back().empty()) out->names_.pop_back();
    out->groups_.resize(out->names_.size() + 1);
    out->regex_.emplace(std::move(*regex));
    return out;
  }

 private:
  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    WEIR_ASSIGN(auto text, only_text(value, "regex"));
    RegexText subject(text);
    if (!regex_->find(subject, 0, groups_)) return fail(Errc::permanent, "regex pattern does not match");
    auto* found = run.arena.make<Attributes>();
    found->reserve(run.arena, names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i].empty()) continue;
      std::string_view group = groups_[i + 1];
      found->set(run.arena, names_[i], Value::of(group.data() == nullptr ? std::string_view("") : group));
    }
    return Value::of(found);
  }

  std::optional<Regex> regex_;
  std::vector<std::string> names_;
  std::vector<std::string_view> groups_;
};

// ---- json_parser ---------------------------------------------------------------------------------------------------

struct JsonConfig : ParserConfig {
  bool parse_ints = false;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {
        field<&JsonConfig::parse_ints>("parse_ints", "Whole numbers stay whole; otherwise all numbers are doubles."),
    });
    return rows;
  }
};

class JsonParser final : public ParserBase {
 public:
  using ParserBase::prepare;
  static Result<std::unique_ptr<JsonParser>> make(const JsonConfig& config) {
    WEIR_ASSIGN(auto out, make_parser<JsonParser>(static_cast<const ParserConfig&>(config)));
    out->parse_ints_ = config.parse_ints;
    return out;
  }

 private:
  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    WEIR_ASSIGN(auto text, only_text(value, "JSON"));
    // With parse_ints the Go collector reads a stream, of which what follows the first value does not matter.
    WEIR_ASSIGN(Value parsed, parse_ints_ ? ottl::parse_first_json(text, run.arena, ottl::JsonNumbers::whole_or_real) : ottl::parse_json(text, run.arena));
    if (parsed.is(ValueType::empty)) return Value::of(run.arena.make<Attributes>());
    if (!parsed.is(ValueType::map)) return fail(Errc::permanent, "json: {} is no object", type_name(parsed));
    return parsed;
  }

  bool parse_ints_ = false;
};

// ---- json_array_parser ---------------------------------------------------------------------------------------------

struct JsonArrayConfig : ParserConfig {
  std::string header;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {
        field<&JsonArrayConfig::header>("header", "Names for the values, separated by commas; without it the result is a list."),
    });
    return rows;
  }
};

class JsonArrayParser final : public ParserBase {
 public:
  using ParserBase::prepare;
  static Result<std::unique_ptr<JsonArrayParser>> make(const JsonArrayConfig& config) {
    WEIR_ASSIGN(auto out, make_parser<JsonArrayParser>(static_cast<const ParserConfig&>(config)));
    if (!config.header.empty())
      for (auto name : split(config.header, ',')) out->header_.emplace_back(name);
    return out;
  }

 private:
  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    WEIR_ASSIGN(auto text, text_in(value, "json array"));
    otlp::Array empty;
    Result<Value> parsed = Value();
    if (!is_loose_number(text)) {
      parsed = ottl::parse_json(text, run.arena, ottl::JsonNumbers::whole_or_real);
      if (!parsed) return fail(Errc::permanent, "failed to parse entry");
    }
    otlp::Array& items = parsed->is(ValueType::array) ? parsed->array(run.arena) : empty;
    if (!header_.empty() && header_.size() != items.size())
      return fail(Errc::permanent, "wrong number of fields: expected {}, found {}", header_.size(), items.size());
    auto* list = run.arena.make<otlp::Array>();
    for (auto& item : items) {
      WEIR_ASSIGN(Value plain, flat(item, run));
      list->push_back(run.arena, plain);
    }
    if (header_.empty()) return Value::of(list);
    auto* map = run.arena.make<Attributes>();
    for (std::size_t i = 0; i < header_.size(); ++i) map->set(run.arena, header_[i], (*list)[i]);
    return Value::of(map);
  }

  // What is no array counts as an empty one, and everything made of a number's characters as a number.
  static bool is_loose_number(std::string_view text) {
    text = trim(text);
    return !text.empty() && text.find_first_not_of("0123456789.-+eE") == text.npos;
  }

  // Numbers are whole ones, objects are text, and there is no list in a list.
  static Result<Value> flat(const Value& item, Run& run) {
    if (item.is(ValueType::real)) return Value::of(std::int64_t{0});
    if (item.is(ValueType::map)) return Value::of(run.arena.copy(otlp::to_text(item)));
    if (item.is(ValueType::array)) return fail(Errc::permanent, "failed to parse entry");
    return item;
  }

  std::vector<std::string> header_;
};

// ---- csv_parser ----------------------------------------------------------------------------------------------------

struct CsvConfig : ParserConfig {
  std::string header, header_attribute, header_delimiter, delimiter;
  bool lazy_quotes = false, ignore_quotes = false;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {
        field<&CsvConfig::header>("header", "The names of the columns."),
        field<&CsvConfig::header_attribute>("header_attribute", "Instead of header: the attribute that has it."),
        field<&CsvConfig::header_delimiter>("header_delimiter", "What separates names in the header; without it, delimiter."),
        field<&CsvConfig::delimiter>("delimiter", "What separates values; without it, a comma."),
        field<&CsvConfig::lazy_quotes>("lazy_quotes", "Quotes may stand inside of values."),
        field<&CsvConfig::ignore_quotes>("ignore_quotes", "Quotes mean nothing."),
    });
    return rows;
  }
};

std::size_t runes_in(std::string_view text) {
  std::size_t n = 0;
  for (; !text.empty(); ++n) ottl::take_rune(text);
  return n;
}

std::vector<std::string_view> split_by(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> out;
  for (std::size_t at; (at = text.find(separator)) != text.npos; text.remove_prefix(at + separator.size())) out.push_back(text.substr(0, at));
  out.push_back(text);
  return out;
}

class CsvParser final : public ParserBase {
 public:
  using ParserBase::prepare;
  static Result<std::unique_ptr<CsvParser>> make(const CsvConfig& given) {
    CsvConfig config = given;
    if (config.delimiter.empty()) config.delimiter = ",";
    if (config.header_delimiter.empty()) config.header_delimiter = config.delimiter;
    if (config.ignore_quotes && config.lazy_quotes) return fail(Errc::config, "only one of 'ignore_quotes' or 'lazy_quotes' can be true");
    if (runes_in(config.delimiter) != 1) return fail(Errc::config, "invalid 'delimiter': '{}'", config.delimiter);
    if (runes_in(config.header_delimiter) != 1) return fail(Errc::config, "invalid 'header_delimiter': '{}'", config.header_delimiter);
    if (config.header.empty() && config.header_attribute.empty()) return fail(Errc::config, "missing required field 'header' or 'header_attribute'");
    if (!config.header.empty() && !config.header_attribute.empty())
      return fail(Errc::config, "only one header parameter can be set: 'header' or 'header_attribute'");
    if (!config.header.empty() && config.header.find(config.header_delimiter) == std::string::npos)
      return fail(Errc::config, "missing field delimiter in header");
    WEIR_ASSIGN(auto out, make_parser<CsvParser>(static_cast<const ParserConfig&>(config)));
    out->config_ = std::move(config);
    out->names_ = split_by(out->config_.header, out->config_.header_delimiter);
    return out;
  }

 private:
  Result<Value> parse(const Value& value, Entry& entry, Run& run) override {
    if (config_.header.empty()) {
      const Value* header = entry.attributes.find(config_.header_attribute);
      if (header == nullptr) return fail(Errc::permanent, "failed to read dynamic header attribute {}", config_.header_attribute);
      if (!header->is(ValueType::string)) return fail(Errc::permanent, "header is expected to be a string but is {}", type_name(*header));
      names_ = split_by(header->text, config_.header_delimiter);
    }
    WEIR_ASSIGN(auto text, text_in(value, "csv"));
    fields_.clear();
    if (config_.ignore_quotes)
      for (auto part : split_by(text, config_.delimiter)) fields_.emplace_back(part);
    else if (!ottl::split_csv_row(text, config_.delimiter, config_.lazy_quotes, fields_))
      return fail(Errc::permanent, "no csv lines found");
    if (fields_.size() != names_.size()) return fail(Errc::permanent, "wrong number of fields: expected {}, found {}", names_.size(), fields_.size());
    auto* map = run.arena.make<Attributes>();
    ottl::MapBuilder builder(*map, run.arena);
    for (std::size_t i = 0; i < names_.size(); ++i) builder.set(names_[i], Value::of(fields_[i].empty() ? std::string_view("") : run.arena.copy(fields_[i])));
    return Value::of(map);
  }

  CsvConfig config_;
  std::vector<std::string_view> names_;
  std::vector<std::string> fields_;
};

// ---- key_value_parser ----------------------------------------------------------------------------------------------

struct KeyValueConfig : ParserConfig {
  std::string delimiter = "=", pair_delimiter;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {
        field<&KeyValueConfig::delimiter>("delimiter", "Between key and value."),
        field<&KeyValueConfig::pair_delimiter>("pair_delimiter", "Between pairs; without it, a space."),
    });
    return rows;
  }
};

class KeyValueParser final : public ParserBase {
 public:
  using ParserBase::prepare;
  static Result<std::unique_ptr<KeyValueParser>> make(const KeyValueConfig& config) {
    if (config.delimiter.empty()) return fail(Errc::config, "delimiter is a required parameter");
    std::string pair = config.pair_delimiter.empty() ? " " : config.pair_delimiter;
    if (config.delimiter == pair) return fail(Errc::config, "delimiter and pair_delimiter cannot be the same value");
    WEIR_ASSIGN(auto out, make_parser<KeyValueParser>(static_cast<const ParserConfig&>(config)));
    out->delimiter_ = config.delimiter;
    out->pair_delimiter_ = pair;
    return out;
  }

 private:
  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    WEIR_ASSIGN(auto text, only_text(value, "key value pairs"));
    if (text.empty()) return fail(Errc::permanent, "parse from field {} is empty", parse_from().to_string());
    auto* map = run.arena.make<Attributes>();
    ottl::MapBuilder builder(*map, run.arena);
    std::string wrong;
    bool closed = each_pair(text, [&](std::string_view pair) {
      std::size_t at = pair.find(delimiter_);
      if (at == pair.npos) {
        wrong += fmt::format("{}cannot split \"{}\" into 2 items, got 1 item(s)", wrong.empty() ? "" : "; ", pair);
        return;
      }
      builder.set(run.arena.copy(ottl::trim_space(pair.substr(0, at))), kept(ottl::trim_space(pair.substr(at + delimiter_.size())), run));
    });
    if (!closed) return fail(Errc::permanent, "failed to parse pairs from input: never reached the end of a quoted value");
    if (!wrong.empty()) return fail(Errc::permanent, "{}", wrong);
    return Value::of(map);
  }
  static Value kept(std::string_view text, Run& run) { return Value::of(text.empty() ? std::string_view("") : run.arena.copy(text)); }

  // Pairs without their quotes; what is quoted is not divided. False when a quote has no end.
  template <class Each>
  bool each_pair(std::string_view text, Each each) {
    current_.clear();
    char quote = 0;
    bool escaped = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (quote == 0 && text.substr(i).starts_with(pair_delimiter_)) {
        i += pair_delimiter_.size() - 1;
        if (!current_.empty()) each(std::string_view(current_));
        current_.clear();
        continue;
      }
      char c = text[i];
      if (!escaped) {
        if (quote == 0 && (c == '"' || c == '\'')) {
          quote = c;
          continue;
        }
        if (c == quote) {
          quote = 0;
          continue;
        }
        escaped = c == '\\';
      } else {
        escaped = false;
      }
      current_ += c;
    }
    if (quote != 0) return false;
    if (!current_.empty()) each(std::string_view(current_));
    return true;
  }

  std::string delimiter_, pair_delimiter_, current_;
};

// ---- uri_parser ----------------------------------------------------------------------------------------------------

class UriParser final : public ParserBase {
 public:
  using ParserBase::prepare;
  static Result<std::unique_ptr<UriParser>> make(const ParserConfig& config) { return make_parser<UriParser>(config); }

 private:
  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    WEIR_ASSIGN(auto text, only_text(value, "URI"));
    return parse_uri(text, run.arena);
  }
};

}  // namespace

OperatorType regex_parser_operator() { return operator_type<RegexConfig, RegexParser>("regex_parser"); }
OperatorType json_parser_operator() { return operator_type<JsonConfig, JsonParser>("json_parser"); }
OperatorType json_array_parser_operator() { return operator_type<JsonArrayConfig, JsonArrayParser>("json_array_parser"); }
OperatorType csv_parser_operator() { return operator_type<CsvConfig, CsvParser>("csv_parser"); }
OperatorType key_value_parser_operator() { return operator_type<KeyValueConfig, KeyValueParser>("key_value_parser"); }
OperatorType uri_parser_operator() { return operator_type<ParserConfig, UriParser>("uri_parser"); }

}  // namespace weir::stanza
