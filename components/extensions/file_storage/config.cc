#include "components/extensions/file_storage/config.h"

#include <charconv>

#include "components/extensions/file_storage/file_storage.h"
#include "engine/decode.h"

namespace weir::extensions::file_storage {

using config::field;
using config::FieldInfo;

namespace {

std::optional<unsigned> parse_octal(std::string_view text) {
  unsigned out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  if (error != std::errc{} || end != text.data() + text.size() || out > 07777) return {};
  return out;
}

}  // namespace

std::span<const FieldInfo> Compaction::fields() {
  static const std::array rows{
      field<&Compaction::on_start>("on_start", "Accepted; segments are freed whole, nothing is compacted."),
      field<&Compaction::on_rebound>("on_rebound", "Accepted, as above."),
      field<&Compaction::directory>("directory", "Accepted, as above."),
      field<&Compaction::rebound_needed_threshold_mib>("rebound_needed_threshold_mib", "Accepted, as above."),
      field<&Compaction::rebound_trigger_threshold_mib>("rebound_trigger_threshold_mib", "Accepted, as above."),
      field<&Compaction::max_transaction_size>("max_transaction_size", "Accepted, as above."),
      field<&Compaction::check_interval>("check_interval", "Accepted, as above."),
      field<&Compaction::cleanup_on_start>("cleanup_on_start", "Accepted, as above."),
  };
  return rows;
}

Result<> Compaction::validate() const {
  if (on_rebound && check_interval <= 0s) return fail(Errc::config, "compaction check interval must be positive when rebound compaction is set");
  return {};
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::directory>("directory", "Where data is kept."),
      field<&Config::create_directory>("create_directory", "Create it when it is not there."),
      field<&Config::directory_permissions>("directory_permissions", "Octal permissions of a directory that is created."),
      field<&Config::timeout>("timeout", "How long to wait at start for another process to let go of the directory.", {.min = 0s}),
      field<&Config::fsync>("fsync", "The disk has to have data, not only the operating system, before it is answered."),
      field<&Config::max_size>("max_size", "Bytes that each queue may keep; 0: what the queue allows."),
      field<&Config::recreate>("recreate", "Accepted; damaged records are skipped and counted, the rest is kept."),
      field<&Config::compaction>("compaction", "Of the Go collector's data base."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (!parse_octal(directory_permissions)) context.error_at("directory_permissions", "directory_permissions value must be a valid octal representation");
  if (directory.empty()) return context.error_at("directory", "directory must be non-empty");
  auto there = io::info_here(directory);
  if (!there) return context.machine_error_at("directory", there.error().what);
  if (*there && !(*there)->is_directory) context.machine_error_at("directory", fmt::format("{} is not a directory", directory));
  if (!*there && !create_directory)
    context.machine_error_at("directory", fmt::format("directory must exist: {}. You can enable the create_directory option to automatically create it", directory));
}

unsigned Config::permissions() const { return parse_octal(directory_permissions).value_or(0750); }

engine::Factory factory() {
  return {.kind = engine::Kind::extension,
          .type = "file_storage",
          .summary = "A directory for sending queues.",
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void* config, const engine::StorageInfo&) {
            return static_cast<const Config*>(config)->fsync ? engine::Durability::disk : engine::Durability::os;
          },
          .offers = [](const void*, std::string_view role) { return role == "storage"; },
          .make_extension = [](const void* config, engine::ExtensionContext& context) -> Result<std::unique_ptr<engine::Extension>> {
            return std::make_unique<FileStorage>(*static_cast<const Config*>(config), context, context.host.fs());
          }};
}

}  // namespace weir::extensions::file_storage
