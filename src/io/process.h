#pragma once
// A child process whose output is read.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/loop.h"

namespace weir::io {

class ProcessHandler {
 public:
  // Pieces of its standard output as they come.
  virtual void on_output(std::string_view bytes) = 0;
  // It ended, and all its output has been given. `how`: "exit status 1", "signal 9". `errors`: the end of what it wrote
  // to standard error. The process may be destroyed in here.
  virtual void on_exit(std::string how, std::string errors) = 0;

 protected:
  ~ProcessHandler() = default;
};

// One core. Destroying it kills the child, without a word to the handler.
class Process {
 public:
  // arguments[0] is looked for in PATH. Its standard input is empty.
  static Result<std::unique_ptr<Process>> start(Executor& executor, const std::vector<std::string>& arguments, ProcessHandler& handler);
  ~Process();

  // Stops reading: the child waits once its pipe is full.
  void pause();
  void resume();

 private:
  struct Pipe final : FdHandler {
    explicit Pipe(Process& whose) : process(whose) {}
    void on_ready(std::uint32_t events) override;
    void close();

    Process& process;
    int fd = -1;
    WatchId watch = 0;
  };
  Process(Loop& loop, ProcessHandler& handler) : loop_(loop), handler_(handler) {}
  void read(Pipe& pipe);

  Loop& loop_;
  ProcessHandler& handler_;
  int pid_ = -1;
  Pipe output_{*this}, errors_{*this};
  std::string said_;
};

}  // namespace weir::io
