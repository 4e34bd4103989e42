#pragma once
// Instrumentation resources (opentelemetry.io/v1alpha1): languages, defaults and checks.
#include <array>
#include <vector>

#include "inject/pod.h"

namespace weir::inject {

enum class Language : std::uint8_t { java, nodejs, python, dotnet, go, apache_httpd, nginx, sdk };
inline constexpr std::size_t language_count = 8;

struct LanguageInfo {
  Language language;
  std::string_view word;            // in annotations: inject-java
  std::string_view section;         // of the spec; "" for sdk
  std::string_view resources;       // the key of its resource limits
  std::string_view containers_key;  // the annotation with its containers
  std::string_view image;           // by default
  std::string_view cpu, memory;     // requested by default
};
std::span<const LanguageInfo> languages();
const LanguageInfo& info_of(Language language);

struct Instrumentation {
  std::string name_space, name;
  Value spec = Value::map();
};

// Fills in what was left out, as the operator's webhook does. Returns the annotations that name the images that were filled in.
std::vector<std::pair<std::string, std::string>> apply_defaults(Value& resource);

struct Verdict {
  std::vector<std::string> errors, warnings;
};
Verdict check(const Value& spec);

inline constexpr std::string_view annotation_prefix = "instrumentation.opentelemetry.io/";

}  // namespace weir::inject
