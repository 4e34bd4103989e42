#pragma once
// The series of one target from scrape to scrape: which raw bytes are which series, which of them have vanished.
#include "components/receivers/prometheus/families.h"
#include "components/shared/scrape/targets.h"
#include "components/shared/series_churn/churn.h"

namespace weir::receivers::prometheus {

struct SeriesSettings {
  bool honor_labels = false, honor_timestamps = true, track_timestamps = false, start_timestamps = false;
  std::size_t sample_limit = 0, bucket_limit = 0;
  std::int32_t max_schema = exposition::NativeHistogram::finest;
  std::size_t label_limit = 0, label_name_length_limit = 0, label_value_length_limit = 0;
  scrape::Naming naming = scrape::Naming::utf8;
};

// One core. What it holds is bounded by what the target sends: two of its answers and 1000 series.
class TargetSeries {
 public:
  // `rules` is shared with the other targets of the job on this core. `churn`: told of new series, may be absent.
  TargetSeries(SeriesSettings settings, FamilySettings families, scrape::TargetPtr target, std::shared_ptr<const scrape::Relabeler> rules, std::shared_ptr<series_churn::Churn> churn = {});

  struct Counts {
    std::size_t scraped = 0, kept = 0, added = 0;  // samples, those left after relabeling, new series
    std::size_t foreseen = 0;                      // samples whose series stood where they stood the last time: no label was looked at
  };
  // An answer, whose samples have the time `now` (ms) unless they have one of their own. On an error nothing of it is
  // told; call take_nothing() then.
  Result<> take(exposition::Parser& parser, std::int64_t now, Counts& counts);
  // A scrape without an answer: everything vanishes.
  void take_nothing(std::int64_t now);
  // Series about the scrape itself; a stale marker as value ends them.
  void report(std::string_view name, double value, std::int64_t now);

  // What was taken since the last time, as a request. Then forgets what has vanished, if it is much.
  Bytes encode(std::size_t& points);
  std::size_t series() const { return entries_.size() - 1; }
  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  // A series as it stands in an answer.
  struct Entry {
    const char* key = nullptr;
    std::uint32_t size = 0, hash = 0;
    std::uint32_t series = none;  // none: a rule drops it
    std::uint32_t next = 0;       // what stood behind it the last time; 0: nothing known
    std::uint32_t seen = 0;       // iteration
    std::uint32_t version = 0;    // of the metadata when it was bound or checked
  };
  struct Series {
    Slot slot;
    std::uint32_t name = 0;     // index into names_
    std::uint32_t version = 0;  // of the name when it was bound
    std::uint32_t tracked = 0;  // iteration
    bool tracks = false;        // vanishing is told
    std::uint64_t identity = 0;
  };
  struct Name {
    std::uint32_t version = 0;
  };

  std::uint32_t find(const exposition::Parser& parser, std::uint32_t expected) const;
  std::string_view expected_key() const;
  bool is_alive(const Entry& entry) const { return entry.seen >= flushed_ && entry.seen != 0; }
  bool is_bound(Entry& entry);
  Result<std::uint32_t> bind(exposition::Parser& parser, bool native, bool& dropped);
  Result<> sample(exposition::Parser& parser, bool native, Counts& counts, std::int64_t now);
  void prefetch(std::uint32_t index) const;
  void put(exposition::Parser& parser, const Slot& slot, bool native, std::int64_t time);
  Result<> check(const scrape::Labels& labels) const;
  void tell_new(const scrape::Labels& labels) const;
  bool add_target_labels(scrape::Labels& labels) const;
  std::uint32_t series_of(std::uint64_t identity) const;
  void track(Series& series);
  void mark_vanished(std::int64_t now);
  void metadata_changed(std::string_view name);
  void end_iteration(bool flush);
  std::uint32_t name_index(std::string_view name);
  std::uint32_t add_entry(std::string_view key);
  std::string_view keep(std::string_view key);
  void rebuild_table(std::size_t size);
  void compact();

  SeriesSettings settings_;
  Families families_;
  scrape::TargetPtr target_;
  std::shared_ptr<const scrape::Relabeler> rules_;
  std::shared_ptr<series_churn::Churn> churn_;  // shared by all targets of the receiver
  MetadataStore metadata_;
  std::uint32_t version_ = 1;

  std::vector<Entry> entries_;          // [0] stands in front of the first one
  std::vector<std::uint32_t> table_;    // open addressing; 0 is empty
  std::vector<Series> series_;
  NumberIndex by_identity_;             // series
  std::unordered_map<std::string, std::uint32_t> name_index_;
  std::vector<Name> names_;
  std::vector<std::unique_ptr<char[]>> chunks_;  // texts of keys
  char* chunk_next_ = nullptr;
  std::size_t chunk_left_ = 0, key_bytes_ = 0;

  std::uint32_t iteration_ = 1, flushed_ = 1, last_ = 0;
  std::size_t tracked_before_ = 0, tracked_now_ = 0, tracked_again_ = 0;
  std::size_t seen_ = 0;  // entries of this iteration
  std::size_t known_good_ = 0;
  bool sample_limit_hit_ = false, bucket_limit_hit_ = false;
  std::size_t appended_ = 0;
  std::vector<scrape::Label> labels_;
  exposition::Exemplar exemplar_;
  std::map<std::string, Slot, std::less<>> reports_;
};

}  // namespace weir::receivers::prometheus
