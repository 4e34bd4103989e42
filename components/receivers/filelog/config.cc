#include "components/receivers/filelog/config.h"

#include "base/number.h"
#include "base/text.h"
#include "components/receivers/filelog/glob.h"
#include "components/receivers/filelog/ordering.h"

namespace weir::receivers::filelog {

using config::field;

std::span<const config::Choice> choices_of(StartAt) {
  static constexpr config::Choice rows[] = {{"end", StartAt::end}, {"beginning", StartAt::beginning}};
  return rows;
}
std::span<const config::Choice> choices_of(TooLong) {
  static constexpr config::Choice rows[] = {{"split", TooLong::split}, {"truncate", TooLong::truncate}};
  return rows;
}
std::span<const config::Choice> choices_of(Compression) {
  static constexpr config::Choice rows[] = {{"", Compression::none}, {"gzip", Compression::gzip}, {"auto", Compression::automatic}};
  return rows;
}
std::span<const config::Choice> choices_of(OnTruncate) {
  static constexpr config::Choice rows[] = {{"read_whole_file", OnTruncate::read_whole_file}, {"ignore", OnTruncate::ignore}, {"read_new", OnTruncate::read_new}};
  return rows;
}
std::span<const config::Choice> choices_of(SortType) {
  static constexpr config::Choice rows[] = {{"", SortType::none}, {"numeric", SortType::numeric}, {"alphabetical", SortType::alphabetical},
                                            {"lexicographic", SortType::alphabetical}, {"timestamp", SortType::timestamp}, {"mtime", SortType::mtime}};
  return rows;
}

Result<Size> Size::decode(const config::Value& value, config::Context&) {
  std::string_view text = value.is_scalar() ? std::string_view(value.text()) : std::string_view();
  std::size_t n = std::min(text.find_first_not_of("0123456789._"), text.size());
  std::string digits;
  for (char c : text.substr(0, n))
    if (c != '_') digits += c;
  auto number = parse_go_double(digits);
  std::string unit = to_lower(trim(text.substr(n)));
  constexpr std::pair<std::string_view, double> units[] = {{"", 1},        {"b", 1},          {"k", 1e3},   {"kb", 1e3}, {"kib", 1024.0}, {"m", 1e6}, {"mb", 1e6},
                                                           {"mib", 1048576.0}, {"g", 1e9},    {"gb", 1e9},  {"gib", 1073741824.0}, {"tb", 1e12}, {"tib", 1099511627776.0}};
  for (auto& [name, factor] : units)
    if (number && name == unit && *number * factor < 9e15) return Size{static_cast<std::uint64_t>(*number * factor)};
  return fail(Errc::config, "invalid byte size '{}'", text);
}

std::span<const config::FieldInfo> SortBy::fields() {
  static const std::array rows{
      field<&SortBy::sort_type>("sort_type", "numeric, alphabetical, timestamp, or mtime: when the file was changed."),
      field<&SortBy::regex_key>("regex_key", "The named group of regex that is compared; not for mtime."),
      field<&SortBy::ascending>("ascending", "Smallest first; otherwise largest first."),
      field<&SortBy::layout>("layout", "How a timestamp is written, in strptime directives."),
      field<&SortBy::location>("location", "The time zone of timestamps without one."),
  };
  return rows;
}

std::span<const config::FieldInfo> OrderingCriteria::fields() {
  static const std::array rows{
      field<&OrderingCriteria::regex>("regex", "What paths look like; files that do not are left out."),
      field<&OrderingCriteria::top_n>("top_n", "So many of the first files are read."),
      field<&OrderingCriteria::sort_by>("sort_by", "What comes first."),
      field<&OrderingCriteria::group_by>("group_by", "A regular expression whose first group puts files into groups, each with its own top_n."),
  };
  return rows;
}

std::span<const config::FieldInfo> Header::fields() {
  static const std::array rows{
      field<&Header::pattern>("pattern", "Lines at the front of a file that match this are its header.", {.required = true}),
      field<&Header::metadata_operators>("metadata_operators", "Operators that make attributes of header lines; all lines of the file get them."),
  };
  return rows;
}

std::span<const config::FieldInfo> Retry::fields() {
  static const std::array rows{
      field<&Retry::enabled>("enabled", "Accepted: refused lines are always sent again, since the file still has them."),
      field<&Retry::initial_interval>("initial_interval", "How long to wait after a refusal; doubles each time.", {.min = 1ms}),
      field<&Retry::max_interval>("max_interval", "Longest wait.", {.min = 1ms}),
      field<&Retry::max_elapsed_time>("max_elapsed_time", "Accepted: giving up would lose lines that the file still has."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::include>("include", "Paths of files, with *, ?, [a-z], {a,b} and ** for any number of folders."),
      field<&Config::exclude>("exclude", "Paths among them that are left out."),
      field<&Config::exclude_older_than>("exclude_older_than", "Files that were not changed for so long are left out; 0: none are.", {.min = 0s}),
      field<&Config::ordering_criteria>("ordering_criteria", "Read only the first files in some order."),
      field<&Config::start_at>("start_at", "Where to begin in files that are there at the first start: end or beginning. Files that appear later are read whole."),
      field<&Config::poll_interval>("poll_interval", "How often to look for files and changes.", {.min = 10ms}),
      field<&Config::fingerprint_size>("fingerprint_size", "So many bytes at its front tell a file from others, beside device and inode."),
      field<&Config::max_log_size>("max_log_size", "Longest line."),
      field<&Config::max_log_size_behavior>("max_log_size_behavior", "What becomes of longer ones: split into several, or truncate."),
      field<&Config::initial_buffer_size>("initial_buffer_size", "Accepted; files are read in large pieces."),
      field<&Config::max_concurrent_files>("max_concurrent_files", "Files that are kept open at most.", {.min = 1}),
      field<&Config::max_deleted_size>("max_deleted_size", "Deleted files stay open until they are read and have arrived, as long as they take no more than this on disk together; then the oldest is given up, and counted."),
      field<&Config::max_batches>("max_batches", "At most max_concurrent_files / 2 times this many files are read in one poll; 0: no limit."),
      field<&Config::polls_to_archive>("polls_to_archive", "Accepted; positions of files that are gone are kept for a day."),
      field<&Config::encoding>("encoding", "utf-8, utf-8-raw, ascii, nop (bytes, not text), utf-16le, utf-16be, or another name that the system knows."),
      field<&Config::force_flush_period>("force_flush_period", "A last line without an end is sent when the file did not change for so long; 0: never.", {.min = 0s}),
      field<&Config::multiline>("multiline", "Entries that are longer than a line."),
      field<&Config::preserve_leading_whitespaces>("preserve_leading_whitespaces", "Keep white space in front of entries."),
      field<&Config::preserve_trailing_whitespaces>("preserve_trailing_whitespaces", "Keep white space behind entries."),
      field<&Config::include_file_name>("include_file_name", "Adds the attribute log.file.name."),
      field<&Config::include_file_path>("include_file_path", "Adds the attribute log.file.path."),
      field<&Config::include_file_name_resolved>("include_file_name_resolved", "Adds log.file.name_resolved: the name behind symbolic links."),
      field<&Config::include_file_path_resolved>("include_file_path_resolved", "Adds log.file.path_resolved: the path behind symbolic links."),
      field<&Config::include_file_owner_name>("include_file_owner_name", "Adds log.file.owner.name."),
      field<&Config::include_file_owner_group_name>("include_file_owner_group_name", "Adds log.file.owner.group.name."),
      field<&Config::include_file_permissions>("include_file_permissions", "Adds log.file.permissions, such as 644."),
      field<&Config::include_file_record_number>("include_file_record_number", "Adds log.file.record_number, from 1."),
      field<&Config::include_file_record_offset>("include_file_record_offset", "Adds log.file.record_offset: where in the file the entry begins."),
      field<&Config::header>("header", "Lines at the front of files that say something about the others."),
      field<&Config::compression>("compression", "gzip: files are compressed; auto: those that look like it are."),
      field<&Config::on_truncate>("on_truncate", "When a file became shorter than what was read: read_whole_file, ignore until it is longer again, or read_new."),
      field<&Config::delete_after_read>("delete_after_read", "Remove files whose lines have all arrived. Needs start_at: beginning."),
      field<&Config::acquire_fs_lock>("acquire_fs_lock", "Read a file only while nobody has it locked."),
      field<&Config::file_cache_advise>("file_cache_advise", "Tell the system that what was read is not needed in its cache."),
      field<&Config::attributes>("attributes", "Attributes that every record gets; EXPR(...) is replaced by what the expression gives."),
      field<&Config::resource>("resource", "Attributes that every resource gets, in the same way."),
      field<&Config::operators>("operators", "What is done with each line; see components/shared/stanza."),
      field<&Config::storage>("storage", "The extension whose directory keeps positions; without it, weir's data directory, and without that they are forgotten at exit."),
      field<&Config::retry_on_failure>("retry_on_failure", "When the pipeline refuses."),
  };
  return rows;
}

stanza::LineSettings Config::lines() const {
  return {encoding, multiline, preserve_leading_whitespaces, preserve_trailing_whitespaces, max_log_size.value, max_log_size_behavior == TooLong::truncate};
}

void Config::validate(config::Context& context) const {
  auto check = [&](std::string_view key, const auto& result) {
    if (!result) context.error_at(key, result.error().what);
  };
  if (include.empty()) context.error_at("include", "'include' must be specified");
  for (auto& pattern : include) check("include", Glob::compile(pattern));
  for (auto& pattern : exclude) check("exclude", Glob::compile(pattern));
  check("ordering_criteria", Ordering::make(ordering_criteria, exclude_older_than));
  if (fingerprint_size.value < 16) context.error_at("fingerprint_size", "'fingerprint_size' must be at least 16 bytes");
  if (fingerprint_size.value > 1024 * 1024) context.error_at("fingerprint_size", "'fingerprint_size' must be at most 1MiB");
  if (max_log_size.value == 0) context.error_at("max_log_size", "'max_log_size' must be positive");
  if (max_log_size.value > 256u << 20) context.error_at("max_log_size", "'max_log_size' must be at most 256MiB");
  if (delete_after_read && start_at == StartAt::end) context.error_at("delete_after_read", "'delete_after_read' cannot be used with 'start_at: end'");
  if (header && start_at == StartAt::end) context.error_at("header", "'header' cannot be specified with 'start_at: end'");
  if (header && header->metadata_operators.empty()) context.error_at("header", "at least one operator must be specified for `metadata_operators`");
  if (header) {
    for (auto& type : header->metadata_operators.types())
      if (type == "filter" || type == "recombine" || type == "container") context.error_at("header", fmt::format("operator of type {} is not allowed in `metadata_operators`", type));
    check("header", Regex::compile(header->pattern));
  }
  check("multiline", stanza::Lines::make(lines()));
  for (auto& [key, text] : attributes) check("attributes", stanza::Template::compile(text));
  for (auto& [key, text] : resource) check("resource", stanza::Template::compile(text));
}

}  // namespace weir::receivers::filelog
