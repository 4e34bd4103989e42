#include "io/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/loop_of.h"

extern char** environ;

namespace weir::io {
namespace {

constexpr std::size_t most_errors = 2048, piece_bytes = 64 * 1024;

// Both ends close on exec; the child's copies, made by dup2, stay open.
Result<> make_pipe(int& read_end, int& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::retryable, "pipe: {}", std::strerror(errno));
  read_end = ends[0];
  write_end = ends[1];
  ::fcntl(read_end, F_SETFL, O_NONBLOCK);
  return {};
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(Executor& executor, const std::vector<std::string>& arguments, ProcessHandler& handler) {
  Loop& loop = loop_of(executor);
  std::unique_ptr<Process> out(new Process(loop, handler));
  int to_output = -1, to_errors = -1;
  WEIR_TRY(make_pipe(out->output_.fd, to_output));
  if (auto made = make_pipe(out->errors_.fd, to_errors); !made) {
    ::close(to_output);
    return std::unexpected(made.error());
  }
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, to_output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, to_errors, STDERR_FILENO);
  // Signals as a program expects them, whatever we block or ignore.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> argv;
  for (auto& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  int error = ::posix_spawnp(&out->pid_, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  ::close(to_output);
  ::close(to_errors);
  if (error != 0) {
    out->pid_ = -1;
    return fail(Errc::retryable, "start {}: {}", arguments.front(), std::strerror(error));
  }
  for (Pipe* pipe : {&out->output_, &out->errors_}) {
    WEIR_ASSIGN(pipe->watch, loop.watch(pipe->fd, EPOLLIN, *pipe));
  }
  return out;
}

Process::~Process() {
  output_.close();
  errors_.close();
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

void Process::Pipe::on_ready(std::uint32_t) { process.read(*this); }

void Process::Pipe::close() {
  if (watch != 0) process.loop_.unwatch(std::exchange(watch, 0));
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

void Process::pause() {
  if (output_.watch != 0) loop_.unwatch(std::exchange(output_.watch, 0));
}

void Process::resume() {
  if (output_.watch != 0 || output_.fd < 0) return;
  if (auto watch = loop_.watch(output_.fd, EPOLLIN, output_)) output_.watch = *watch;
}

// One piece a turn: what is left makes us ready again.
void Process::read(Pipe& pipe) {
  auto buffer = Loop::scratch().first(piece_bytes);
  ssize_t got = ::read(pipe.fd, buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) {
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (&pipe == &output_) return handler_.on_output(bytes);
    said_.append(bytes);
    if (said_.size() > most_errors) said_.erase(0, said_.size() - most_errors);
    return;
  }
  pipe.close();
  if (output_.fd >= 0 || errors_.fd >= 0) return;
  // Who closes both writes no more, and is not waited for.
  int status = 0;
  bool ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
  for (int i = 0; !ended && i < 50; ++i) {  // it is about to end
    ::usleep(1000);
    ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
  }
  if (ended) pid_ = -1;
  std::string how = !ended ? "closed its output" : WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : fmt::format("exit status {}", WEXITSTATUS(status));
  handler_.on_exit(std::move(how), std::move(said_));
}

}  // namespace weir::io
