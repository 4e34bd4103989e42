#include "weir/commands.h"

#include <malloc.h>

#include <csignal>
#include <filesystem>

#include "base/gates.h"
#include "base/log.h"
#include "base/text.h"
#include "config/field.h"
#include "ottl/reference.h"
#include "weir/data_directory.h"
#include "weir/describe.h"
#include "weir/live.h"
#include "weir/load.h"
#include "weir/queue_command.h"
#include "weir/scenario/scenario.h"
#include "weir/service.h"
#include "weir/upstream_types.h"
#include "weir/version.h"

namespace weir::app {
namespace {

int report(const config::Problems& problems) {
  fmt::print(stderr, "{}", problems.to_string());
  return problems.failed() ? 1 : 0;
}

std::string plural(engine::Kind kind) { return fmt::format("{}s", to_string(kind)); }

std::string signals_text(const engine::Factory& factory) {
  std::string out;
  auto add = [&](std::string text) { out += (out.empty() ? "" : ", ") + text; };
  for (auto signal : factory.signals) add(std::string(to_string(signal)));
  for (auto& c : factory.conversions) add(fmt::format("{} to {}", to_string(c.from), to_string(c.to)));
  return out;
}

int print_component(const Options& options) {
  const std::string& name = options.component;
  auto slash = name.find('/');
  std::string kind = name.substr(0, slash), type = slash == name.npos ? kind : name.substr(slash + 1);
  bool found = false;
  for (auto& factory : engine::component_table()) {
    bool wanted = factory.accepts(type) && (slash == name.npos || kind == to_string(factory.kind) || kind == plural(factory.kind));
    if (!wanted) continue;
    found = true;
    if (options.markdown) {
      fmt::print("{}", settings_table(factory));
      continue;
    }
    fmt::print("{} {}: {}\n{}\n", to_string(factory.kind), factory.type, factory.summary, signals_text(factory));
    fmt::print("{}", settings_text(factory));
  }
  if (!found) fmt::print(stderr, "no component \"{}\"; `weir components` lists them\n", name);
  return found ? 0 : 1;
}

// Signals that end or reload the process are taken by wait_for_signal() alone.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

// Request bodies of 100 KiB and more come and go thousands of times a second. By default glibc maps each anew, and the
// kernel clears its pages: measured 20 % of all CPU for 500-span requests.
void tune_allocator() {
  mallopt(M_MMAP_THRESHOLD, 8 * 1024 * 1024);
}

std::size_t core_count(const Options& options) {
  if (options.cores > 0) return static_cast<std::size_t>(options.cores);
  return std::max(1u, std::thread::hardware_concurrency());
}

void reload(Service& service, const Options& options) {
  config::Problems problems;
  auto loaded = load(options, problems);
  if (!loaded) {
    log::error("Reload: the new configuration is wrong, the old one goes on", {{"problems", problems.to_string()}});
    return;
  }
  log::info("Reloading");
  if (auto done = service.reload(std::move(*loaded)); !done)
    log::error("Reload: the new configuration does not start, the old one goes on", {{"error", done.error().what}});
  else
    log::info("Everything is ready. Begin running and processing data.");
}

// The next signal. With the embedded default, prints what comes meanwhile.
int wait_for_signal(const sigset_t& signals, const Service& service, const Options& options) {
  int signal = 0;
  if (!options.uris.empty()) {
    sigwait(&signals, &signal);
    return signal;
  }
  // Quick at first, when somebody watches; later the terminal is for other things.
  LiveLines live;
  int seconds_with_data = 0;
  for (timespec pause{}; pause.tv_sec = seconds_with_data < 20 ? 1 : 10, (signal = sigtimedwait(&signals, nullptr, &pause)) < 0;) {
    std::string lines = live.next(service.ledger(), system_clock().wall());
    if (lines.empty()) continue;
    ++seconds_with_data;
    fmt::print("{}", lines);
    std::fflush(stdout);
  }
  return signal;
}

// Until everything is delivered, the time is over or a second signal comes. A third one ends the process where it stands.
bool stop(const sigset_t& signals, Service& service, const Options& options) {
  auto stopped = service.begin_stop(parse_duration(options.shutdown_timeout).value_or(25s));
  const timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
  for (int received = 0; stopped.wait_for(0s) != std::future_status::ready;) {
    int signal = sigtimedwait(&signals, nullptr, &pause);
    if (signal != SIGTERM && signal != SIGINT) continue;
    if (++received > 1) _exit(1);
    log::warn("Received a second signal: what is not delivered yet is given up");
    service.hurry();
  }
  return service.finish_stop();
}

}  // namespace

std::string version_text() { return fmt::format("weir version {}", version); }

int print_version() {
  fmt::print("{}\n", version_text());
  return 0;
}

bool check_gates() {
  std::vector<std::string_view> known;
  for (auto& gate : gates::known()) known.push_back(gate.name);
  bool fine = true;
  for (auto& gate : gates::unknown()) {
    if (is_upstream_gate(gate)) continue;
    auto near = nearest(gate, known);
    fmt::print(stderr, "weir: no such feature gate \"{}\"{}; `weir featuregate` lists them\n", gate, near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near));
    fine = false;
  }
  return fine;
}

int print_gates() {
  fmt::print("{:70} {:8} {}\n", "ID", "Enabled", "Description");
  for (auto& gate : gates::known()) fmt::print("{:70} {:8} {}\n", gate.name, gates::enabled(gate.name), gate.description);
  return 0;
}

