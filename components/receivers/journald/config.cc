#include "components/receivers/journald/config.h"

namespace weir::receivers::journald {

using config::field;

std::span<const config::Choice> choices_of(StartAt) {
  static constexpr config::Choice rows[] = {{"end", StartAt::end}, {"beginning", StartAt::beginning}};
  return rows;
}

// The journal is the queue: what is refused waits in it.
Config::Config() { retry_on_failure = {.enabled = true, .max_elapsed_time = 0s}; }

std::span<const config::FieldInfo> Config::fields() {
  static const auto rows = stanza::joined(InputConfig::fields_but_storage(), {
      field<&Config::start_at>("start_at", "Where to begin without a known position."),
      field<&Config::directory>("directory", "Of the journal; without it, the system's."),
      field<&Config::files>("files", "Journal files instead of a directory."),
      field<&Config::units>("units", "Only these units."),
      field<&Config::identifiers>("identifiers", "Only these syslog identifiers."),
      field<&Config::priority>("priority", "Only entries that are at least as important, or a range: info, 0..4."),
      field<&Config::grep>("grep", "Only entries whose message matches."),
      field<&Config::matches>("matches", "Fields and their values; one of the list has to hold."),
      field<&Config::dmesg>("dmesg", "Only the kernel's messages of this boot."),
      field<&Config::all>("all", "Long and unprintable fields too."),
      field<&Config::name_space>("namespace", "Of the journal."),
      field<&Config::merge>("merge", "All journals there are, those of other machines too."),
      field<&Config::convert_message_bytes>("convert_message_bytes", "A MESSAGE that is no text becomes text."),
      field<&Config::root_path>("root_path", "journalctl runs in this root."),
      field<&Config::journalctl_path>("journalctl_path", "The program."),
      field<&Config::kept_in>("storage", "Extension that keeps the position; without it, the data directory."),
  });
  return rows;
}

void Config::validate(config::Context& context) const {
  check(context);
  if (!directory.empty() && !files.empty()) context.error_at("files", "only one of directory and files can be given");
  if (journalctl_path.empty()) context.error_at("journalctl_path", "is missing");
}

std::vector<std::string> Config::command(std::string_view cursor) const {
  std::vector<std::string> out;
  if (!root_path.empty()) out = {"chroot", root_path};
  out.insert(out.end(), {journalctl_path, "--utc", "--output=json", "--follow"});
  if (!cursor.empty()) out.insert(out.end(), {"--no-tail", "--after-cursor", std::string(cursor)});
  else out.push_back(start_at == StartAt::beginning ? "--no-tail" : "--lines=0");
  auto option = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {std::string(name), value});
  };
  for (auto& unit : units) option("--unit", unit);
  for (auto& identifier : identifiers) option("--identifier", identifier);
  option("--priority", priority);
  option("--grep", grep);
  option("--namespace", name_space);
  option("--directory", directory);
  for (auto& file : files) option("--file", file);
  for (auto [wanted, name] : {std::pair(dmesg, "--dmesg"), std::pair(all, "--all"), std::pair(merge, "--merge")})
    if (wanted) out.push_back(name);
  bool first = true;
  for (auto& one : matches) {
    if (!std::exchange(first, false)) out.push_back("+");
    for (auto& [name, value] : one) out.push_back(name + "=" + value);
  }
  return out;
}

}  // namespace weir::receivers::journald
