#include "ottl/reference.h"

#include "ottl/function.h"

namespace weir::ottl {
namespace {

std::string_view word_of(Takes takes) {
  switch (takes) {
    case Takes::any: return "any";
    case Takes::text: return "string";
    case Takes::text_like: return "any as string";
    case Takes::integer: return "int";
    case Takes::integer_like: return "any as int";
    case Takes::real: return "float";
    case Takes::real_like: return "any as float";
    case Takes::boolean: return "bool";
    case Takes::boolean_like: return "any as bool";
    case Takes::bytes_like: return "any as bytes";
    case Takes::time: return "time";
    case Takes::duration: return "duration";
    case Takes::map: return "map";
    case Takes::list: return "list";
    case Takes::literal_text: return "literal string";
    case Takes::literal_integer: return "literal int";
    case Takes::literal_real: return "literal float";
    case Takes::literal_boolean: return "literal bool";
    case Takes::target: return "path";
    case Takes::map_target: return "path to a map";
    case Takes::any_list: return "[any, …]";
    case Takes::text_list: return "[string, …]";
    case Takes::text_like_list: return "[any as string, …]";
    case Takes::literal_text_list: return "[literal string, …]";
    case Takes::literal_real_list: return "[literal float, …]";
    case Takes::function: return "converter's name";
    case Takes::lambda0: return "() => value";
    case Takes::lambda2: return "(key, value) => value";
    case Takes::lambda3: return "(result, key, value) => value";
  }
  return "";
}

std::string signature(const FunctionInfo& info) {
  std::string out = fmt::format("{}(", info.name);
  for (std::size_t i = 0; i < info.params.size(); ++i) {
    auto& param = info.params[i];
    out += fmt::format("{}{}{}: {}", i ? ", " : "", param.name, param.optional ? "?" : "", word_of(param.takes));
  }
  return out + ")";
}

// Where a function exists, when that is not everywhere.
std::string limits(const FunctionInfo& info) {
  std::string out;
  if (info.in != In::all)
    for (std::size_t i = 0; i < context_count; ++i)
      if (includes(info.in, static_cast<ContextId>(i))) out += fmt::format("{}{}", out.empty() ? "" : ", ", to_string(static_cast<ContextId>(i)));
  if (!out.empty()) out = fmt::format(" Context: {}.", out);
  if (info.callers == Callers::transform) out += " Only in `transform`.";
  if (info.callers == Callers::filter) out += " Only in conditions of `filter`, `tail_sampling` and `count`.";
  if (info.callers == Callers::metrics_alone) out += " Only in `signaltometrics`.";
  if (info.gated) out += " Needs the feature gate `ottl.functions.enableLambda`.";
  return out;
}

void append_section(std::string& out, std::string_view title, bool editors) {
  std::vector<const FunctionInfo*> rows;
  for (auto& info : function_table())
    if (info.editor() == editors) rows.push_back(&info);
  std::sort(rows.begin(), rows.end(), [](auto* a, auto* b) { return a->name < b->name; });
  out += fmt::format("\n## {}\n", title);
  for (auto* info : rows) out += fmt::format("\n### {}\n\n`{}`\n\n{}{}\n", info->name, signature(*info), info->doc, limits(*info));
}

}  // namespace

std::string function_reference() {
  std::string out =
      "# Functions of the transformation language\n\n"
      "Written by `weir docs ottl` from the function table; a test compares it. Parameters with `?` may be left out, all may be given by name\n"
      "(`delimiter=\",\"`). *Literal* parameters must be written out in the statement; *any as* parameters convert what they get.\n";
  append_section(out, "Editors", true);
  append_section(out, "Converters", false);
  return out;
}

}  // namespace weir::ottl
