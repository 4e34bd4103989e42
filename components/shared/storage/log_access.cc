#include "components/shared/storage/log_access.h"

#include "io/workers.h"

namespace weir::storage {

namespace {

enum class Kind : std::uint8_t { urgent, brief, later };

struct Job {
  io::Workers& workers;
  io::Executor& home;
  Kind kind;
  std::move_only_function<void()> work;
  io::Task done;

  // A job that found no place is offered again.
  static void submit(std::shared_ptr<Job> job) {
    auto work = [job] { job->work(); };
    auto done = [job] { job->done(); };
    auto priority = job->kind == Kind::later ? io::Workers::Priority::normal : io::Workers::Priority::urgent;
    auto taken = job->kind == Kind::brief ? job->workers.submit_brief(job->home, work, done) : job->workers.submit(priority, job->home, work, done);
    if (!taken) job->home.at(job->home.now() + 10ms, [job] { submit(job); });
  }
};

Offload offload(io::Workers& workers, io::Executor& home, Kind kind) {
  return [&workers, &home, kind](std::move_only_function<void()> work, io::Task done) {
    Job::submit(std::make_shared<Job>(workers, home, kind, std::move(work), std::move(done)));  // shared with the worker
  };
}

}  // namespace

Offload offload_to(io::Workers& workers, io::Executor& home) { return offload(workers, home, Kind::later); }

Offloads offloads_to(io::Workers& workers, io::Executor& home) {
  return {offload(workers, home, Kind::urgent), offload(workers, home, Kind::brief), offload(workers, home, Kind::later)};
}

Result<std::shared_ptr<LogFiles>> shared_log_files(engine::Host& host, const std::string& directory) {
  Error error;
  auto make = [&]() -> std::shared_ptr<void> {
    auto opened = LogFiles::open(host.fs(), directory);
    if (opened) return *opened;
    error = std::move(opened).error();
    return nullptr;
  };
  auto files = std::static_pointer_cast<LogFiles>(host.shared("log " + directory, make));
  if (!files) return fail(std::move(error));
  return files;
}

std::string file_name_of(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace weir::storage
