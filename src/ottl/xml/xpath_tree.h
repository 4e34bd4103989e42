#pragma once
// An XPath expression as read, for xpath_reader.cc and xpath.cc.
#include "ottl/xml/xpath.h"

namespace weir::ottl {

enum class Axis : std::uint8_t {
  child, descendant, descendant_or_self, attribute, self, parent, ancestor, ancestor_or_self,
  following, following_sibling, preceding, preceding_sibling,
};
enum class NodeTest : std::uint8_t { name, any_of_kind, node, text, comment, instruction };

struct XPathStep {
  Axis axis = Axis::child;
  NodeTest test = NodeTest::any_of_kind;
  std::string_view prefix, name;
  std::vector<std::unique_ptr<XPath::Expr>> predicates;
};

enum class XPathOp : std::uint8_t { number, text, path, call, either, both, eq, ne, lt, le, gt, ge, plus, minus, times, div, mod, join };

struct XPath::Expr {
  XPathOp op = XPathOp::number;
  double number = 0;
  std::string_view text;                     // a literal, or the function's name
  std::vector<std::unique_ptr<Expr>> parts;  // operands and arguments; a path's first part, if it starts from an expression
  bool absolute = false;
  std::vector<XPathStep> steps;
};

// Errc::config with the place where it stops making sense. The expression has views into `text`.
Result<std::unique_ptr<XPath::Expr>> read_xpath(std::string_view text);

}  // namespace weir::ottl
