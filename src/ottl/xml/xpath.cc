// Evaluates XPath expressions over XML trees.
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "ottl/xml/xpath_tree.h"

namespace weir::ottl {
namespace {

using Expr = XPath::Expr;
using Places = std::vector<XmlPlace>;

struct Outcome {
  enum class Kind : std::uint8_t { nodes, number, text, boolean } kind = Kind::nodes;
  Places nodes;
  double number = 0;
  std::string text;
  bool boolean = false;

  static Outcome of(double v) {
    Outcome out;
    return out.kind = Kind::number, out.number = v, out;
  }
  static Outcome of(std::string v) {
    Outcome out;
    return out.kind = Kind::text, out.text = std::move(v), out;
  }
  static Outcome of(bool v) {
    Outcome out;
    return out.kind = Kind::boolean, out.boolean = v, out;
  }
};

std::string text_of(const XmlPlace& place) {
  if (place.attribute != XmlPlace::self) return std::string(place.node->attributes[static_cast<std::size_t>(place.attribute)].value);
  std::string out;
  // Text in CDATA is seen from the element alone, as the collector's library has it.
  if (place.node->type == XmlType::element) place.node->inner_text(out);
  if (place.node->type == XmlType::text || place.node->type == XmlType::comment) out = place.node->text;
  return out;
}

double number_of(std::string_view text) { return parse_go_double(trim(text)).value_or(std::nan("")); }

std::string text_of(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15) return fmt::format("{}", static_cast<long long>(number));
  return format_double(number);
}

// White space between elements is passed over, except right behind a start tag.
XmlNode* next_of(const XmlNode& node) {
  XmlNode* next = node.next;
  while (next != nullptr && next->type == XmlType::text && trim(next->text).empty()) next = next->next;
  return next;
}

class Runner {
 public:
  explicit Runner(XmlNode& top) : top_(top) {}

  struct Focus {
    XmlPlace place;
    std::size_t position, last;
  };

  Outcome eval(const Expr& expr, const Focus& focus) {
    if (!spend()) return {};
    switch (expr.op) {
      case XPathOp::number: return Outcome::of(expr.number);
      case XPathOp::text: return Outcome::of(std::string(expr.text));
      case XPathOp::path: return path(expr, focus);
      case XPathOp::call: return call(expr, focus);
      case XPathOp::either: return Outcome::of(truth(eval(*expr.parts[0], focus)) || truth(eval(*expr.parts[1], focus)));
      case XPathOp::both: return Outcome::of(truth(eval(*expr.parts[0], focus)) && truth(eval(*expr.parts[1], focus)));
      case XPathOp::join: {
        Outcome out = eval(*expr.parts[0], focus), other = eval(*expr.parts[1], focus);
        for (auto& place : other.nodes) out.nodes.push_back(place);
        unique(out.nodes);
        return out;
      }
      case XPathOp::plus:
      case XPathOp::minus:
      case XPathOp::times:
      case XPathOp::div:
      case XPathOp::mod: return calculate(expr.op, number(eval(*expr.parts[0], focus)), number(eval(*expr.parts[1], focus)));
      default: return Outcome::of(compare(expr.op, eval(*expr.parts[0], focus), eval(*expr.parts[1], focus)));
    }
  }
  bool exhausted() const { return left_ == 0; }

 private:
  // Bounds the time that one path may take on one document.
  static constexpr std::size_t max_steps = 4'000'000;

  bool spend() { return left_ > 0 && --left_ > 0; }

  static bool truth(const Outcome& v) {
    switch (v.kind) {
      case Outcome::Kind::nodes: return !v.nodes.empty();
      case Outcome::Kind::number: return v.number != 0 && !std::isnan(v.number);
      case Outcome::Kind::text: return !v.text.empty();
      case Outcome::Kind::boolean: return v.boolean;
    }
    return false;
  }
  static double number(const Outcome& v) {
    if (v.kind == Outcome::Kind::number) return v.number;
    if (v.kind == Outcome::Kind::boolean) return v.boolean;
    return number_of(text(v));
  }
  static std::string text(const Outcome& v) {
    switch (v.kind) {
      case Outcome::Kind::nodes: return v.nodes.empty() ? std::string() : text_of(v.nodes[0]);
      case Outcome::Kind::number: return text_of(v.number);
      case Outcome::Kind::text: return v.text;
      case Outcome::Kind::boolean: return v.boolean ? "true" : "false";
    }
    return {};
  }

