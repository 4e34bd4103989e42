#pragma once
#include "config/field.h"

namespace weir::extensions::file_storage {

struct Compaction {
  bool on_start = false, on_rebound = false, cleanup_on_start = false;
  std::string directory;
  std::uint64_t rebound_needed_threshold_mib = 100;
  std::uint64_t rebound_trigger_threshold_mib = 10;
  std::uint64_t max_transaction_size = 65536;
  Duration check_interval = 5s;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  std::string directory = "/var/lib/otelcol/file_storage";
  Duration timeout = 1s;
  bool fsync = false;
  bool create_directory = false;
  std::string directory_permissions = "0750";
  Compaction compaction;
  bool recreate = false;
  std::uint64_t max_size = 0;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  unsigned permissions() const;
};

}  // namespace weir::extensions::file_storage
