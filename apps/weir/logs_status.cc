// `weir logs status`: how far every log file was read, and how far that has arrived.
#include "weir/logs_status.h"

#include <cstdio>
#include <map>

#include "base/number.h"
#include "base/text.h"
#include "weir/commands.h"
#include "weir/fetch.h"

namespace weir::app {
namespace {

struct Row {
  double size = 0, read = 0, settled = 0;
};

// The value of a label in {a="x",b="y"}, with escapes undone.
std::string label_of(std::string_view labels, std::string_view name) {
  std::string key = std::string(name) + "=\"";
  std::size_t at = labels.find(key);
  if (at == labels.npos) return {};
  std::string out;
  for (at += key.size(); at < labels.size() && labels[at] != '"'; ++at) {
    if (labels[at] == '\\' && at + 1 < labels.size()) {
      ++at;
      out += labels[at] == 'n' ? '\n' : labels[at];
    } else {
      out += labels[at];
    }
  }
  return out;
}

std::string bytes(double n) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; n >= 1024 && unit + 1 < std::size(units); ++unit) n /= 1024;
  return unit == 0 ? fmt::format("{:.0f} B", n) : fmt::format("{:.1f} {}", n, units[unit]);
}

}  // namespace

std::string logs_table(std::string_view metrics) {
  constexpr std::string_view prefix = "weir_filelog_file_";
  std::map<std::pair<std::string, std::string>, Row> rows;
  for (auto line : split(metrics, '\n')) {
    if (!line.starts_with(prefix)) continue;
    std::size_t open = line.find('{'), close = line.rfind('}');
    if (open == line.npos || close == line.npos || close < open) continue;
    std::string_view what = line.substr(prefix.size(), open - prefix.size()), labels = line.substr(open, close - open);
    auto value = parse_go_double(trim(line.substr(close + 1)));
    if (!value) continue;
    Row& row = rows[{label_of(labels, "receiver"), label_of(labels, "path")}];
    if (what == "size_bytes") row.size = *value;
    if (what == "read_bytes") row.read = *value;
    if (what == "settled_bytes") row.settled = *value;
  }
  if (rows.empty()) return "No log files are read.\n";
  std::string out = fmt::format("{:<12} {:>10} {:>10} {:>10} {:>10}  {}\n", "RECEIVER", "SIZE", "READ", "ARRIVED", "BEHIND", "PATH");
  for (auto& [key, row] : rows)
    out += fmt::format("{:<12} {:>10} {:>10} {:>10} {:>10}  {}\n", key.first, bytes(row.size), bytes(row.read), bytes(row.settled), bytes(row.size - row.settled), key.second);
  return out;
}

int logs_command(const Options& options) {
  auto text = fetch(options.metrics_url);
  if (!text) {
    std::fprintf(stderr, "%s\n", text.error().what.c_str());
    return 1;
  }
  std::fputs(logs_table(*text).c_str(), stdout);
  return 0;
}

}  // namespace weir::app
