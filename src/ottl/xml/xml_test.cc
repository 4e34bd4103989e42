#include <doctest/doctest.h>

#include "ottl/testing.h"
#include "ottl/xml/xml.h"
#include "ottl/xml/xpath.h"

namespace weir::ottl {
namespace {

std::string rewritten(std::string_view text) {
  Arena arena;
  XmlDocument document;
  std::string wrong, out;
  if (!parse_xml(text, arena, true, document, wrong)) return "error: " + wrong;
  document.top->write(out);
  return out;
}

TEST_CASE("XML: what is read is written again") {
  struct {
    std::string_view in, out;
  } const rows[] = {
      {"<a/>", R"(<?xml version="1.0"?><a></a>)"},
      {R"(<?xml version="1.0" encoding="UTF-8"?><a>x</a>)", R"(<?xml version="1.0" encoding="UTF-8"?><a>x</a>)"},
      {"<a b='1' c = \"2\"/>", R"(<?xml version="1.0"?><a b="1" c="2"></a>)"},
      {"<a>1 &lt; 2 &amp;&#65;&#x42;</a>", R"(<?xml version="1.0"?><a>1 &lt; 2 &amp;AB</a>)"},
      {"<a><![CDATA[<raw>]]><!-- c --><?go on?></a>", R"(<?xml version="1.0"?><a><![CDATA[<raw>]]><!-- c --><?go on?></a>)"},
      {"<a>one\r\ntwo\rthree</a>", "<?xml version=\"1.0\"?><a>one\ntwo\nthree</a>"},
      {R"(<p:a xmlns:p="urn:x" p:b="1"><p:c/></p:a>)", R"(<?xml version="1.0"?><p:a xmlns:p="urn:x" p:b="1"><p:c></p:c></p:a>)"},
      {"<a/><b/>", R"(<?xml version="1.0"?><a></a><b></b>)"},
      {R"(<a xml:space="default"> x </a>)", R"(<?xml version="1.0"?><a xml:space="default">x</a>)"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(rewritten(row.in) == row.out);
  }
}

TEST_CASE("XML: malformed texts are refused") {
  for (std::string_view text : {"", "text", "<a>", "</a>", "<a></b>", "<a b></a>", "<a b=1/>", "<a b='<'/>", "<a>&nope;</a>", "<a>]]></a>", "<a><!-- -- --></a>",
                                "< a/>", "<p:a/>", "<a", "<a b='", "<![CDATA[x", "<?xml version='2.0'?><a/>", "<a>\x01</a>", "<a>\xff</a>", "<a>&#0;</a>"}) {
    CAPTURE(text);
    CHECK(rewritten(text).starts_with("error: XML syntax error on line 1: "));
  }
  std::string deep;
  for (int i = 0; i <= max_xml_depth; ++i) deep += "<a>";
  CHECK(rewritten(deep).find("nesting depth") != std::string::npos);
}

constexpr std::string_view shop = R"(<shop id="s"><item price="5">pen</item><item price="12" on="sale">book<note>new</note></item><box><item>cup</item></box><!--end--></shop>)";

std::string selected(std::string_view path, std::string_view text = shop) {
  auto compiled = XPath::compile(path);
  if (!compiled) return "config: " + compiled.error().what;
  Arena arena;
  XmlDocument document;
  std::string wrong, out;
  REQUIRE(parse_xml(text, arena, true, document, wrong));
  std::vector<XmlPlace> places;
  if (!compiled->select(*document.top, places)) return "too many steps";
  for (auto& place : places) {
    if (!out.empty()) out += '|';
    if (place.attribute >= 0)
      out += place.node->attributes[static_cast<std::size_t>(place.attribute)].value;
    else
      place.node->inner_text(out);
  }
  return out;
}

TEST_CASE("XPath: axes, predicates and functions") {
  struct {
    std::string_view path, out;
  } const rows[] = {
      {"/shop/item", "pen|booknew"},
      {"//item", "pen|booknew|cup"},
      {"//item/text()", "pen|book|cup"},
      {"//@price", "5|12"},
      {"//item[@price]", "pen|booknew"},
      {"//item[@price > 6]", "booknew"},
      {"//item[@on='sale']/note", "new"},
      {"/shop/item[2]", "booknew"},
      {"/shop/item[last()]/@price", "12"},
      {"/shop/item[position()<2]", "pen"},
      {"//item[contains(text(), 'oo')]", "booknew"},
      {"//item[not(@price)]", "cup"},
      {"//item[starts-with(., 'p') or . = 'cup']", "pen|cup"},
      {"//note/..", "booknew"},
      {"//note/ancestor::shop/@id", "s"},
      {"//note/parent::item/preceding-sibling::item", "pen"},
      {"/shop/*[name()='box']/item", "cup"},
      {"/shop/item/following-sibling::box", "cup"},
      {"//note/following::item", "cup"},
      {"//box/preceding::note", "new"},
      {"//item[count(note)=1]", "booknew"},
      {"//item[string-length(.) = 3 and @price * 2 = 10]", "pen"},
      {"/shop/item | //note", "pen|booknew|new"},
      {"(//item)[3]", "cup"},
      {"//comment()", ""},
      {"/shop/item[normalize-space(concat(' ', @on, ' ')) = 'sale']/@price", "12"},
      {"//item[substring(., 1, 2) = 'cu']", "cup"},
      {"count(//item)", ""},
      {"//nothing", ""},
  };
  for (auto& row : rows) {
    CAPTURE(row.path);
    CHECK(selected(row.path) == row.out);
  }
  for (std::string_view path : {"", "//", "/shop[", "/shop/item[1", "//item[foo()]", "//sideways::a", "'open", "/a]", "$x", "substring('a')"}) {
    CAPTURE(path);
    CHECK(selected(path).starts_with("config: "));
  }
}

TEST_CASE("XPath: the time a path may take is bounded") {
  std::string wide = "<a>";
  for (int i = 0; i < 3000; ++i) wide += "<b><c/></b>";
  wide += "</a>";
  CHECK(selected("//b[count(//c) = 1][count(//b) = 2]", wide) == "too many steps");
}

TEST_CASE("XML functions") {
  Bench b;
  b.set(b.log.attributes, "x", R"(<a id="1"><b>text</b><b>more</b><c x="y"/></a>)");
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"(GetXML(attributes["x"], "//b"))", R"(string "<b>text</b><b>more</b>")"},
      {R"(GetXML(attributes["x"], "/a/@id"))", R"(string "1")"},
      {R"(GetXML("", "/a"))", R"(string "")"},
      {R"x(RemoveXML(attributes["x"], "//b") == "<a id=\"1\"><c x=\"y\"></c></a>")x", ""},
      {R"(ParseXML("<a b=\"1\"> x <c/></a>"))", R"(map {"attributes":{"b":"1"},"children":[{"tag":"c"}],"content":"x","tag":"a"})"},
      {R"(ParseXML("<a/> "))", "error: trailing bytes after parsing xml"},
      {R"(ParseSimplifiedXML("<a><b>1</b><b>2</b><c><d>x</d></c><e/></a>"))", R"(map {"a":{"b":["1","2"],"c":{"d":"x"}}})"},
      {R"(GetXML(attributes["x"], "//["))", "config"},
  };
  for (auto& [in, out] : rows) {
    CAPTURE(in);
    if (in.find(" == ") != std::string_view::npos)
      CHECK(b.test(std::string(in)) == "true");
    else if (out == "config")
      CHECK(b.eval(in).starts_with("config: "));
    else
      CHECK(b.eval(in) == out);
  }
  CHECK(b.test(R"x(RemoveXML(attributes["x"], "//@x | //b/text()") == "<a id=\"1\"><b></b><b></b><c></c></a>")x") == "true");
  CHECK(b.test(R"x(InsertXML(attributes["x"], "//b", "<n/>") == "<a id=\"1\"><b>text<n></n></b><b>more<n></n></b><c x=\"y\"></c></a>")x") == "true");
  CHECK(b.test(R"x(ConvertAttributesToElementsXML(attributes["x"]) == "<a><b>text</b><b>more</b><c><x>y</x></c><id>1</id></a>")x") == "true");
  CHECK(b.test(R"x(ConvertTextToElementsXML("<a>x<b>y</b>z</a>") == "<a><value>x</value><b>y</b><value>z</value></a>")x") == "true");
  CHECK(b.eval(R"(InsertXML("<a b=\"1\"/>", "//@b", "<n/>"))").starts_with("error: InsertXML XPath selected non-element"));
}

}  // namespace
}  // namespace weir::ottl
