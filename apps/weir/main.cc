#include <CLI/CLI.hpp>

#include "base/gates.h"
#include "base/text.h"
#include "base/time.h"
#include "weir/allocator/allocator.h"
#include "weir/commands.h"
#include "weir/operator/operator.h"
#include "weir/operator/status.h"
#include "weir/scenario/scenario.h"

namespace {

// What was likely meant by words that are neither an option nor a command.
void suggest(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> known;
  const CLI::App* command = &app;
  for (auto* sub : app.get_subcommands([](auto*) { return true; })) known.push_back(sub->get_name());
  for (auto* chosen : app.get_subcommands()) command = chosen;
  for (auto* one : {&app, command})
    for (auto* option : one->get_options())
      for (auto& name : option->get_lnames()) known.push_back("--" + name);
  std::vector<std::string_view> words(known.begin(), known.end());
  for (int i = 1; i < argc; ++i) {
    std::string_view word(argv[i]);
    word = word.substr(0, word.find('='));
    if (std::find(words.begin(), words.end(), word) != words.end()) continue;
    if (auto near = weir::nearest(word, words); !near.empty()) fmt::print(stderr, "Did you mean \"{}\" instead of \"{}\"?\n", near, word);
  }
}

}  // namespace

// `weir --config=a.yaml` is the collector's command line; everything else is a sub-command.
int main(int argc, char** argv) {
  using namespace weir::app;
  Options options;
  CLI::App app{"weir: an OpenTelemetry collector whose runtime is a keyed dataflow engine.\n"
               "Without --config it runs its embedded default: OTLP in, a live line for each signal, files in the data directory."};
  app.set_version_flag("--version,-v", version_text());
  app.require_subcommand(0, 1);

  auto valid_duration = [](const std::string& text) { auto read = weir::parse_duration(text); return read ? std::string() : read.error().what; };
  auto configure = [&](CLI::App* command) {
    command->add_option("--config", options.uris,
                        "Configuration: a path, or file:, env:, yaml:, http:, https: URI. Later ones are merged over earlier ones.");
    command->add_option("--set", options.sets, "Sets one value: --set=processors.batch.timeout=2s");
    command->add_option("--feature-gates", options.gates, "Comma list; -gate switches off, +gate or gate on.");
  };
  auto run_options = [&](CLI::App* command) {
    command->add_option("--data-dir", options.data_dir, "Where weir keeps queues and files. Default: $WEIR_DATA_DIR, $STATE_DIRECTORY, /var/lib/weir if it is there, or ./weir-data; none: nothing survives");
    command->add_option("--cores", options.cores, "Cores to run on. Default: all.")->check(CLI::Range(1, 256));
    command->add_option("--threads", options.threads, "as-needed: few threads run all cores while little is to do; all: always one for each core.")
        ->check(CLI::IsMember({"as-needed", "all"}))
        ->capture_default_str();
    command->add_option("--shutdown-timeout", options.shutdown_timeout, "How long SIGTERM waits for what was taken to be delivered; the rest is given up.")
        ->check(valid_duration)
        ->capture_default_str();
  };
  configure(&app);
  run_options(&app);
  auto* run = app.add_subcommand("run", "Run a configuration (what weir does without a sub-command).");
  auto* validate = app.add_subcommand("validate", "Check a configuration; print every error with its place, or nothing.");
  auto* explain = app.add_subcommand("explain", "Print the plan: stages, keys, where exchanges sit and why.");
  auto* print = app.add_subcommand("print-config", "Print the configuration as weir understands it, secrets masked.");
  print->alias("print-initial-config");
  print->add_option("--mode", options.mode, "redacted, or unredacted: as it was written, with secrets.")->check(CLI::IsMember({"redacted", "unredacted"}));
  print->add_option("--format", options.format, "yaml or json.")->check(CLI::IsMember({"yaml", "json"}));
  auto* components = app.add_subcommand("components", "List the components of this build; with a name, its settings.");
  components->add_flag("--schema", options.schema, "A JSON Schema of the whole configuration, for editors.");
  components->add_flag("--markdown", options.markdown, "The settings as a table for a README.");
  auto* docs = app.add_subcommand("docs", "Print a generated reference page.");
  docs->add_option("page", options.page, "ottl: the functions of the transformation language")->required()->check(CLI::IsMember({"ottl"}));
  auto* test = app.add_subcommand("test", "Run test cases: input, virtual time, expected output.");
  test->add_option("files", options.files, "Test files, or folders with *.scenario and *.test.yaml files.")->required();
  test->add_option("--cores", options.cores, "Cores to simulate for cases that do not say. Default: 1.")->check(CLI::Range(1, 64));
  test->footer(std::string(scenario::format_help()));
  auto* gates = app.add_subcommand("featuregate", "List the feature gates.");
  auto* queue = app.add_subcommand("queue", "Look at sending queues on disk, whether weir runs or not; change them while it does not.");
  queue->add_option("action", options.queue_action, "ls: what waits. show: requests as OTLP JSON. check: ends with 1 when something is damaged. replay: send dead letters again. drop: delete.")
      ->required()
      ->check(CLI::IsMember({"ls", "show", "check", "replay", "drop"}));
  queue->add_option("directory", options.files, "A data directory, or one queue's. Default: where weir would keep its data.")->expected(0, 1);
  queue->add_option("--queue", options.queue, "Only this one, as ls names it.");
  queue->add_option("--limit", options.limit, "show: at most so many requests.")->capture_default_str();
  queue->add_flag("--dead", options.dead, "show, drop: dead letters, which the backend refused for good, instead of what waits.");
  auto* logs = app.add_subcommand("logs", "Look at the log files that a running weir reads.");
  logs->add_option("action", options.logs_action, "status: how far each file was read, and how far that has arrived.")->required()->check(CLI::IsMember({"status"}));
  logs->add_option("--metrics", options.metrics_url, "Where it shows its metrics.")->capture_default_str();
  OperatorOptions operator_options;
  auto* as_operator = app.add_subcommand("operator", "Instrument pods in Kubernetes and run collectors: Instrumentation and OpenTelemetryCollector resources.");
  auto* status = as_operator->add_subcommand("status", "Say which pods asked for instrumentation and do not have it, and how collectors are.");
  status->fallthrough();
  as_operator->add_option("--listen", operator_options.listen, "Where the API server asks, over TLS.")->capture_default_str();
  as_operator->add_option("--health", operator_options.health, "Where /healthz, /readyz and /metrics are, without TLS.")->capture_default_str();
  as_operator->add_option("--kubeconfig", operator_options.kubeconfig, "How to reach the API server. Default: the pod's own account.");
  as_operator->add_option("--namespace", operator_options.name_space, "Where the certificate's Secret is. Default: our own namespace.");
  as_operator->add_option("--service", operator_options.service, "The Service in front of us.")->capture_default_str();
  as_operator->add_option("--webhook-url", operator_options.url, "How the API server reaches us when we are not behind a Service: https://host:port.");
  as_operator->add_option("--collector-image", operator_options.collector_image, "The image of OpenTelemetryCollector resources that name none.")->capture_default_str();
  as_operator->add_flag("!--no-collectors", operator_options.collectors, "Leave OpenTelemetryCollector resources alone.");
  as_operator->add_flag("--restart-on-change", operator_options.restarts, "Restart workloads whose pods use an Instrumentation that has changed.");
  constexpr std::array languages = {"java", "nodejs", "python", "dotnet", "go", "apache-httpd", "nginx"};
  for (std::size_t i = 0; i < languages.size(); ++i)
    as_operator->add_flag(fmt::format("--enable-{}-instrumentation", languages[i]), operator_options.languages[i], "Also with =false. Go, which needs a privileged container, and nginx are off.");
  as_operator->add_flag("!--no-multi-instrumentation", operator_options.several_languages, "Only one language for a pod.");
  AllocatorOptions allocator_options;
  auto* allocator = app.add_subcommand("allocator", "Find scrape targets in Kubernetes and say which collector scrapes which, as the operator's target allocator does.");
  allocator->add_option("--config-file", allocator_options.config_file, "The target allocator's file.")->capture_default_str();
  allocator->add_option("--listen-addr", allocator_options.listen, "Where collectors ask. Default: as the file says, or :8080.");
  allocator->add_option("--kubeconfig-path", allocator_options.kubeconfig, "How to reach the API server. Default: the pod's own account.");
  allocator->add_flag("--enable-prometheus-cr-watcher", allocator_options.monitors, "Make jobs of ServiceMonitor, PodMonitor, Probe and ScrapeConfig resources.");
  allocator->add_flag("--enable-https-server", allocator_options.https, "Also listen with TLS, for collectors that show a certificate.");
  allocator->add_option("--listen-addr-https", allocator_options.listen_https, "Where.");
  allocator->add_option("--https-ca-file", allocator_options.ca_file, "Who signs the collectors' certificates.");
  allocator->add_option("--https-tls-cert-file", allocator_options.cert_file, "Our certificate.");
  allocator->add_option("--https-tls-key-file", allocator_options.key_file, "Its key.");
  allocator->add_flag("--allow-insecure-auth-secrets", allocator_options.insecure_secrets, "Show secrets of jobs without TLS, too.");
  auto* relabel = app.add_subcommand("relabel", "Show what each relabel rule of a prometheus receiver does to a target or a series.");
  auto* relabel_target = relabel->add_option("--target", options.target, "Labels as discovery finds them: __address__=host:9100,__meta_x=y or {__address__=\"host:9100\"}.");
  relabel->add_option("--series", options.series, "Labels of a series instead: the rules of metric_relabel_configs.")->excludes(relabel_target);
  relabel->add_option("--job", options.job, "Only this job.");
  auto* targets = app.add_subcommand("targets", "List what a running weir scrapes: labels, health, last error, duration, core.");
  targets->add_option("--endpoint", options.endpoint, "Where its extension zpages listens.")->capture_default_str();
  targets->add_option("--format", options.format, "text or json.")->check(CLI::IsMember({"text", "json"}));
  auto* version = app.add_subcommand("version", "Print the version.");
  for (auto* command : {run, validate, explain, print, relabel}) configure(command);
  run_options(run);
  components->add_option("component", options.component, "kind/type, e.g. processor/batch");
  app.footer("weir --config=relay.yaml                                   runs a collector configuration\n"
             "weir validate --config=base.yaml --config=site.yaml       checks two, the second merged over the first\n"
             "weir --config=relay.yaml --set=processors.batch.timeout=2s\n"
             "Values may be ${env:X}, ${env:X:-default} or ${file:path}; $$ stands for one dollar sign.\n"
             "SIGTERM delivers what was taken and stops, a second one stops at once; SIGHUP reads the configuration again.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    int code = app.exit(e) == 0 ? 0 : 1;
    if (code != 0) suggest(app, argc, argv);
    return code;
  }

  options.program = argv[0];
  weir::gates::set(options.gates);
  if (!check_gates()) return 1;
  if (*gates) return print_gates();
  if (*version) return print_version();
  if (*status) return operator_status(operator_options);
  if (*as_operator) return run_operator(operator_options);
  if (*allocator) return run_allocator(allocator_options);
  if (*components) return print_components(options);
  if (*docs) return print_docs(options);
  if (*queue) return queue_command(options);
  if (*logs) return logs_command(options);
  if (*relabel) return relabel_command(options);
  if (*targets) return targets_command(options);
  if (*test) return test_config(options);
  if (*validate) return validate_config(options);
  if (*explain) return explain_config(options);
  if (*print) return print_config(options);
  return run_service(options);
}
