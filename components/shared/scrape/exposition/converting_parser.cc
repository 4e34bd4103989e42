// Classic histograms of the text formats as histograms with custom buckets. The series of one come one behind the other;
// when another metric or other labels come, what was collected is told first.
#include <cmath>

#include "base/number.h"
#include "components/shared/scrape/exposition/classic.h"
#include "components/shared/scrape/exposition/text_parser.h"

namespace weir::exposition {
namespace {

enum class Part : std::uint8_t { none, bucket, sum, count };

Part part_of(std::string_view metric, std::string_view family) {
  if (!metric.starts_with(family)) return Part::none;
  std::string_view suffix = metric.substr(family.size());
  return suffix == "_bucket" ? Part::bucket : suffix == "_sum" ? Part::sum : suffix == "_count" ? Part::count : Part::none;
}

class ConvertingParser final : public Parser {
 public:
  ConvertingParser(std::unique_ptr<Parser> inner, bool keep_classic) : inner_(std::move(inner)), keep_(keep_classic) {}

  Entry next(std::string_view) override {
    for (;;) {
      if (telling_) {  // what was read when the histogram in front of it was complete
        telling_ = false;
        if (collect() && !keep_) continue;
        return pass_on();
      }
      pending_ = inner_->next({});
      if (pending_ == Entry::failed) return fail(inner_->error());
      read();
      if (collecting_ && ends_collection()) {
        if (finish()) return Entry::histogram;
      }
      if (collect() && !keep_) continue;
      return pass_on();
    }
  }

  void labels(std::vector<scrape::Label>& out) override {
    if (telling_) out = told_labels_;
    else inner_->labels(out);
  }
  std::string full_text() const override { return inner_->full_text(); }
  bool exemplar(Exemplar& out) override {
    if (!telling_) return inner_->exemplar(out);
    while (exemplar_at_ < exemplars_.size()) {
      out = exemplars_[exemplar_at_++];
      if (out.timestamp) return true;
    }
    return false;
  }
  std::int64_t start_timestamp() override { return telling_ ? start_ : inner_->start_timestamp(); }

 private:
  // Looks at what inner_ has come to.
  void read() {
    part_ = Part::none;
    if (pending_ == Entry::type) family_.assign(inner_->name);
    if (pending_ != Entry::series || inner_->type != MetricType::histogram) return;
    inner_->labels(labels_);
    identity_.clear();
    bound_ = {};
    for (auto& label : labels_) {
      if (label.name == scrape::metric_name_label) part_ = part_of(label.value, family_);
      else if (label.name == "le") bound_ = label.value;
      else identity_.append(label.name).append("\xff").append(label.value).append("\xff");
    }
    if (part_ == Part::bucket) {
      auto number = parse_go_double(bound_);
      if (!number || std::isnan(*number)) part_ = Part::none;
      else upper_bound_ = *number;
    }
  }

  bool ends_collection() const { return part_ == Part::none || family_ != collected_family_ || identity_ != collected_identity_; }

  // True when the current series is a part of a classic histogram.
  bool collect() {
    if (pending_ != Entry::series || part_ == Part::none) return false;
    if (!collecting_) {
      collecting_ = true;
      collected_family_ = family_;
      collected_identity_ = identity_;
      collected_time_ = inner_->timestamp;
      collected_labels_.clear();
      for (auto& label : labels_)
        if (label.name == scrape::metric_name_label) collected_labels_.emplace_back(label.name, family_);
        else if (label.name != "le") collected_labels_.push_back(label);
      collected_start_ = inner_->start_timestamp();
    }
    if (part_ == Part::bucket) classic_.set_bucket(upper_bound_, inner_->value);
    if (part_ == Part::sum) classic_.set_sum(inner_->value);
    if (part_ == Part::count) classic_.set_count(inner_->value);
    if (!keep_)
      for (Exemplar one; inner_->exemplar(one);) collected_exemplars_.push_back(one);
    return true;
  }

  bool finish() {
    collecting_ = false;
    bool good = classic_.convert(native_);
    classic_.clear();
    exemplars_.swap(collected_exemplars_);
    collected_exemplars_.clear();
    exemplar_at_ = 0;
    if (!good) return false;
    std::swap(told_labels_, collected_labels_);
    start_ = collected_start_;
    key_ = collected_family_ + "\xff" + collected_identity_;
    series = key_;
    as_expected = false;
    timestamp = collected_time_;
    histogram = &native_;
    type = MetricType::histogram;
    telling_ = true;
    return true;
  }

  Entry pass_on() {
    name = inner_->name;
    text = inner_->text;
    type = inner_->type;
    series = inner_->series;
    as_expected = false;
    value = inner_->value;
    timestamp = inner_->timestamp;
    histogram = nullptr;
    return pending_;
  }

  std::unique_ptr<Parser> inner_;
  bool keep_;
  Entry pending_ = Entry::end;
  // The current series.
  Part part_ = Part::none;
  std::vector<scrape::Label> labels_;
  std::string family_, identity_;
  std::string_view bound_;
  double upper_bound_ = 0;
  // What is being collected.
  bool collecting_ = false;
  ClassicHistogram classic_;
  std::string collected_family_, collected_identity_;
  std::vector<scrape::Label> collected_labels_;
  std::vector<Exemplar> collected_exemplars_;
  std::optional<std::int64_t> collected_time_;
  std::int64_t collected_start_ = 0;
  // What is being told.
  bool telling_ = false;
  NativeHistogram native_;
  std::string key_;
  std::vector<scrape::Label> told_labels_;
  std::vector<Exemplar> exemplars_;
  std::size_t exemplar_at_ = 0;
  std::int64_t start_ = 0;
};

}  // namespace

std::unique_ptr<Parser> make_converting_parser(std::unique_ptr<Parser> parser, bool keep_classic) {
  return std::make_unique<ConvertingParser>(std::move(parser), keep_classic);
}

}  // namespace weir::exposition
