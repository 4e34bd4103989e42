#include "ottl/xml/xml.h"

#include "base/text.h"
#include "base/utf8.h"

namespace weir::ottl {

// ---- trees

void XmlNode::add(XmlNode* child) {
  child->parent = this;
  child->next = nullptr;
  child->previous = last;
  if (last == nullptr)
    first = child;
  else
    last->next = child;
  last = child;
}

void XmlNode::remove() {
  if (parent == nullptr) return;
  (previous != nullptr ? previous->next : parent->first) = next;
  (next != nullptr ? next->previous : parent->last) = previous;
  parent = previous = next = nullptr;
}

void XmlNode::inner_text(std::string& out) const {
  if (type == XmlType::text || type == XmlType::cdata) out += text;
  for (auto* child = first; child != nullptr; child = child->next) child->inner_text(out);
}

XmlNode* copy_xml(Arena& arena, const XmlNode& from) {
  auto* out = arena.make<XmlNode>(from);
  out->parent = out->first = out->last = out->previous = out->next = nullptr;
  out->attributes = {};
  for (auto& attribute : from.attributes) out->attributes.push_back(arena, attribute);
  for (auto* child = from.first; child != nullptr; child = child->next) out->add(copy_xml(arena, *child));
  return out;
}

namespace {

void write_escaped(std::string& out, std::string_view text) {
  for (char ch : text) switch (ch) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += ch;
    }
}

void write_name(std::string& out, std::string_view prefix, std::string_view name) {
  if (!prefix.empty()) (out += prefix) += ':';
  out += name;
}

void write_attributes(std::string& out, const XmlNode& node) {
  for (auto& attribute : node.attributes) {
    out += ' ';
    write_name(out, attribute.prefix, attribute.name);
    out += "=\"";
    write_escaped(out, attribute.value);
    out += '"';
  }
}

bool keeps_spaces(const XmlNode& node, bool inherited) {
  for (auto& attribute : node.attributes)
    if (attribute.prefix == "xml" && attribute.name == "space") return attribute.value == "preserve" || (attribute.value != "default" && inherited);
  return inherited;
}

}  // namespace

void XmlNode::write(std::string& out, bool keep_spaces) const {
  keep_spaces = keeps_spaces(*this, keep_spaces);
  switch (type) {
    case XmlType::text: write_escaped(out, keep_spaces ? text : trim(text)); return;
    case XmlType::cdata: ((out += "<![CDATA[") += text) += "]]>"; return;
    case XmlType::comment: ((out += "<!--") += text) += "-->"; return;
    case XmlType::notation: ((out += "<!") += text) += '>'; return;
    case XmlType::instruction:
      (out += "<?") += name;
      if (!text.empty()) (out += ' ') += text;
      out += "?>";
      return;
    case XmlType::declaration:
      (out += "<?") += name;
      write_attributes(out, *this);
      out += "?>";
      return;
    case XmlType::document:
    case XmlType::element: break;
  }
  if (type == XmlType::element) {
    out += '<';
    write_name(out, prefix, name);
    write_attributes(out, *this);
    out += '>';
  }
  for (auto* child = first; child != nullptr; child = child->next) child->write(out, keep_spaces);
  if (type == XmlType::element) {
    out += "</";
    write_name(out, prefix, name);
    out += '>';
  }
}

// ---- reading

