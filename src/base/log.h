#pragma once
// weir's own log lines: a level, a message and fields, on stderr as console text or JSON. Callable from every core.
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::log {

enum class Level : unsigned char { debug, info, warn, error };

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Field(std::string_view k, T v) : key(k), value(fmt::format("{}", v)), quoted(false) {}
  bool quoted = true;
};
using Fields = std::initializer_list<Field>;

struct Options {
  Level level = Level::info;
  bool json = false;
  std::vector<std::string> output_paths = {"stderr"};  // "stderr", "stdout" or files
  std::vector<std::pair<std::string, std::string>> initial_fields;
};

// Replaces the sink for the whole process. Until it is called, info and above go to stderr as console text.
void configure(const Options& options);
bool enabled(Level level);
void write(Level level, std::string_view message, Fields fields = {});

// A line as it was written, for whoever sends own lines elsewhere.
struct Record {
  Level level;
  UnixNanos time;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
};
// Called on the writing core with each line that is written; must not log itself. Null takes it away.
void set_tap(std::function<void(Record)> tap);

inline void debug(std::string_view message, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
inline void warn(std::string_view message, Fields fields = {}) { write(Level::warn, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }

// At most `limit` lines per ten seconds for one call site; the rest is counted and told with the next line.
class RateLimit {
 public:
  explicit RateLimit(int limit = 10) : limit_(limit) {}
  // True when the caller may write. `suppressed` gets the number of lines swallowed since the last one.
  bool allow(long long& suppressed);

 private:
  int limit_;
  std::atomic<long long> window_{0}, used_{0}, suppressed_{0};
};

}  // namespace weir::log
