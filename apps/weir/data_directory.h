#pragma once
// Where this process keeps what has to survive it.
#include "io/fs.h"
#include "weir/commands.h"

namespace weir::app {

// --data-dir, else $WEIR_DATA_DIR, else systemd's $STATE_DIRECTORY, else /var/lib/weir if it is there and may be written to, else
// ./weir-data. `asked`: somebody named it. Empty: --data-dir none.
struct DataPath {
  std::string path;
  bool asked = false;
};
DataPath data_path(const Options& options);

struct DataDirectory {
  std::string path;            // empty: there is none
  std::string why;             // there is none
  std::shared_ptr<void> lock;  // keeps other processes out as long as it lives
};

// Creates it and keeps it. When somebody named it and it cannot be used that is an error; otherwise there is none.
Result<DataDirectory> take_data_directory(io::Fs& fs, const DataPath& place);

}  // namespace weir::app
