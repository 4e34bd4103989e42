#pragma once
// Lines of the StatsD protocol, DogStatsD's additions included.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::receivers::statsd {

enum class Type : std::uint8_t { counter, gauge, histogram, timing, distribution };
// As in observers' settings and in the attribute metric_type.
std::string_view to_string(Type type);

struct Message {
  std::string_view name;
  Type type = Type::counter;
  double value = 0;
  bool addition = false;    // a gauge's value has a sign: it is added
  double sample_rate = 0;   // 0: none given
  std::uint64_t timestamp = 0;  // seconds; 0: none given
  std::vector<std::pair<std::string_view, std::string_view>> tags;  // by name, each once: the last one counts

  // How many values it stands for.
  double weight() const { return sample_rate > 0 && sample_rate < 1 ? 1 / sample_rate : 1; }
};

// name:value|type|@rate|#tag:value,…|c:container|T1656581400. Errc::invalid with the reason. Views into `line`.
Result<> parse_message(std::string_view line, bool simple_tags, Message& out);

}  // namespace weir::receivers::statsd
