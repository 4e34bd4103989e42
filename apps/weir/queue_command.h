#pragma once
// weir queue: what waits in sending queues on disk, and what a backend refused.
#include "io/fs.h"
#include "weir/commands.h"

namespace weir::app {

struct QueueOptions {
  std::string directory;   // a data directory, a storage extension's, or one queue's
  std::string queue;       // only this one
  bool dead = false;       // dead letters instead of what waits
  std::size_t limit = 10;  // show
};

// Each prints to `out` and returns the exit code.
int list_queues(io::Fs& fs, const QueueOptions& options, UnixNanos now, std::string& out);
int show_queue(io::Fs& fs, const QueueOptions& options, std::string& out);
// 1 when anything is damaged or of a later version.
int check_queues(io::Fs& fs, const QueueOptions& options, std::string& out);
// Dead letters are sent once more at the next start.
int replay_queues(io::Fs& fs, const QueueOptions& options, std::string& out);
int drop_queues(io::Fs& fs, const QueueOptions& options, std::string& out);

}  // namespace weir::app
