#pragma once
#include "components/shared/stanza/chain.h"
#include "components/shared/stanza/lines.h"
#include "components/shared/storage/storage_id.h"
#include "config/field.h"

namespace weir::receivers::filelog {

enum class StartAt : std::uint8_t { end, beginning };
std::span<const config::Choice> choices_of(StartAt);
enum class TooLong : std::uint8_t { split, truncate };
std::span<const config::Choice> choices_of(TooLong);
enum class Compression : std::uint8_t { none, gzip, automatic };
std::span<const config::Choice> choices_of(Compression);
enum class OnTruncate : std::uint8_t { read_whole_file, ignore, read_new };
std::span<const config::Choice> choices_of(OnTruncate);
enum class SortType : std::uint8_t { none, numeric, alphabetical, timestamp, mtime };
std::span<const config::Choice> choices_of(SortType);

// A number of bytes as this receiver's users write it: 1kb, 1MiB, 1000.
struct Size {
  static constexpr std::string_view config_type = "size";
  static Result<Size> decode(const config::Value& value, config::Context& context);
  config::Value encode() const { return config::Value::of(value); }
  std::uint64_t value = 0;
};

struct SortBy {
  SortType sort_type = SortType::none;
  std::string regex_key, layout, location = "UTC";
  bool ascending = false;
  static std::span<const config::FieldInfo> fields();
};

struct OrderingCriteria {
  std::string regex, group_by;
  std::uint64_t top_n = 1;
  std::vector<SortBy> sort_by;
  static std::span<const config::FieldInfo> fields();
};

struct Header {
  std::string pattern;
  stanza::Operators metadata_operators;
  static std::span<const config::FieldInfo> fields();
};

struct Retry {
  bool enabled = false;
  Duration initial_interval = 1s, max_interval = 30s, max_elapsed_time = 5min;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::vector<std::string> include, exclude;
  Duration exclude_older_than = 0s;
  OrderingCriteria ordering_criteria;
  StartAt start_at = StartAt::end;
  Duration poll_interval = 200ms;
  Size fingerprint_size{1000}, max_log_size{1024 * 1024}, initial_buffer_size{16 * 1024}, max_deleted_size{1u << 30};
  TooLong max_log_size_behavior = TooLong::split;
  std::uint64_t max_concurrent_files = 1024, max_batches = 0, polls_to_archive = 0;
  std::string encoding = "utf-8";
  Duration force_flush_period = 500ms;
  stanza::MultilineConfig multiline;
  bool preserve_leading_whitespaces = false, preserve_trailing_whitespaces = false;
  bool include_file_name = true, include_file_path = false, include_file_name_resolved = false, include_file_path_resolved = false;
  bool include_file_owner_name = false, include_file_owner_group_name = false, include_file_permissions = false;
  bool include_file_record_number = false, include_file_record_offset = false;
  std::optional<Header> header;
  Compression compression = Compression::none;
  OnTruncate on_truncate = OnTruncate::read_whole_file;
  bool delete_after_read = false, acquire_fs_lock = false, file_cache_advise = false;
  std::map<std::string, std::string> attributes, resource;
  stanza::Operators operators;
  storage::StorageId storage;
  Retry retry_on_failure;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  stanza::LineSettings lines() const;
};

}  // namespace weir::receivers::filelog