namespace {

bool is_space(char ch) { return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r'; }
bool starts_name(unsigned char ch) { return std::isalpha(ch) || ch == '_' || ch == ':' || ch >= 0x80; }
bool in_name(unsigned char ch) { return starts_name(ch) || std::isdigit(ch) || ch == '-' || ch == '.'; }

bool in_character_range(std::uint32_t rune) {
  return rune == 9 || rune == 10 || rune == 13 || (rune >= 0x20 && rune <= 0xD7FF) || (rune >= 0xE000 && rune <= 0xFFFD) ||
         (rune >= 0x10000 && rune <= 0x10FFFF);
}

class XmlParser {
 public:
  XmlParser(std::string_view text, Arena& arena, bool declared) : text_(text), arena_(arena), declared_(declared) {}

  bool run(XmlDocument& out) {
    if (!valid_utf8(text_)) return fail("invalid UTF-8");
    for (unsigned char ch : text_)
      if (ch < 0x20 && !is_space(static_cast<char>(ch))) return fail("illegal character code");
    out_ = &out;
    open_ = out.top = node(XmlType::document);
    scopes_.push_back(0);
    while (at_ < text_.size())
      if (text_[at_] == '<' ? !markup() : !characters()) return false;
    if (open_ != out.top) return fail("unexpected EOF");
    return out.root != nullptr || fail("invalid XML document");
  }
  std::string wrong;

 private:
  bool fail(std::string_view why) {
    if (wrong.empty()) wrong = fmt::format("XML syntax error on line {}: {}", 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n'), why);
    return false;
  }
  XmlNode* node(XmlType type) {
    auto* out = arena_.make<XmlNode>();
    out->type = type;
    return out;
  }
  XmlNode* leaf(XmlType type, std::string_view content) {
    auto* out = node(type);
    out->text = content;
    if (started_) open_->add(out);  // what stands before the document's start is not part of it
    return out;
  }
  bool skip(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  void spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  // Everything up to `end`, which is passed.
  bool until(std::string_view end, std::string_view& out) {
    std::size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) return fail("unexpected EOF");
    out = text_.substr(at_, found - at_);
    at_ = found + end.size();
    return true;
  }
  bool name(std::string_view& prefix, std::string_view& local) {
    std::size_t begin = at_;
    if (at_ < text_.size() && starts_name(static_cast<unsigned char>(text_[at_])))
      while (at_ < text_.size() && in_name(static_cast<unsigned char>(text_[at_]))) ++at_;
    local = text_.substr(begin, at_ - begin);
    prefix = {};
    std::size_t colon = local.find(':');
    if (local.empty() || std::count(local.begin(), local.end(), ':') > 1) return false;
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == local.size()) return true;
    prefix = local.substr(0, colon);
    local.remove_prefix(colon + 1);
    return true;
  }

  // Text with entities resolved and line ends as \n.
  bool decoded(std::string_view raw, std::string_view& out) {
    if (raw.find_first_of("&\r") == std::string_view::npos) return out = raw, true;
    std::string clean;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\r') {
        clean += '\n';
        if (i + 1 < raw.size() && raw[i + 1] == '\n') ++i;
      } else if (raw[i] != '&') {
        clean += raw[i];
      } else {
        std::size_t end = raw.find(';', i);
        if (end == std::string_view::npos || !entity(raw.substr(i + 1, end - i - 1), clean)) return fail("invalid character entity");
        i = end;
      }
    }
    return out = arena_.copy(clean), true;
  }
  static bool entity(std::string_view name, std::string& out) {
    constexpr std::array<std::pair<std::string_view, char>, 5> known = {{{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"apos", '\''}, {"quot", '"'}}};
    for (auto& [word, ch] : known)
      if (name == word) return out += ch, true;
    if (!name.starts_with('#')) return false;
    bool hex = name.starts_with("#x");
    name.remove_prefix(hex ? 2 : 1);
    if (name.empty() || name.size() > 10) return false;
    std::uint64_t rune = 0;
    for (unsigned char ch : name) {
      if (hex ? !std::isxdigit(ch) : !std::isdigit(ch)) return false;
      rune = rune * (hex ? 16 : 10) + static_cast<unsigned>(std::isdigit(ch) ? ch - '0' : (ch | 32) - 'a' + 10);
    }
    if (rune > 0x10FFFF || !in_character_range(static_cast<std::uint32_t>(rune))) return false;
    return append_utf8(out, static_cast<std::uint32_t>(rune)), true;
  }
  static std::string_view without_returns(std::string_view raw, Arena& arena) {
    if (raw.find('\r') == std::string_view::npos) return raw;
    std::string clean;
    for (std::size_t i = 0; i < raw.size(); ++i)
      if (raw[i] != '\r')
        clean += raw[i];
      else if (i + 1 == raw.size() || raw[i + 1] != '\n')
        clean += '\n';
    return arena.copy(clean);
  }

  bool characters() {
    std::size_t end = std::min(text_.find('<', at_), text_.size());
    std::string_view raw = text_.substr(at_, end - at_), content;
    if (raw.find("]]>") != std::string_view::npos) return fail("unescaped ]]> not in CDATA section");
    if (!decoded(raw, content)) return false;
    at_ = end;
    leaf(XmlType::text, content);
    return true;
  }

  bool markup() {
    if (skip("<!--")) return comment();
    if (skip("<![CDATA[")) {
      std::string_view content;
      if (!until("]]>", content)) return false;
      return leaf(XmlType::cdata, without_returns(content, arena_)), true;
    }
    if (skip("<!")) return directive();
    if (skip("<?")) return instruction();
    return skip("</") ? end_tag() : (++at_, start_tag());
  }

  bool comment() {
    std::string_view content;
    if (!until("--", content)) return false;
    if (!skip(">")) return fail("invalid sequence \"--\" not allowed in comments");
    return leaf(XmlType::comment, without_returns(content, arena_)), true;
  }

