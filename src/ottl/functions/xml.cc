// Functions on XML texts.
#include "base/text.h"
#include "ottl/text/unicode.h"
#include "ottl/function.h"
#include "ottl/map_builder.h"
#include "ottl/xml/xml.h"
#include "ottl/xml/xpath.h"

namespace weir::ottl {
namespace {

using otlp::Array;
using otlp::Attributes;
using Places = std::vector<XmlPlace>;

// Results longer than this are refused: paths can select the same text many times over.
constexpr std::size_t max_result = 16 << 20;

struct PreparedPath : Prepared {
  std::optional<XPath> path;
};

// The XPath in an argument, or the standard one when it is absent or empty.
Result<> prepare_path(Call& call, std::size_t argument, std::string_view standard = {}) {
  std::string_view text = call.given(argument) ? call.constant(argument)->text : std::string_view();
  auto out = std::make_unique<PreparedPath>();
  WEIR_ASSIGN(out->path, XPath::compile(text.empty() && !standard.empty() ? standard : text));
  call.prepared = std::move(out);
  return {};
}

bool parse(EvalContext& c, std::string_view text, bool declared, XmlDocument& out) {
  std::string wrong;
  return parse_xml(text, c.scratch(), declared, out, wrong) || c.fail("parse xml: {}", wrong);
}

// The tree of an argument, without a declaration that the text does not have.
bool parse_nodes(EvalContext& c, std::string_view text, XmlDocument& out) {
  if (!parse(c, text, true, out)) return false;
  if (!text.starts_with("<?xml") && out.top->first != nullptr) out.top->first->remove();
  return true;
}

bool select(EvalContext& c, const Call& call, XmlNode& top, Places& out) {
  auto& prepared = static_cast<PreparedPath&>(*call.prepared);
  return prepared.path->select(top, out) || c.fail("the XPath takes too many steps");
}

bool write(EvalContext& c, const XmlNode& top, Value& out) {
  std::string text;
  for (auto* child = top.first; child != nullptr; child = child->next) {
    child->write(text);
    if (text.size() > max_result) return c.fail("the XML is larger than {} bytes", max_result);
  }
  return out = c.scratch_text(text), true;
}

XmlNode* text_node(EvalContext& c, std::string_view text) {
  auto* out = c.scratch().make<XmlNode>();
  out->type = XmlType::text;
  out->text = text;
  return out;
}

XmlNode* element_around(EvalContext& c, std::string_view name, std::string_view text) {
  auto* out = c.scratch().make<XmlNode>();
  out->type = XmlType::element;
  out->name = name;
  out->add(text_node(c, text));
  return out;
}

// Attributes with a prefix stay, as the collector has it.
void remove_attribute(XmlNode& node, std::string_view name) {
  for (std::size_t i = 0; i < node.attributes.size(); ++i)
    if (node.attributes[i].prefix.empty() && node.attributes[i].name == name) return node.attributes.erase(i);
}

// Attributes by value: places hold indexes, which removing one moves.
struct NamedAttribute {
  XmlNode* node;
  XmlAttribute attribute;
};
std::vector<NamedAttribute> attributes_among(const Places& places) {
  std::vector<NamedAttribute> out;
  for (auto& place : places)
    if (place.attribute != XmlPlace::self) out.push_back({place.node, place.node->attributes[static_cast<std::size_t>(place.attribute)]});
  return out;
}

// ---- GetXML(text, xpath), RemoveXML(text, xpath), InsertXML(text, xpath, sub-document)

bool get_xml(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  XmlDocument document;
  Places places;
  if (!call.text(c, 0, text)) return false;
  if (text.empty()) return out = Value::of(std::string_view()), true;
  if (!parse_nodes(c, text, document) || !select(c, call, *document.top, places)) return false;
  std::string result;
  for (auto& place : places) {
    XmlNode& node = *place.node;
    if (place.attribute != XmlPlace::self)
      text_node(c, node.attributes[static_cast<std::size_t>(place.attribute)].value)->write(result);
    else if (node.type == XmlType::cdata)
      text_node(c, node.text)->write(result);
    else if (node.type == XmlType::element || node.type == XmlType::text)
      node.write(result);
    if (result.size() > max_result) return c.fail("the XML is larger than {} bytes", max_result);
  }
  return out = c.scratch_text(result), true;
}

bool remove_xml(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  XmlDocument document;
  Places places;
  if (!call.text(c, 0, text)) return false;
  if (text.empty()) return out = Value::of(std::string_view()), true;
  if (!parse_nodes(c, text, document) || !select(c, call, *document.top, places)) return false;
  for (auto& [node, attribute] : attributes_among(places)) remove_attribute(*node, attribute.name);
  for (auto& place : places) {
    if (place.attribute != XmlPlace::self) continue;
    XmlType type = place.node->type;
    if (type == XmlType::element || type == XmlType::comment || type == XmlType::cdata) place.node->remove();
    if (type == XmlType::text) place.node->text = {};
  }
  return write(c, *document.top, out);
}

bool insert_xml(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, part;
  XmlDocument document, inserted;
  Places places;
  if (!call.text(c, 0, text)) return false;
  if (text.empty())
    document.top = c.scratch().make<XmlNode>();
  else if (!parse_nodes(c, text, document))
    return false;
  if (!call.text(c, 2, part) || !parse_nodes(c, part, inserted) || !select(c, call, *document.top, places)) return false;
  if (places.size() * part.size() > max_result) return c.fail("the XML is larger than {} bytes", max_result);
  for (auto& place : places) {
    XmlType type = place.node->type;
    if (place.attribute != XmlPlace::self || (type != XmlType::element && type != XmlType::document))
      return c.fail("InsertXML XPath selected non-element: \"{}\"", place.node->name);
    for (auto* child = inserted.top->first; child != nullptr; child = child->next) place.node->add(copy_xml(c.scratch(), *child));
  }
  return write(c, *document.top, out);
}

// ---- ConvertAttributesToElementsXML(text, xpath?), ConvertTextToElementsXML(text, xpath?, element?)

bool attributes_to_elements(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  XmlDocument document;
  Places places;
  if (!call.text(c, 0, text) || !parse_nodes(c, text, document) || !select(c, call, *document.top, places)) return false;
  for (auto& [node, attribute] : attributes_among(places)) {
    node->add(element_around(c, attribute.name, attribute.value));
    remove_attribute(*node, attribute.name);
  }
  return write(c, *document.top, out);
}

// Wraps texts that stand beside others or beside elements.
void texts_to_elements(EvalContext& c, XmlNode& node, std::string_view name) {
  if (node.type != XmlType::element && node.type != XmlType::document) return;
  std::size_t texts = 0, elements = 0;
  for (auto* child = node.first; child != nullptr; child = child->next) {
    if (child->type == XmlType::element) texts_to_elements(c, *child, name), ++elements;
    if (child->type == XmlType::text) ++texts;
  }
  if (texts == 0 || elements + texts <= 1) return;
  for (auto* child = node.first; child != nullptr; child = child->next) {
    if (child->type != XmlType::text) continue;
    child->add(text_node(c, child->text));
    child->type = XmlType::element;
    child->name = name;
  }
}

bool convert_texts(EvalContext& c, const Call& call, Value& out) {
  std::string_view text, name = call.given(2) && !call.constant(2)->text.empty() ? call.constant(2)->text : "value";
  XmlDocument document;
  Places places;
  if (!call.text(c, 0, text) || !parse_nodes(c, text, document) || !select(c, call, *document.top, places)) return false;
  for (auto& place : places)
    if (place.attribute == XmlPlace::self) texts_to_elements(c, *place.node, name);
  return write(c, *document.top, out);
}

// ---- ParseXML(text)

Attributes* element_map(EvalContext& c, const XmlNode& element) {
  Arena& arena = c.scratch();
  auto* out = arena.make<Attributes>();
  out->set(arena, "tag", otlp::Value::of(element.name));
  std::string content;
  auto* children = arena.make<Array>();
  for (auto* child = element.first; child != nullptr; child = child->next) {
    if (child->type == XmlType::text || child->type == XmlType::cdata) content += trim_space(child->text);
    if (child->type == XmlType::element) children->push_back(arena, otlp::Value::of(element_map(c, *child)));
  }
  if (!content.empty()) out->set(arena, "content", otlp::Value::of(arena.copy(content)));
  if (!element.attributes.empty()) {
    auto* attributes = arena.make<Attributes>();
    for (auto& attribute : element.attributes) attributes->set(arena, attribute.name, otlp::Value::of(attribute.value));
    out->set(arena, "attributes", otlp::Value::of(attributes));
  }
  if (!children->empty()) out->set(arena, "children", otlp::Value::of(children));
  return out;
}

bool parse_xml_map(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  XmlDocument document;
  if (!call.text(c, 0, text) || !parse(c, text, false, document)) return false;
  if (document.root_end != text.size()) return c.fail("trailing bytes after parsing xml");
  return out = Value::of(element_map(c, *document.root)), true;
}

// ---- ParseSimplifiedXML(text): attributes and text beside elements are left out

std::string_view leaf_text(const XmlNode& element) {
  std::string_view out;
  bool found = false;
  for (auto* child = element.first; child != nullptr; child = child->next) {
    if (child->type == XmlType::element) return {};
    if (!found && (child->type == XmlType::text || child->type == XmlType::cdata)) out = child->text, found = true;
  }
  return out;
}

Attributes* simplified(EvalContext& c, const XmlNode& parent);

// False when there is nothing in the element.
bool simplified_value(EvalContext& c, const XmlNode& element, otlp::Value& out) {
  if (std::string_view text = leaf_text(element); !text.empty()) return out = otlp::Value::of(text), true;
  Attributes* map = simplified(c, element);
  return out = otlp::Value::of(map), !map->empty();
}

Attributes* simplified(EvalContext& c, const XmlNode& parent) {
  Arena& arena = c.scratch();
  auto* out = arena.make<Attributes>();
  MapBuilder builder(*out, arena);
  std::map<std::string_view, std::size_t> times;
  for (auto* child = parent.first; child != nullptr; child = child->next)
    if (child->type == XmlType::element) ++times[child->name];
  for (auto* child = parent.first; child != nullptr; child = child->next) {
    if (child->type != XmlType::element || child->first == nullptr) continue;
    otlp::Value value;
    bool several = times[child->name] > 1;
    if (several && builder.find(child->name) == nullptr) builder.set(child->name, otlp::Value::of(arena.make<Array>()));
    if (!simplified_value(c, *child, value)) continue;
    if (several)
      builder.find(child->name)->array(arena).push_back(arena, value);
    else
      builder.set(child->name, value);
  }
  return out;
}

bool parse_simplified(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  XmlDocument document;
  if (!call.text(c, 0, text) || !parse_nodes(c, text, document)) return false;
  return out = Value::of(simplified(c, *document.top)), true;
}

}  // namespace

std::span<const FunctionInfo> xml_functions() {
  static const std::array rows{
      FunctionInfo{"GetXML", "The elements, texts and attribute values that an XPath selects, one behind the other.",
                   {{"target", Takes::text}, {"xpath", Takes::literal_text}}, get_xml, [](Call& call) { return prepare_path(call, 1); }},
      FunctionInfo{"RemoveXML", "The XML text without what an XPath selects.", {{"target", Takes::text}, {"xpath", Takes::literal_text}}, remove_xml,
                   [](Call& call) { return prepare_path(call, 1); }},
      FunctionInfo{"InsertXML", "The XML text with a part added at the end of each element that an XPath selects.",
                   {{"target", Takes::text}, {"xpath", Takes::literal_text}, {"subDocument", Takes::text}}, insert_xml,
                   [](Call& call) { return prepare_path(call, 1); }},
      FunctionInfo{"ConvertAttributesToElementsXML", "The XML text with the attributes that an XPath selects (default: all) as elements.",
                   {{"target", Takes::text}, {"xpath", Takes::literal_text, true}}, attributes_to_elements,
                   [](Call& call) { return prepare_path(call, 1, "//@*"); }},
      FunctionInfo{"ConvertTextToElementsXML",
                   "The XML text with texts that stand beside others or beside elements wrapped in elements (default: value), in what an XPath selects.",
                   {{"target", Takes::text}, {"xpath", Takes::literal_text, true}, {"elementName", Takes::literal_text, true}}, convert_texts,
                   [](Call& call) { return prepare_path(call, 1, "/"); }},
      FunctionInfo{"ParseXML", "The XML element as a map with tag, attributes, content and children.", {{"target", Takes::text}}, parse_xml_map},
      FunctionInfo{"ParseSimplifiedXML", "The XML text as maps by element name, with lists where a name is repeated; attributes are left out.",
                   {{"target", Takes::text}}, parse_simplified},
  };
  return rows;
}

}  // namespace weir::ottl
