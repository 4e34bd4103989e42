#include "components/exporters/file/config.h"

#include <charconv>

#include "components/exporters/file/file.h"
#include "engine/decode.h"

namespace weir::exporters::file {
namespace {

std::optional<unsigned> parse_octal(std::string_view text) {
  unsigned out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  if (error != std::errc{} || end != text.data() + text.size() || out > 07777) return {};
  return out;
}

Result<> check_group_path(const std::string& path) {
  if (std::count(path.begin(), path.end(), '*') != 1)
    return fail(Errc::config, "path must contain exactly one * when group_by is enabled");
  if (path.starts_with('*')) return fail(Errc::config, "path must not start with * when group_by is enabled");
  return {};
}

}  // namespace

std::span<const config::Choice> choices_of(Format) {
  static constexpr config::Choice rows[] = {{"json", Format::json}, {"proto", Format::proto}};
  return rows;
}

std::span<const config::Choice> choices_of(Compression) {
  static constexpr config::Choice rows[] = {{"none", Compression::none}, {"", Compression::none}, {"zstd", Compression::zstd}};
  return rows;
}

std::span<const config::FieldInfo> Rotation::fields() {
  using config::field;
  static const std::array rows{
      field<&Rotation::max_megabytes>("max_megabytes", "A file that would grow beyond this is renamed, and a new one begun.", {.min = 1}),
      field<&Rotation::max_days>("max_days", "Renamed files older than this are removed; 0: never.", {.max = 36500}),
      field<&Rotation::max_backups>("max_backups", "So many renamed files are kept; 0: all."),
      field<&Rotation::localtime>("localtime", "Names have local time instead of UTC."),
  };
  return rows;
}

std::span<const config::FieldInfo> GroupBy::fields() {
  using config::field;
  static const std::array rows{
      field<&GroupBy::enabled>("enabled", "A file for each value of an attribute, which stands for the * in path."),
      field<&GroupBy::resource_attribute>("resource_attribute", "That attribute, of the resource, a text. Without it, items are dropped and counted."),
      field<&GroupBy::max_open_files>("max_open_files", "Files open at a time; the one used longest ago is closed.", {.min = 1}),
  };
  return rows;
}

std::span<const config::FieldInfo> CompressionParams::fields() {
  using config::field;
  static const std::array rows{field<&CompressionParams::level>("level", "Of zstd; 0 is its default.", {.min = 0, .max = 22})};
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::path>("path", "Where to write."),
      field<&Config::rotation>("rotation", "Begin new files when one is large, and remove old ones."),
      field<&Config::format>("format", "json: one line for each request; proto: protobuf."),
      field<&Config::compression>("compression", "zstd: each request is compressed for itself."),
      field<&Config::compression_params>("compression_params", "How to compress."),
      field<&Config::append>("append", "Go on at the end of a file that is there; without it (and without rotation) it is emptied at start."),
      field<&Config::flush_interval>("flush_interval", "Accepted; every request is handed to the operating system at once.", {.min = 0s}),
      field<&Config::create_directory>("create_directory", "Create the directory of path at start."),
      field<&Config::directory_permissions>("directory_permissions", "Octal permissions of directories that are created. Default: 0755."),
      field<&Config::group_by>("group_by", "A file for each value of a resource attribute."),
  };
  return rows;
}

Result<> Config::validate() const {
  if (path.empty()) return fail(Errc::config, "path must be non-empty");
  if (append && rotation) return fail(Errc::config, "append and rotation enabled at the same time is not supported");
  if (!directory_permissions.empty() && !create_directory)
    return fail(Errc::config, "directory_permissions requires create_directory to be true");
  if (!directory_permissions.empty() && !parse_octal(directory_permissions))
    return fail(Errc::config, "directory_permissions value must be a valid octal representation");
  if (!group_by.enabled) return {};
  if (group_by.resource_attribute.empty())
    return fail(Errc::config, "resource_attribute must not be empty when group_by is enabled");
  return check_group_path(path);
}

unsigned Config::permissions() const { return directory_permissions.empty() ? 0755 : parse_octal(directory_permissions).value_or(0755); }

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "file",
          .summary = "Writes requests to files.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::os; },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return make_stage(*static_cast<const Config*>(config), context, context.host.fs());
          }};
}

}  // namespace weir::exporters::file
