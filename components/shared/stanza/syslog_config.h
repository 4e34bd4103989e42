#pragma once
// What the operator syslog_parser and the receiver syslog have in common.
#include "components/shared/stanza/operator.h"
#include "config/field.h"

namespace weir::stanza {

struct SyslogConfig {
  std::string protocol, location;
  bool enable_octet_counting = false, allow_skip_pri_header = false;
  std::uint64_t max_octets = 0;
  std::optional<std::string> non_transparent_framing_trailer;

  static std::span<const config::FieldInfo> fields();
  Result<> check() const;
};

// The operator, for a receiver that has it in front of all others.
Result<std::unique_ptr<Operator>> make_syslog_parser(const SyslogConfig& config, OnError on_error);

}  // namespace weir::stanza
