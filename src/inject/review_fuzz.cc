// An AdmissionReview of any JSON: the answer is JSON that allows or refuses, and a patch that fits.
#include "inject/review.h"
#include "kube/json.h"

using namespace weir;
using namespace weir::inject;

namespace {

const Instrumentation& known() {
  static const Instrumentation out = [] {
    Value spec = Value::map();
    for (auto& language : languages())
      if (!language.section.empty()) spec.set(language.section, map_of({{"image", "i"}}));
    spec.set("exporter", map_of({{"endpoint", "http://o"}}));
    return Instrumentation{"n", "i", std::move(spec)};
  }();
  return out;
}

void check_answer(std::string_view answer) {
  auto read = kube::parse_json(answer);
  WEIR_CHECK(read.has_value());
  WEIR_CHECK(read->find("response::allowed") != nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    Cluster cluster{[](const std::string&) { return std::vector<const Instrumentation*>{&known()}; }, [](const std::string&, const std::string&, const std::string&) -> const Value* { return nullptr; }};
    Options options;
    options.enabled.fill(true);
    options.several_languages = data[0] >= 128;
    check_answer(review_pod(body, [](const std::string&) -> const Value* { return nullptr; }, cluster, options).answer);
  } else {
    auto answer = data[0] % 3 == 1 ? review_defaults(body) : review_check(body);
    if (answer) check_answer(*answer);
  }
  return 0;
}