  static Outcome calculate(XPathOp op, double a, double b) {
    switch (op) {
      case XPathOp::plus: return Outcome::of(a + b);
      case XPathOp::minus: return Outcome::of(a - b);
      case XPathOp::times: return Outcome::of(a * b);
      case XPathOp::div: return Outcome::of(a / b);
      default: return Outcome::of(std::fmod(a, b));
    }
  }

  template <class T>
  static bool ordered(XPathOp op, const T& a, const T& b) {
    switch (op) {
      case XPathOp::eq: return a == b;
      case XPathOp::ne: return a != b;
      case XPathOp::lt: return a < b;
      case XPathOp::le: return a <= b;
      case XPathOp::gt: return a > b;
      default: return a >= b;
    }
  }
  static bool compare_texts(XPathOp op, const std::string& a, const std::string& b) {
    return op == XPathOp::eq || op == XPathOp::ne ? ordered(op, a, b) : ordered(op, number_of(a), number_of(b));
  }
  // A node set compares as any of its nodes does.
  bool compare(XPathOp op, const Outcome& a, const Outcome& b) {
    using K = Outcome::Kind;
    if (a.kind == K::boolean || b.kind == K::boolean) return ordered(op, truth(a), truth(b));
    if (a.kind == K::nodes) {
      for (auto& place : a.nodes) {
        if (!spend()) return false;
        if (compare(op, Outcome::of(text_of(place)), b)) return true;
      }
      return false;
    }
    if (b.kind == K::nodes) {
      for (auto& place : b.nodes) {
        if (!spend()) return false;
        if (compare(op, a, Outcome::of(text_of(place)))) return true;
      }
      return false;
    }
    if (a.kind == K::text && b.kind == K::text) return compare_texts(op, a.text, b.text);
    return ordered(op, number(a), number(b));
  }

  // ---- paths

  void unique(Places& places) {
    struct Hash {
      std::size_t operator()(const XmlPlace& p) const { return std::hash<const void*>()(p.node) * 31 + static_cast<std::size_t>(p.attribute); }
    };
    std::unordered_map<XmlPlace, bool, Hash> seen;
    std::erase_if(places, [&](const XmlPlace& place) { return !seen.emplace(place, true).second; });
  }

  Outcome path(const Expr& expr, const Focus& focus) {
    Outcome out;
    if (!expr.parts.empty())
      out = eval(*expr.parts[0], focus);
    else
      out.nodes = {expr.absolute ? XmlPlace{&top_, XmlPlace::self} : focus.place};
    if (out.kind != Outcome::Kind::nodes) return out;
    for (auto& step : expr.steps) {
      Places reached;
      for (auto& from : out.nodes) {
        Places found;
        walk(step, from, found);
        for (auto& predicate : step.predicates) keep(*predicate, found);
        reached.insert(reached.end(), found.begin(), found.end());
        if (exhausted()) return {};
      }
      if (out.nodes.size() > 1) unique(reached);
      out.nodes = std::move(reached);
    }
    return out;
  }

  void keep(const Expr& predicate, Places& places) {
    Places kept;
    for (std::size_t i = 0; i < places.size(); ++i) {
      Outcome value = eval(predicate, {places[i], i + 1, places.size()});
      bool wanted = value.kind == Outcome::Kind::number ? value.number == static_cast<double>(i + 1) : truth(value);
      if (wanted) kept.push_back(places[i]);
    }
    places = std::move(kept);
  }

  static bool matches(const XPathStep& step, const XmlPlace& place) {
    bool attribute = place.attribute != XmlPlace::self;
    const XmlNode& node = *place.node;
    bool element = node.type == XmlType::element || node.type == XmlType::instruction;
    switch (step.test) {
      case NodeTest::node: return true;
      case NodeTest::any_of_kind: return step.axis == Axis::attribute ? attribute : !attribute && element;
      case NodeTest::text: return !attribute && (node.type == XmlType::text || node.type == XmlType::cdata || node.type == XmlType::notation);
      case NodeTest::comment: return !attribute && node.type == XmlType::comment;
      case NodeTest::instruction: return !attribute && node.type == XmlType::instruction;
      case NodeTest::name: break;
    }
    if (step.axis == Axis::attribute ? !attribute : attribute || !element) return false;
    auto& found = attribute ? node.attributes[static_cast<std::size_t>(place.attribute)].name : node.name;
    auto& prefix = attribute ? node.attributes[static_cast<std::size_t>(place.attribute)].prefix : node.prefix;
    return (step.name.empty() || step.name == found) && step.prefix == prefix;
  }

