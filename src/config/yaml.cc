#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "base/text.h"

namespace weir::config {
namespace {

// Ends parsing early after an error that has been reported.
struct Stop {};

// Builds the tree from the parser's events. The stack holds the lists and maps that are still open.
class Builder : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const Source> source, Problems& problems, const Limits& limits)
      : source_(std::move(source)), problems_(problems), limits_(limits) {}

  Value take() { return std::move(root_); }
  Mark mark_of(const YAML::Mark& mark) const {
    if (mark.is_null()) return {source_, 0, 0};
    return {source_, static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    // The parser names the token behind an empty value; the key is what the user looks for.
    bool below_key = !stack_.empty() && stack_.back().has_key;
    Mark place = below_key ? stack_.back().key_mark : mark_of(mark);
    charge({1, 0}, place);
    add(Value::null(place), anchor, false);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(mark_of(mark), "an alias inside of what it stands for");
    charge(found->second.weight, mark_of(mark));
    Value copy = found->second.value;
    copy.set_mark(mark_of(mark));
    add(std::move(copy), 0, false);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    charge({1, text.size()}, mark_of(mark));
    if (!valid_utf8(text)) problems_.error(mark_of(mark), "text that is not UTF-8");
    add(scalar(tag, text, mark_of(mark)), anchor, tag == "?");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value::list(mark_of(mark)), anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Value::map(mark_of(mark)), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    // Maps: the key that waits for its value, and where each key came from.
    bool has_key = false, merge_key = false;
    std::string key;
    Mark key_mark;
    std::unordered_map<std::string, std::size_t> index;  // key -> place in value.entries()
    std::vector<Value> merges;                           // what `<<` named
  };
  struct Anchored {
    Value value;
    Value::Weight weight;
  };

  [[noreturn]] void stop(const Mark& mark, std::string message) {
    problems_.error(mark, std::move(message));
    throw Stop{};
  }

  void charge(Value::Weight w, const Mark& mark) {
    total_.nodes += w.nodes;
    total_.bytes += w.bytes;
    if (total_.nodes > limits_.nodes) stop(mark, fmt::format("more than {} values, aliases counted in full", limits_.nodes));
    if (total_.bytes > limits_.text_bytes)
      stop(mark, fmt::format("more than {} bytes of text, aliases counted in full", limits_.text_bytes));
  }

  Value scalar(const std::string& tag, const std::string& text, const Mark& mark) {
    constexpr std::string_view standard = "tag:yaml.org,2002:";
    if (tag == "?") return Value::plain(text, mark);
    bool typed = tag.starts_with(standard) && tag.substr(standard.size()) != "str";
    if (typed && tag.substr(standard.size()) != "binary") return Value::plain(text, mark);
    Value out = Value::string(text, mark);
    if (typed) {
      std::string bytes, packed = text;
      std::erase_if(packed, [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; });
      if (!decode_base64(packed, bytes)) problems_.error(mark, "!!binary is not base64");
      out.set_text(std::move(bytes));
    }
    out.set_quoted(true);
    return out;
  }

  void open(Value value, YAML::anchor_t anchor) {
    charge({1, 0}, value.mark());
    if (stack_.size() >= limits_.depth) stop(value.mark(), fmt::format("nested more than {} deep", limits_.depth));
    if (!stack_.empty() && wants_key()) stop(value.mark(), "a key must be a plain text, not a list or a map");
    stack_.emplace_back(Frame{std::move(value), anchor});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    for (auto& from : frame.merges) merge_into(frame, from);
    add(std::move(frame.value), frame.anchor, false);
  }

  bool wants_key() const { return stack_.back().value.is_map() && !stack_.back().has_key; }

  void add(Value value, YAML::anchor_t anchor, bool plain) {
    if (anchor != 0) {
      auto weight = value.weight();
      charge(weight, value.mark());
      anchors_.insert_or_assign(anchor, Anchored{value, weight});
    }
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.value.is_list()) {
      frame.value.push_back(std::move(value));
    } else if (!frame.has_key) {
      take_key(frame, std::move(value), plain);
    } else {
      frame.has_key = false;
      if (frame.merge_key) add_merge(frame, std::move(value));
      else put(frame, std::move(frame.key), std::move(frame.key_mark), std::move(value));
    }
  }

