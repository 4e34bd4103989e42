#pragma once
// XPath 1.0 over XML trees: location paths on all axes, predicates, operators and the functions on texts, numbers and
// node sets. No variables, no id().
#include "base/result.h"
#include "ottl/xml/xml.h"

namespace weir::ottl {

// An element, text, … or one of its attributes.
struct XmlPlace {
  static constexpr std::int32_t self = -1;
  XmlNode* node = nullptr;
  std::int32_t attribute = self;
  bool operator==(const XmlPlace&) const = default;
};

class XPath {
 public:
  static Result<XPath> compile(std::string_view text);
  XPath(XPath&&) noexcept;
  XPath& operator=(XPath&&) noexcept;
  ~XPath();

  // What the path selects, each once. Empty for expressions that are not paths. False when it takes too many steps.
  bool select(XmlNode& top, std::vector<XmlPlace>& out) const;

  struct Expr;

 private:
  XPath(std::unique_ptr<std::string> text, std::unique_ptr<Expr> expr);
  std::unique_ptr<std::string> text_;  // the expression has views into it
  std::unique_ptr<Expr> expr_;
};

}  // namespace weir::ottl