  // <!DOCTYPE …>, with quotes, comments and brackets inside.
  bool directive() {
    std::string content;
    char quote = 0;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      char ch = text_[at_];
      if (quote == 0 && depth == 0 && ch == '>') {
        ++at_;
        return leaf(XmlType::notation, arena_.copy(content)), true;
      }
      if (quote == 0 && skip("<!--")) {
        std::string_view skipped;
        if (!until("-->", skipped)) return false;
        --at_;
        content += ' ';
        continue;
      }
      if (quote != 0 ? ch == quote : ch == '"' || ch == '\'') quote = quote != 0 ? 0 : ch;
      else if (quote == 0 && (ch == '<' || ch == '>')) depth += ch == '<' ? 1 : -1;
      content += ch;
    }
    return fail("unexpected EOF");
  }

  bool instruction() {
    std::string_view prefix, target, content;
    std::size_t begin = at_;
    if (!name(prefix, target)) return fail("expected target name after <?");
    target = text_.substr(begin, at_ - begin);
    spaces();
    if (!until("?>", content)) return false;
    auto* made = node(target == "xml" ? XmlType::declaration : XmlType::instruction);
    made->name = target;
    made->text = trim(content);
    if (made->type == XmlType::declaration && !declaration(*made)) return false;
    started_ = true;
    open_->add(made);
    return true;
  }
  bool declaration(XmlNode& made) {
    for (std::string_view pair : split(made.text, ' ')) {
      pair = trim(pair);
      std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || equals == 0) continue;
      std::string_view value = pair.substr(equals + 1), key = pair.substr(0, equals);
      while (!value.empty() && (value[0] == '"' || value[0] == '\'')) value.remove_prefix(1);
      while (!value.empty() && (value.back() == '"' || value.back() == '\'')) value.remove_suffix(1);
      if (key == "version" && value != "1.0") return fail(fmt::format("unsupported version \"{}\"; only version 1.0 is supported", value));
      if (key == "encoding" && !equal_ignore_case(value, "utf-8")) return fail(fmt::format("unsupported encoding \"{}\"", value));
      made.attributes.push_back(arena_, {{}, key, value});
    }
    return true;
  }

  bool start_tag() {
    auto* made = node(XmlType::element);
    if (!name(made->prefix, made->name)) return fail("expected element name after <");
    bool closed = false;
    for (;;) {
      spaces();
      if (skip(">")) break;
      if (skip("/>")) {
        closed = true;
        break;
      }
      if (!attribute(*made)) return false;
    }
    scopes_.push_back(declared_prefixes_.size());
    for (auto& attribute : made->attributes)
      if (attribute.prefix == "xmlns") declared_prefixes_.push_back(attribute.name);
    if (declared_ && !made->prefix.empty() && made->prefix != "xml" && !known_prefix(made->prefix))
      return fail(fmt::format("namespace {} is missing", made->prefix));
    if (!started_) {  // the declaration that is missing
      auto* declaration = node(XmlType::declaration);
      declaration->name = "xml";
      declaration->attributes.push_back(arena_, {{}, "version", "1.0"});
      open_->add(declaration);
      started_ = true;
    }
    open_->add(made);
    if (out_->root == nullptr) out_->root = made;
    open_ = made;
    if (++depth_ > max_xml_depth) return fail(fmt::format("exceeded maximum XML nesting depth of {}", max_xml_depth));
    return !closed || (close(), true);
  }
  bool known_prefix(std::string_view prefix) const {
    return std::find(declared_prefixes_.begin(), declared_prefixes_.end(), prefix) != declared_prefixes_.end();
  }
  bool attribute(XmlNode& to) {
    XmlAttribute made;
    if (!name(made.prefix, made.name)) return fail("expected attribute name in element");
    spaces();
    if (!skip("=")) return fail("attribute name without = in element");
    spaces();
    char quote = at_ < text_.size() ? text_[at_] : 0;
    if (quote != '"' && quote != '\'') return fail("unquoted or missing attribute value in element");
    ++at_;
    std::string_view raw;
    if (!until({&quote, 1}, raw)) return false;
    if (raw.find('<') != std::string_view::npos) return fail("unescaped < inside quoted string");
    if (!decoded(raw, made.value)) return false;
    to.attributes.push_back(arena_, made);
    return true;
  }

  bool end_tag() {
    std::string_view prefix, local;
    if (!name(prefix, local)) return fail("expected element name after </");
    spaces();
    if (!skip(">")) return fail("invalid characters between </ and >");
    if (open_->type == XmlType::document) return fail(fmt::format("unexpected end element </{}>", local));
    if (open_->name != local || open_->prefix != prefix) return fail(fmt::format("element <{}> closed by </{}>", open_->name, local));
    close();
    return true;
  }
  void close() {
    if (open_ == out_->root) out_->root_end = at_;
    open_ = open_->parent;
    declared_prefixes_.resize(scopes_.back());
    scopes_.pop_back();
    --depth_;
  }

  std::string_view text_;
  Arena& arena_;
  bool declared_;
  XmlDocument* out_ = nullptr;
  XmlNode* open_ = nullptr;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool started_ = false;
  std::vector<std::string_view> declared_prefixes_;
  std::vector<std::size_t> scopes_;
};

}  // namespace

bool parse_xml(std::string_view text, Arena& arena, bool declared, XmlDocument& out, std::string& wrong) {
  XmlParser parser(text, arena, declared);
  if (parser.run(out)) return true;
  wrong = std::move(parser.wrong);
  return false;
}

}  // namespace weir::ottl