  void take_key(Frame& frame, Value key, bool plain) {
    if (!key.is_scalar()) stop(key.mark(), "a key must be a plain text, not " + key.describe());
    frame.has_key = true;
    frame.merge_key = plain && key.text() == "<<";
    frame.key = key.text();
    frame.key_mark = key.mark();
  }

  void put(Frame& frame, std::string key, Mark mark, Value value) {
    auto [place, added] = frame.index.try_emplace(key, frame.value.entries().size());
    if (added) {
      frame.value.entries().push_back(Entry{std::move(key), std::move(mark), std::move(value)});
      return;
    }
    auto& first = frame.value.entries()[place->second];
    problems_.error(mark, fmt::format("the key '{}' was already given at line {}, column {}", key, first.mark.line,
                                      first.mark.column));
  }

  void add_merge(Frame& frame, Value value) {
    Mark mark = frame.key_mark;
    auto take = [&](Value from) {
      if (from.is_map()) frame.merges.push_back(std::move(from));
      else problems_.error(mark, "'<<' takes a map or a list of maps, not " + from.describe());
    };
    if (!value.is_list()) return take(std::move(value));
    for (auto& item : value.items()) take(std::move(item));
  }

  // Keys written in the map itself win, then those of earlier merges.
  static void merge_into(Frame& frame, Value& from) {
    for (auto& entry : from.entries())
      if (frame.index.try_emplace(entry.key, frame.value.entries().size()).second)
        frame.value.entries().push_back(std::move(entry));
  }

  std::shared_ptr<const Source> source_;
  Problems& problems_;
  const Limits& limits_;
  Value::Weight total_;
  Value root_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
};

// A tab that indents a line, at the line of an error or above: the parser's own words for it lead nowhere.
std::optional<Mark> tab_before(const std::shared_ptr<const Source>& source, std::uint32_t line) {
  std::string_view text = source->text;
  std::optional<Mark> found;
  for (std::uint32_t at = 1; at <= line && !text.empty(); ++at) {
    auto end = std::min(text.find('\n'), text.size());
    auto indent = text.substr(0, std::min(text.substr(0, end).find_first_not_of(" \t"), end));
    if (auto tab = indent.find('\t'); tab != indent.npos && indent.size() != end) found = Mark{source, at, static_cast<std::uint32_t>(tab + 1)};
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

// Whether there is anything but comments behind the first document.
bool more_documents(YAML::Parser& parser, const std::shared_ptr<const Source>& source, const Limits& limits) {
  Problems ignored;
  Builder rest(source, ignored, limits);
  try {
    return parser.HandleNextDocument(rest);
  } catch (...) {
    return true;  // broken, and still there
  }
}

}  // namespace

std::optional<Value> parse_yaml(std::shared_ptr<const Source> source, Problems& problems, const Limits& limits) {
  if (source->text.size() > limits.source_bytes) {
    problems.error({source, 0, 0}, fmt::format("{} bytes; the limit is {}", source->text.size(), limits.source_bytes));
    return {};
  }
  auto before = problems.errors();
  Builder builder(source, problems, limits);
  try {
    std::istringstream in(source->text);
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return Value::null({source, 0, 0});
    if (more_documents(parser, source, limits))
      problems.warning({source, 0, 0}, "only the first of several YAML documents is used");
  } catch (const Stop&) {
  } catch (const YAML::Exception& e) {
    Mark mark = builder.mark_of(e.mark);
    if (auto tab = tab_before(source, mark.line)) problems.error(*tab, "a tab indents this line; YAML takes only blanks there");
    else problems.error(std::move(mark), e.msg);
  } catch (const std::exception& e) {
    problems.error({source, 0, 0}, fmt::format("not readable as YAML: {}", e.what()));
  }
  if (problems.errors() != before) return {};
  return builder.take();
}

Result<Value> parse_yaml(std::string_view text, std::string_view name) {
  Problems problems;
  auto value = parse_yaml(std::make_shared<const Source>(Source{std::string(name), std::string(text)}), problems);
  if (!value) return std::unexpected(problems.result().error());
  return std::move(*value);
}

}  // namespace weir::config
