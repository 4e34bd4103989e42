#pragma once
// A configuration as a tree that still knows where each part was written and how.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::config {

// A text that configuration was read from: a file, a variable, a command-line argument.
struct Source {
  std::string name;  // "relay.yaml", "env:CONFIG", "--set"
  std::string text;  // shown, one line of it, beside an error
  bool hidden = false;  // may hold secrets: no line of it is shown
};

// Where something was written. Lines and columns start at 1; line 0 means that only the source is known.
struct Mark {
  std::shared_ptr<const Source> source;  // shared by all marks of one text
  std::uint32_t line = 0, column = 0;

  // "relay.yaml:14:5", "" when nothing is known.
  std::string to_string() const;
};

// What one load of a configuration may grow to, whatever its aliases and references say.
struct Limits {
  std::size_t source_bytes = 8 << 20;  // one text before parsing
  std::size_t text_bytes = 32 << 20;   // all scalars and keys after aliases and references
  std::size_t nodes = 250'000;
  std::size_t depth = 100;
};

struct Entry;

// One node. A scalar keeps the text as it was written beside its meaning, so that 00123 can still become the string
// "00123". Maps keep their order. Copies are deep.
class Value {
 public:
  enum class Kind : std::uint8_t {
    null,
    boolean,
    integer,   // fits std::int64_t
    unsigned_integer,  // only above that
    number,
    string,
    list,
    map,
  };

  Value();
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  static Value null(Mark mark = {});
  static Value of(bool value, Mark mark = {});
  static Value of(std::int64_t value, Mark mark = {});
  static Value of(std::uint64_t value, Mark mark = {});
  static Value of(double value, Mark mark = {});
  static Value string(std::string text, Mark mark = {});
  static Value list(Mark mark = {});
  static Value map(Mark mark = {});
  // What YAML makes of a scalar without quotes: 65_536, 0x1F, 0o17, true, ~, 1e3, text.
  static Value plain(std::string text, Mark mark = {});

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_map() const { return kind_ == Kind::map; }
  bool is_scalar() const { return kind_ != Kind::list && kind_ != Kind::map && kind_ != Kind::null; }
  // Has a text for who wants one: scalars, and what a reference became, whatever YAML makes of it.
  bool is_text() const { return is_scalar() || (expanded_ && !text_.empty()); }
  // A whole number as it is written that no 64 bits hold.
  bool is_too_long_a_number() const;

  // Each is only meaningful for its kind; as_double() for all three kinds of numbers.
  bool as_bool() const { return scalar_.boolean; }
  std::int64_t as_int() const { return scalar_.integer; }
  std::uint64_t as_uint() const { return scalar_.unsigned_integer; }
  double as_double() const;

  // A scalar as it was written. Also for what a whole-value reference such as ${env:X} became, of any kind.
  const std::string& text() const { return text_; }
  // Written in quotes or as a block.
  bool quoted() const { return quoted_; }
  // Came out of a reference: its type was not chosen by who wrote the configuration.
  bool expanded() const { return expanded_; }
  const Mark& mark() const { return mark_; }

  // Lists and maps: their length. Others: 0.
  std::size_t size() const;
  // Lists only.
  const std::vector<Value>& items() const { return items_; }
  std::vector<Value>& items() { return items_; }
  // Maps only, in the order written. Keys are unique.
  const std::vector<Entry>& entries() const { return entries_; }
  std::vector<Entry>& entries() { return entries_; }

  // The value of a key, null pointer when this is no map or has no such key.
  const Value* get(std::string_view key) const;
  Value* get(std::string_view key);
  const Entry* entry(std::string_view key) const;
  // "service::pipelines::traces", list indexes are numbers.
  const Value* find(std::string_view path) const;
  // Adds or replaces. Turns a null into a map, a list.
  Value& set(std::string_view key, Value value, Mark key_mark = {});
  Value& push_back(Value value);

  void set_text(std::string text) { text_ = std::move(text); }
  void set_quoted(bool quoted) { quoted_ = quoted; }
  void set_expanded(bool expanded) { expanded_ = expanded; }
  void set_mark(Mark mark) { mark_ = std::move(mark); }

  // "a list", "the string 'x'", for messages; long texts are cut.
  std::string describe() const;

  // Nodes of this tree, and the bytes of its texts and keys.
  struct Weight {
    std::size_t nodes = 0, bytes = 0;
  };
  Weight weight() const;

 private:
  union Scalar {
    bool boolean;
    std::int64_t integer;
    std::uint64_t unsigned_integer = 0;
    double number;
  };

  Kind kind_ = Kind::null;
  bool quoted_ = false, expanded_ = false;
  Scalar scalar_;
  Mark mark_;
  std::string text_;
  std::vector<Value> items_;
  std::vector<Entry> entries_;
};

struct Entry {
  std::string key;
  Mark mark;  // of the key
  Value value;
};

// Same kinds and contents; marks and the way it was written do not count.
bool operator==(const Value& a, const Value& b);

// Deep for maps; everything else of `over` replaces what is in `base`. `append_lists`: a list gets the items of the
// other behind its own, without those that it has.
void merge(Value& base, Value over, bool append_lists = false);

std::string to_yaml(const Value& value);
std::string to_json(const Value& value);

}  // namespace weir::config
