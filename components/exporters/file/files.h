#pragma once
// All files of one exporter, shared by its cores and signals: one, or one for each value of an attribute.
#include <list>
#include <mutex>

#include "components/exporters/file/rotating_file.h"

namespace weir::exporters::file {

// Thread-safe; one record is written at a time. Writing blocks the core for as long as the operating system takes the bytes.
class Files {
 public:
  Files(const Config& config, io::Fs& fs) : config_(config), fs_(fs) {}

  // Creates the directory and, when there is only one, opens the file. Again: nothing.
  Result<> start();
  // `segment` stands for the * in the path; "" when files are not grouped.
  Result<> write(std::string_view segment, std::span<const std::string_view> pieces, UnixNanos now);

  // Where a segment's file is: never outside of the directory in front of the *.
  std::string path_of(std::string_view segment) const;

 private:
  struct Open {
    std::string path;
    RotatingFile file;
  };
  Result<RotatingFile*> find(std::string path);

  const Config config_;
  io::Fs& fs_;
  std::mutex mutex_;       // guards open_
  std::list<Open> open_;   // the one used last is in front
};

}  // namespace weir::exporters::file
