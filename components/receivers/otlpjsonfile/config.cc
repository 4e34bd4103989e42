#include "components/receivers/otlpjsonfile/config.h"

namespace weir::receivers::otlpjsonfile {

using config::field;

std::span<const config::Choice> choices_of(StartAt) {
  static constexpr config::Choice rows[] = {{"end", StartAt::end}, {"beginning", StartAt::beginning}};
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::include>("include", "Files, as patterns with *, ? and [a-z].", {.required = true}),
      field<&T::exclude>("exclude", "Not these."),
      field<&T::start_at>("start_at", "Where files are begun that are there at the start and were never read. Later ones are read from their beginning."),
      field<&T::poll_interval>("poll_interval", "How often files are looked for and read on.", {.min = 1ms}),
      field<&T::max_log_size>("max_log_size", "Longest line; longer ones are passed over and counted as refused.", {.min = 1024, .max = 256 * 1024 * 1024}),
      field<&T::include_file_name>("include_file_name", "Spans and log records get the attribute log.file.name, metrics the same in their metadata."),
      field<&T::include_file_path>("include_file_path", "And log.file.path."),
      field<&T::replay_file>("replay_file", "Files are read again and again from their beginning."),
      field<&T::storage>("storage", "Storage extension where positions are kept. Default: the data directory."),
      config::ignored("fingerprint_size", "files are known by device and inode"),
      config::ignored("max_concurrent_files", "files are read one after another"),
      config::ignored("initial_buffer_size", "buffers have the size that is needed"),
      config::ignored("encoding", "JSON is UTF-8"),
      config::ignored("force_flush_period", "a line is complete when its end is there"),
      config::ignored("polls_to_archive", "no effect"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  auto check = [&](std::string_view key, const std::vector<std::string>& patterns) {
    for (auto& pattern : patterns)
      if (pattern.empty() || pattern.find("**") != pattern.npos) context.error_at(key, "patterns must not be empty, and ** is not supported");
  };
  check("include", include);
  check("exclude", exclude);
}

}  // namespace weir::receivers::otlpjsonfile
