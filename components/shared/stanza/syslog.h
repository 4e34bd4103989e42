#pragma once
// Syslog messages of RFC 5424 and RFC 3164, taken apart as strictly as the Go collector does it.
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "components/shared/stanza/value.h"
#include "ottl/value.h"

namespace weir::ottl {
class Zone;
}

namespace weir::stanza {

struct SyslogMessage {
  std::optional<int> priority;
  std::optional<std::int64_t> time;  // nanoseconds since 1970
  std::optional<int> version;
  std::string_view hostname, appname, proc_id, msg_id, message;  // empty: not there
  Attributes* structured_data = nullptr;
  ottl::Time written;     // as it was written; without a year in the year 0
  std::string zone;       // its name, "" if it has none

  // "2003-10-11 22:14:15.003 +0200 CEST".
  std::string time_text() const;
};

// Texts are views into `text` or in `arena`.
Result<SyslogMessage> read_rfc5424(std::string_view text, Arena& arena);
// Times have no year: it is this one, or the last when that would be more than a week ahead.
Result<SyslogMessage> read_rfc3164(std::string_view text, const ottl::Zone& zone, UnixNanos now, bool embedded_newlines = false);

// "kern" to "local7".
std::string_view facility_name(int facility);
std::string_view syslog_severity_name(int severity);
std::int32_t severity_of_syslog(int severity);
// Without "<14>": the number in it, which must be 0 to 191 without leading zeros.
std::optional<int> take_priority(std::string_view& text);

}  // namespace weir::stanza
