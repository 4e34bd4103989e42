// A rule made of any bytes, applied to labels of any bytes.
#include "components/shared/scrape/relabel/relabeler.h"

using namespace weir;
using namespace weir::scrape;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view left(reinterpret_cast<const char*>(data) + 2, size - 2);
  auto take = [&] {
    std::size_t n = std::min(left.find('\n'), left.size());
    std::string out(left.substr(0, n));
    left.remove_prefix(std::min(n + 1, left.size()));
    return out;
  };
  Rule rule{.source_labels = {"a", "b"}, .separator = take(), .regex = take(), .modulus = data[1], .target_label = take(), .replacement = take(), .action = static_cast<Action>(data[0] % 11)};
  auto naming = data[0] & 128 ? Naming::legacy : Naming::utf8;
  if (rule.action >= Action::labeldrop && rule.action <= Action::labelkeep) rule = {.regex = rule.regex, .action = rule.action};
  auto relabeler = Relabeler::make(std::span(&rule, 1), naming);
  if (!relabeler) return 0;
  Labels labels;
  labels.set("a", take());
  labels.set("b", take());
  labels.set(take(), take());
  relabeler->apply(labels);
  WEIR_CHECK(labels.duplicate().empty());
  for (const Label& label : labels) WEIR_CHECK(!label.value.empty());
  return 0;
}
