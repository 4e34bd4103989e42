#pragma once
// What the command line can ask for. Each returns the process's exit code.
#include <cstddef>
#include <string>
#include <vector>

namespace weir::app {

struct Options {
  std::vector<std::string> uris, sets, gates, files;
  std::string data_dir, component, page, program;
  std::string mode = "redacted", format = "yaml";  // print-config
  bool schema = false, markdown = false;           // components
  int cores = 0;                                   // 0: all there are
  std::string threads = "as-needed";
  std::string queue_action, queue;                 // queue
  std::string logs_action, metrics_url = "http://localhost:8888/metrics";  // logs
  bool dead = false;
  std::size_t limit = 10;
  std::string target, series, job, endpoint = "http://localhost:55679";  // relabel, targets
  std::string shutdown_timeout = "25s";  // below the 30 s that Kubernetes gives
};

std::string version_text();
int print_version();
// False after words about a gate that neither this program nor the collector knows.
bool check_gates();
int print_gates();
int print_components(const Options& options);
int print_docs(const Options& options);
int validate_config(const Options& options);
int explain_config(const Options& options);
int print_config(const Options& options);
int test_config(const Options& options);
int queue_command(const Options& options);
int logs_command(const Options& options);
int relabel_command(const Options& options);
int targets_command(const Options& options);
int run_service(const Options& options);

}  // namespace weir::app
