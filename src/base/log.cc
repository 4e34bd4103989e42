#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"
#include "base/time.h"

namespace weir::log {
namespace {

struct State {
  std::shared_ptr<spdlog::logger> logger;  // second owner: a writer on another core while configure() replaces it
  bool json = false;
  std::string initial_console, initial_json;
};

std::shared_ptr<State> make_state(const Options& options) {
  std::vector<spdlog::sink_ptr> sinks;
  for (auto& path : options.output_paths) {
    if (path == "stderr")
      sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    else if (path == "stdout")
      sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
    else
      try {
        sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
      } catch (const spdlog::spdlog_ex& e) {
        fmt::print(stderr, "weir: cannot write logs to {}: {}\n", path, e.what());
      }
  }
  auto state = std::make_shared<State>();
  state->logger = std::make_shared<spdlog::logger>("weir", sinks.begin(), sinks.end());
  state->logger->set_pattern("%v");
  state->logger->set_level(spdlog::level::trace);
  state->logger->flush_on(spdlog::level::trace);
  state->json = options.json;
  for (auto& [key, value] : options.initial_fields) {
    state->initial_console += fmt::format("{}{}: {}", state->initial_console.empty() ? "" : ", ", quote_json(key), quote_json(value));
    state->initial_json += fmt::format(",{}:{}", quote_json(key), quote_json(value));
  }
  return state;
}

std::atomic<Level> minimum{Level::info};
std::atomic<std::shared_ptr<State>> current{make_state({})};
using Tap = std::function<void(Record)>;
std::atomic<std::shared_ptr<Tap>> tap;  // shared with writers that are calling it

constexpr std::array<std::string_view, 4> names = {"debug", "info", "warn", "error"};

}  // namespace

void configure(const Options& options) {
  minimum = options.level;
  current = make_state(options);
}

void set_tap(Tap to) { tap = to ? std::make_shared<Tap>(std::move(to)) : nullptr; }

bool enabled(Level level) { return level >= minimum.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  auto state = current.load();
  UnixNanos now = system_clock().wall();
  if (auto to = tap.load()) {
    Record record{level, now, std::string(message), {}};
    for (auto& f : fields) record.fields.emplace_back(f.key, f.value);
    (*to)(std::move(record));
  }
  std::string time = format_rfc3339(now);
  std::string line;
  if (state->json) {
    line = fmt::format(R"({{"level":"{}","ts":"{}","msg":{})", names[static_cast<int>(level)], time, quote_json(message));
    line += state->initial_json;
    for (auto& f : fields) line += fmt::format(",{}:{}", quote_json(f.key), f.quoted ? quote_json(f.value) : f.value);
    line += "}";
  } else {
    // As the collector prints it: scripts look for `"spans": 2` and the like.
    std::string pairs = state->initial_console;
    for (auto& f : fields)
      pairs += fmt::format("{}{}: {}", pairs.empty() ? "" : ", ", quote_json(f.key), f.quoted ? quote_json(f.value) : f.value);
    line = fmt::format("{}\t{}\t{}", time, names[static_cast<int>(level)], message);
    if (!pairs.empty()) line += fmt::format("\t{{{}}}", pairs);
  }
  state->logger->log(spdlog::level::info, "{}", line);
}

bool RateLimit::allow(long long& suppressed) {
  long long now = system_clock().now().time_since_epoch() / 10s;
  long long seen = window_.load(std::memory_order_relaxed);
  if (seen != now && window_.compare_exchange_strong(seen, now)) used_ = 0;
  if (used_.fetch_add(1) < limit_) {
    suppressed = suppressed_.exchange(0);
    return true;
  }
  ++suppressed_;
  return false;
}

}  // namespace weir::log
