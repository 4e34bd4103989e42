#pragma once
// Settings of the receiver journald.
#include "components/shared/stanza/input.h"
#include "components/shared/storage/storage_id.h"

namespace weir::receivers::journald {

enum class StartAt : std::uint8_t { end, beginning };
std::span<const config::Choice> choices_of(StartAt);

struct Config : stanza::InputConfig {
  Config();
  StartAt start_at = StartAt::end;
  std::string directory;
  std::vector<std::string> files, units, identifiers;
  std::string priority = "info", grep, name_space, root_path, journalctl_path = "journalctl";
  std::vector<std::map<std::string, std::string>> matches;
  bool dmesg = false, all = false, merge = false, convert_message_bytes = false;
  storage::StorageId kept_in;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  // The command; `cursor`: behind which entry, or empty.
  std::vector<std::string> command(std::string_view cursor) const;
};

}  // namespace weir::receivers::journald
