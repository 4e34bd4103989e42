#include "components/connectors/spanmetrics/glob.h"

namespace weir::connectors::spanmetrics {
namespace {

void append_literal(std::string& out, char c) {
  if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c)) && c != '_') out += '\\';
  out += c;
}

// From behind '[' to behind ']'; npos when it does not end.
std::size_t append_class(std::string_view pattern, std::size_t i, std::string& out) {
  std::size_t end = pattern.find(']', i);
  if (end == pattern.npos || end == i) return pattern.npos;
  out += '[';
  if (pattern[i] == '!') out += '^', ++i;
  for (; i < end; ++i) {
    if (pattern[i] == '-')
      out += '-';
    else
      append_literal(out, pattern[i]);
  }
  out += ']';
  return end + 1;
}

}  // namespace

Result<Regex> compile_glob(std::string_view pattern) {
  auto bad = [&](std::string_view why) { return fail(Errc::config, "invalid dimension glob \"{}\": {}", pattern, why); };
  std::string regex = "(?s)";
  int open = 0;
  for (std::size_t i = 0; i < pattern.size();) {
    char c = pattern[i++];
    if (c == '\\') {
      if (i == pattern.size()) return bad("nothing behind the last \\");
      append_literal(regex, pattern[i++]);
    } else if (c == '*') {
      bool across = i < pattern.size() && pattern[i] == '*';
      while (i < pattern.size() && pattern[i] == '*') ++i;
      regex += across ? ".*" : "[^.]*";
    } else if (c == '?') {
      regex += "[^.]";
    } else if (c == '[') {
      i = append_class(pattern, i, regex);
      if (i == pattern.npos) return bad("[ without ]");
    } else if (c == '{') {
      regex += "(?:", ++open;
    } else if (c == '}' && open > 0) {
      regex += ")", --open;
    } else if (c == ',' && open > 0) {
      regex += '|';
    } else {
      append_literal(regex, c);
    }
  }
  if (open > 0) return bad("{ without }");
  auto compiled = Regex::compile(regex);
  if (!compiled) return bad(compiled.error().what);
  return compiled;
}

}  // namespace weir::connectors::spanmetrics