  void add(const XPathStep& step, const XmlPlace& place, Places& out) {
    if (spend() && matches(step, place)) out.push_back(place);
  }
  void descend(const XPathStep& step, XmlNode& node, Places& out) {
    for (XmlNode* child = node.first; child != nullptr && !exhausted(); child = next_of(*child)) {
      add(step, {child, XmlPlace::self}, out);
      descend(step, *child, out);
    }
  }
  void descend_backwards(const XPathStep& step, XmlNode& node, Places& out) {
    for (XmlNode* child = node.last; child != nullptr && !exhausted(); child = child->previous) descend_backwards(step, *child, out);
    add(step, {&node, XmlPlace::self}, out);
  }

  void walk(const XPathStep& step, const XmlPlace& from, Places& out) {
    XmlNode& node = *from.node;
    bool attribute = from.attribute != XmlPlace::self;
    switch (step.axis) {
      case Axis::self: return add(step, from, out);
      case Axis::child:
        for (XmlNode* child = attribute ? nullptr : node.first; child != nullptr && !exhausted(); child = next_of(*child)) add(step, {child, XmlPlace::self}, out);
        return;
      case Axis::descendant_or_self: add(step, from, out); [[fallthrough]];
      case Axis::descendant:
        if (!attribute) descend(step, node, out);
        return;
      case Axis::attribute:
        for (std::size_t i = 0; !attribute && node.type == XmlType::element && i < node.attributes.size(); ++i)
          add(step, {&node, static_cast<std::int32_t>(i)}, out);
        return;
      case Axis::parent: return up(step, from, false, out);
      case Axis::ancestor_or_self: add(step, from, out); [[fallthrough]];
      case Axis::ancestor: return up(step, from, true, out);
      case Axis::following_sibling:
        for (XmlNode* next = attribute ? nullptr : next_of(node); next != nullptr && !exhausted(); next = next_of(*next)) add(step, {next, XmlPlace::self}, out);
        return;
      case Axis::preceding_sibling:
        for (XmlNode* next = attribute ? nullptr : node.previous; next != nullptr && !exhausted(); next = next->previous) add(step, {next, XmlPlace::self}, out);
        return;
      case Axis::following:
        for (XmlNode* at = &node; at != nullptr; at = at->parent)
          for (XmlNode* next = next_of(*at); next != nullptr && !exhausted(); next = next_of(*next)) {
            add(step, {next, XmlPlace::self}, out);
            descend(step, *next, out);
          }
        return;
      case Axis::preceding:
        for (XmlNode* at = &node; at != nullptr; at = at->parent)
          for (XmlNode* next = at->previous; next != nullptr && !exhausted(); next = next->previous) descend_backwards(step, *next, out);
        return;
    }
  }
  void up(const XPathStep& step, const XmlPlace& from, bool all, Places& out) {
    XmlNode* parent = from.attribute != XmlPlace::self ? from.node : from.node->parent;
    for (; parent != nullptr; parent = parent->parent) {
      add(step, {parent, XmlPlace::self}, out);
      if (!all) return;
    }
  }

  // ---- functions

  Outcome call(const Expr& expr, const Focus& focus) {
    std::string_view name = expr.text;
    if (name == "last") return Outcome::of(static_cast<double>(focus.last));
    if (name == "position") return Outcome::of(static_cast<double>(focus.position));
    if (name == "true" || name == "false") return Outcome::of(name == "true");
    Outcome first;
    if (expr.parts.empty())
      first.nodes = {focus.place};
    else
      first = eval(*expr.parts[0], focus);
    if (name == "[") {
      for (std::size_t i = 1; i < expr.parts.size(); ++i) keep(*expr.parts[i], first.nodes);
      return first;
    }
    if (name == "reverse") return std::reverse(first.nodes.begin(), first.nodes.end()), first;
    if (name == "count") return Outcome::of(static_cast<double>(first.nodes.size()));
    if (name == "not") return Outcome::of(!truth(first));
    if (name == "boolean") return Outcome::of(truth(first));
    if (name == "number") return Outcome::of(number(first));
    if (name == "sum") return Outcome::of(sum(first));
    if (name == "floor") return Outcome::of(std::floor(number(first)));
    if (name == "ceiling") return Outcome::of(std::ceil(number(first)));
    if (name == "round") return Outcome::of(std::floor(number(first) + 0.5));
    if (name == "name" || name == "local-name") return Outcome::of(name_of(first, name == "name"));
    if (name == "string-join") return Outcome::of(joined(first, text(eval(*expr.parts[1], focus))));
    return texts(expr, text(first), focus);
  }
  static double sum(const Outcome& of) {
    double out = 0;
    for (auto& place : of.nodes) out += number_of(text_of(place));
    return out;
  }
  static std::string name_of(const Outcome& of, bool with_prefix) {
    if (of.nodes.empty()) return {};
    const XmlPlace& place = of.nodes[0];
    bool attribute = place.attribute != XmlPlace::self;
    auto prefix = attribute ? place.node->attributes[static_cast<std::size_t>(place.attribute)].prefix : place.node->prefix;
    auto name = attribute ? place.node->attributes[static_cast<std::size_t>(place.attribute)].name : place.node->name;
    return with_prefix && !prefix.empty() ? fmt::format("{}:{}", prefix, name) : std::string(name);
  }
  static std::string joined(const Outcome& of, const std::string& separator) {
    std::string out;
    for (std::size_t i = 0; i < of.nodes.size(); ++i) (out += i ? separator : "") += text_of(of.nodes[i]);
    return out;
  }

