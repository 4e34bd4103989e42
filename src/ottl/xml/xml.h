#pragma once
// XML texts as trees in an arena, read as strictly as Go's encoding/xml does it, and written again. Several elements may
// stand side by side at the top.
#include <string>
#include <string_view>

#include "base/arena.h"

namespace weir::ottl {

enum class XmlType : std::uint8_t { document, declaration, instruction, notation, element, text, cdata, comment };

struct XmlAttribute {
  std::string_view prefix, name, value;
};

struct XmlNode {
  XmlType type = XmlType::document;
  std::string_view prefix, name;  // elements, declarations and instructions
  std::string_view text;          // text, cdata, comment, notation; an instruction's content
  ArenaVector<XmlAttribute> attributes;
  XmlNode *parent = nullptr, *first = nullptr, *last = nullptr, *previous = nullptr, *next = nullptr;

  void add(XmlNode* child);
  void remove();  // from its parent
  // All text and cdata inside.
  void inner_text(std::string& out) const;
  // The node with its tags; the children alone for a document.
  void write(std::string& out, bool keep_spaces = true) const;
};

struct XmlDocument {
  XmlNode* top = nullptr;              // a document
  const XmlNode* root = nullptr;       // its first element
  std::size_t root_end = 0;            // where that ends in the text
};

// Deeper trees are refused.
inline constexpr int max_xml_depth = 1000;

// False with the reason. Prefixes of elements must be declared when `declared` is set.
bool parse_xml(std::string_view text, Arena& arena, bool declared, XmlDocument& out, std::string& wrong);

// A copy that shares no nodes with the original.
XmlNode* copy_xml(Arena& arena, const XmlNode& from);

}  // namespace weir::ottl
