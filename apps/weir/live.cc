#include "weir/live.h"

namespace weir::app {
namespace {

std::string_view items_of(otlp::Signal signal) {
  constexpr std::array<std::string_view, 4> names = {"spans", "data points", "log records", "samples"};
  return names[static_cast<std::size_t>(signal)];
}

// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, ",");
  return out;
}

}  // namespace

std::string LiveLines::next(std::span<const engine::LedgerRow> rows, UnixNanos now) {
  std::array<Totals, otlp::all_signals.size()> totals{};
  for (auto& row : rows) {
    Totals& t = totals[static_cast<std::size_t>(row.signal)];
    t.dropped += row.total_dropped();
    if (row.role != engine::PlanNode::Role::receiver) continue;
    t.received += row.out;
    t.refused += row.refused;
  }
  std::string out;
  for (otlp::Signal signal : otlp::all_signals) {
    const Totals &t = totals[static_cast<std::size_t>(signal)], &before = last_[static_cast<std::size_t>(signal)];
    if (t == before) continue;
    // A reload starts the counts anew.
    std::uint64_t fresh = t.received >= before.received ? t.received - before.received : t.received;
    out += fmt::format("{}  {:<8} +{} {}, {} in all", format_rfc3339(now).substr(11, 8), to_string(signal), grouped(fresh), items_of(signal),
                       grouped(t.received));
    if (t.refused) out += fmt::format(", {} refused", grouped(t.refused));
    if (t.dropped) out += fmt::format(", {} dropped", grouped(t.dropped));
    out += '\n';
  }
  last_ = totals;
  return out;
}

}  // namespace weir::app
