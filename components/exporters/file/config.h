#pragma once
#include "config/field.h"

namespace weir::exporters::file {

enum class Format : std::uint8_t { json, proto };
std::span<const config::Choice> choices_of(Format);
enum class Compression : std::uint8_t { none, zstd };
std::span<const config::Choice> choices_of(Compression);

struct Rotation {
  std::uint64_t max_megabytes = 100;
  std::uint64_t max_days = 0;  // 0: keep
  std::uint64_t max_backups = 100;
  bool localtime = false;

  static std::span<const config::FieldInfo> fields();
};

struct GroupBy {
  bool enabled = false;
  std::string resource_attribute = "fileexporter.path_segment";
  std::uint64_t max_open_files = 100;

  static std::span<const config::FieldInfo> fields();
};

struct CompressionParams {
  std::int32_t level = 0;  // 0: zstd's own default

  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::string path;
  std::optional<Rotation> rotation;
  Format format = Format::json;
  Compression compression = Compression::none;
  CompressionParams compression_params;
  bool append = false;
  Duration flush_interval = 1s;
  bool create_directory = false;
  std::string directory_permissions;
  GroupBy group_by;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
  unsigned permissions() const;
};

}  // namespace weir::exporters::file
