#pragma once
// A token that a program of the user's makes (`exec` in a kubeconfig).
#include "io/process.h"
#include "kube/connection.h"

namespace weir::kube {

// One core.
class ExecToken final : io::ProcessHandler {
 public:
  ExecToken(io::Executor& executor, Exec exec) : executor_(executor), exec_(std::move(exec)) {}
  ~ExecToken();

  // "" while there is none. Runs the program when there is none or it ends soon.
  std::string get();
  // The server did not take it.
  void refused() { until_ = 0; }
  // Runs `then` once a token is there, or the program has failed. At once when there is one.
  void when_ready(io::Task then);

  static constexpr std::size_t max_output = 1024 * 1024;
  static constexpr Duration patience = 60s;

 private:
  void run();
  void finish(Result<> result);
  Result<> take();
  void on_output(std::string_view bytes) override;
  void on_exit(std::string how, std::string errors) override;

  io::Executor& executor_;
  Exec exec_;
  std::string token_, output_;
  UnixNanos until_ = 0;  // when it ends; 0: now
  TimePoint not_before_{};  // after a failure
  std::unique_ptr<io::Process> process_;
  io::TimerId timer_ = 0;
  std::vector<io::Task> waiting_;
};

// The token in an ExecCredential document, and until when it holds (UINT64_MAX: it does not say).
Result<std::pair<std::string, UnixNanos>> parse_exec_credential(std::string_view json);

}  // namespace weir::kube