int print_components(const Options& options) {
  if (options.schema) {
    fmt::print("{}\n", config::to_json(config_schema()));
    return 0;
  }
  if (!options.component.empty()) return print_component(options);
  if (options.markdown) {
    fmt::print("{}", components_table());
    return 0;
  }
  fmt::print("buildinfo:\n  command: weir\n  description: weir, a keyed dataflow collector\n  version: {}\n", version);
  using engine::Kind;
  for (Kind kind : {Kind::receiver, Kind::processor, Kind::exporter, Kind::connector, Kind::extension}) {
    std::vector<const engine::Factory*> rows;
    for (auto& factory : engine::component_table())
      if (factory.kind == kind) rows.push_back(&factory);
    std::sort(rows.begin(), rows.end(), [](auto* a, auto* b) { return a->type < b->type; });
    fmt::print("{}:\n", plural(kind));
    for (auto* factory : rows) {
      fmt::print("  - name: {}\n    summary: {}\n", factory->type, quote_json(factory->summary));
      if (!factory->aliases.empty()) fmt::print("    aliases: [{}]\n", fmt::join(factory->aliases, ", "));
      if (auto text = signals_text(*factory); !text.empty()) fmt::print("    signals: [{}]\n", text);
    }
  }
  fmt::print("providers:\n  - scheme: env\n  - scheme: file\n  - scheme: http\n  - scheme: https\n  - scheme: yaml\n");
  return 0;
}

int print_docs(const Options&) {  // there is one page
  fmt::print("{}", ottl::function_reference());
  return 0;
}

int validate_config(const Options& options) {
  config::Problems problems(config::Problems::Purpose::check);
  if (options.uris.empty()) {
    fmt::print(stderr, "weir: at least one config flag must be provided: weir validate --config=FILE\n");
    return 1;
  }
  auto loaded = load(options, problems);
  if (!loaded) return report(problems), 1;
  return report(problems);
}

int explain_config(const Options& options) {
  config::Problems problems(config::Problems::Purpose::check);
  auto loaded = load(options, problems);
  report(problems);
  if (!loaded) return 1;
  // As it runs where the data directory can be written to.
  loaded->spec.data_directory = !data_path(options).path.empty();
  auto plan = engine::Plan::build(loaded->spec);
  fmt::print("{}\nmemory: {}\n", plan->explain(), to_string(memory_limit_of(loaded->spec)));
  return 0;
}

int test_config(const Options& options) {
  scenario::Report report;
  auto files = scenario::find_files(options.files);
  if (!files) {
    fmt::print(stderr, "weir: {}\n", files.error().what);
    return 2;
  }
  log::configure({.level = log::Level::error});
  for (auto& file : *files) scenario::run_file(file, static_cast<std::size_t>(options.cores), report);
  for (auto& failure : report.failures) fmt::print("FAILED {} ({})\n{}\n", failure.name, failure.place, failure.text);
  fmt::print("{} passed, {} failed\n", report.passed, report.failures.size());
  return report.failures.empty() ? 0 : 1;
}

int print_config(const Options& options) {
  config::Problems problems(config::Problems::Purpose::check);
  auto loaded = load(options, problems);
  report(problems);
  if (!loaded) return 1;
  config::Value tree = options.mode == "redacted" ? redacted(*loaded) : loaded->tree;
  fmt::print("{}", options.format == "json" ? config::to_json(tree) + "\n" : config::to_yaml(tree));
  return 0;
}

int queue_command(const Options& options) {
  auto& fs = io::system_fs();
  QueueOptions asked{options.files.empty() ? data_path(options).path : options.files.front(), options.queue, options.dead, options.limit};
  std::string out;
  int code = 2;
  if (options.queue_action == "ls") code = list_queues(fs, asked, system_clock().wall(), out);
  else if (options.queue_action == "show") code = show_queue(fs, asked, out);
  else if (options.queue_action == "check") code = check_queues(fs, asked, out);
  else if (options.queue_action == "replay") code = replay_queues(fs, asked, out);
  else if (options.queue_action == "drop") code = drop_queues(fs, asked, out);
  fmt::print("{}", out);
  return code;
}

int run_service(const Options& options) {
  tune_allocator();
  sigset_t signals = block_signals();
  io::raise_fd_limit();
  config::Problems problems;
  auto loaded = load(options, problems);
  report(problems);
  if (!loaded) return 1;
  std::string welcome = options.uris.empty() ? welcome_text(options, *loaded) : "";
  std::vector<std::string> notes = loaded->notes;
  Service service(core_count(options), options.threads == "all" ? io::Team::Threads::one_per_loop : io::Team::Threads::follow_load);
  auto data = take_data_directory(io::system_fs(), data_path(options));
  Result<> started = data ? Result<>() : Result<>(std::unexpected(data.error()));
  std::string path = data ? data->path : "", why = data ? data->why : "";
  if (data) service.use(std::move(*data));
  if (started) started = service.start(std::move(*loaded));
  if (!started) {
    fmt::print(stderr, "weir: cannot start: {}\n", started.error().what);
    return 1;
  }
  if (path.empty()) log::warn("There is no data directory: sending queues are in memory, and what is in them is lost when this process is killed", {{"reason", why}});
  else log::info("What has to survive this process is kept in the data directory", {{"path", path}});
  for (auto& note : notes) log::warn(note);
  for (auto& gate : gates::unknown()) log::info("This feature gate is not known here and changes nothing", {{"gate", gate}});
  log::info("Everything is ready. Begin running and processing data.");
  fmt::print(stderr, "{}", welcome);
  while (wait_for_signal(signals, service, options) == SIGHUP) reload(service, options);
  log::info("Received signal from OS, shutting down");
  bool complete = stop(signals, service, options);
  log::info("Shutdown complete.");
  return complete && !service.failed() ? 0 : 1;
}

}  // namespace weir::app