  Outcome texts(const Expr& expr, const std::string& first, const Focus& focus) {
    std::string_view name = expr.text;
    auto argument = [&](std::size_t i) { return i < expr.parts.size() ? text(eval(*expr.parts[i], focus)) : std::string(); };
    if (name == "string") return Outcome::of(first);
    if (name == "string-length") return Outcome::of(static_cast<double>(std::count_if(first.begin(), first.end(), [](char ch) { return (ch & 0xC0) != 0x80; })));
    if (name == "lower-case") return Outcome::of(to_lower(first));
    if (name == "normalize-space") return Outcome::of(normalized(first));
    if (name == "substring") return Outcome::of(substring(expr, first, focus));
    if (name == "concat") {
      std::string out = first;
      for (std::size_t i = 1; i < expr.parts.size(); ++i) out += argument(i);
      return Outcome::of(out);
    }
    std::string second = argument(1);
    std::size_t at = first.find(second);
    bool found = at != std::string::npos;
    if (name == "starts-with") return Outcome::of(first.starts_with(second));
    if (name == "ends-with") return Outcome::of(first.ends_with(second));
    if (name == "contains") return Outcome::of(found);
    if (name == "substring-before") return Outcome::of(found ? first.substr(0, at) : std::string());
    if (name == "substring-after") return Outcome::of(found ? first.substr(at + second.size()) : std::string());
    return Outcome::of(name == "translate" ? translated(first, second, argument(2)) : replaced(first, second, argument(2)));
  }

  static std::string normalized(std::string_view text) {
    std::string out;
    for (char ch : trim(text)) {
      bool space = std::isspace(static_cast<unsigned char>(ch));
      if (!space || !out.ends_with(' ')) out += space ? ' ' : ch;
    }
    return out;
  }
  std::string substring(const Expr& expr, const std::string& text, const Focus& focus) {
    double begin = std::floor(number(eval(*expr.parts[1], focus)) + 0.5);
    double end = expr.parts.size() > 2 ? begin + std::floor(number(eval(*expr.parts[2], focus)) + 0.5) : HUGE_VAL;
    std::string out;
    double position = 0;
    for (char ch : text) {
      if ((ch & 0xC0) != 0x80) ++position;
      if (position >= begin && position < end) out += ch;
    }
    return out;
  }
  static std::string translated(const std::string& text, const std::string& from, const std::string& to) {
    std::string out;
    for (char ch : text) {
      std::size_t at = from.find(ch);
      if (at == std::string::npos)
        out += ch;
      else if (at < to.size())
        out += to[at];
    }
    return out;
  }
  std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
    std::string out;
    for (std::size_t at = 0; at < text.size() && spend();) {
      bool here = !from.empty() && text.compare(at, from.size(), from) == 0;
      out += here ? to : std::string(1, text[at]);
      at += here ? from.size() : 1;
    }
    return out;
  }

  XmlNode& top_;
  std::size_t left_ = max_steps;
};

}  // namespace

XPath::XPath(std::unique_ptr<std::string> text, std::unique_ptr<Expr> expr) : text_(std::move(text)), expr_(std::move(expr)) {}
XPath::XPath(XPath&&) noexcept = default;
XPath& XPath::operator=(XPath&&) noexcept = default;
XPath::~XPath() = default;

Result<XPath> XPath::compile(std::string_view text) {
  auto kept = std::make_unique<std::string>(text);
  WEIR_ASSIGN(auto expr, read_xpath(*kept));
  return XPath(std::move(kept), std::move(expr));
}

bool XPath::select(XmlNode& top, std::vector<XmlPlace>& out) const {
  Runner runner(top);
  out = runner.eval(*expr_, {{&top, XmlPlace::self}, 1, 1}).nodes;
  return !runner.exhausted();
}

}  // namespace weir::ottl
