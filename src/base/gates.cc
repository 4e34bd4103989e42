#include "base/gates.h"

#include "base/text.h"

namespace weir::gates {
namespace {

std::map<std::string, bool, std::less<>>& table() {
  static std::map<std::string, bool, std::less<>> gates;
  return gates;
}

}  // namespace

void set(const std::vector<std::string>& lists) {
  table().clear();
  for (auto& list : lists)
    for (std::string_view entry : split(list, ',')) {
      entry = trim(entry);
      bool off = entry.starts_with('-');
      if (off || entry.starts_with('+')) entry.remove_prefix(1);
      if (!entry.empty()) table()[std::string(entry)] = !off;
    }
}

bool enabled(std::string_view name, bool standard) {
  auto found = table().find(name);
  return found == table().end() ? standard : found->second;
}

}  // namespace weir::gates
