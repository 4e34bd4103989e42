#pragma once
// A file of whole records that is renamed when it is large. What could only be written in part is taken back.
#include "components/exporters/file/config.h"
#include "io/fs.h"

namespace weir::exporters::file {

// One core at a time.
class RotatingFile {
 public:
  // With `rotation`, or when appending, what is there is kept; otherwise the file is emptied.
  static Result<RotatingFile> open(io::Fs& fs, std::string path, const std::optional<Rotation>& rotation, bool append);

  // One record, all of it or nothing.
  Result<> write(std::span<const std::string_view> pieces, UnixNanos now);

 private:
  RotatingFile(io::Fs& fs, std::string path, std::optional<Rotation> rotation, std::unique_ptr<io::File> file)
      : fs_(&fs), path_(std::move(path)), rotation_(std::move(rotation)), file_(std::move(file)), good_(file_->size()) {}
  Result<> take_back();
  void try_to_rotate(UnixNanos now);
  Result<> rotate(UnixNanos now);
  Result<> remove_old(UnixNanos now);

  io::Fs* fs_;
  std::string path_;
  std::optional<Rotation> rotation_;
  std::unique_ptr<io::File> file_;
  std::uint64_t good_;  // size up to which all records are whole
};

// data.json becomes data-2022-09-14T05-02-14.173.json.
std::string backup_name(std::string_view path, UnixNanos now, bool local);

}  // namespace weir::exporters::file
