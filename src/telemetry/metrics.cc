#include "telemetry/metrics.h"

#include <unordered_map>

#include "base/text.h"
#include "telemetry/sample.h"

namespace weir::telemetry {
namespace {

void add_to(Sample& sum, const Sample& other) {
  sum.value += other.value;
  sum.sum += other.sum;
  if (sum.counts.size() != other.counts.size()) return;
  for (std::size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += other.counts[i];
}

struct LabelsHash {
  std::size_t operator()(const Labels& labels) const {
    std::size_t out = labels.size();
    for (auto& [key, value] : labels) out = (out * 1'000'003 + std::hash<std::string>()(key)) * 1'000'003 + std::hash<std::string>()(value);
    return out;
  }
};

// A family as it is being read: samples of equal labels, of several cores or sources, are added up.
struct Reading {
  Family family;
  std::unordered_map<Labels, std::size_t, LabelsHash> places = {};

  void add(Sample sample) {
    auto [at, is_new] = places.emplace(sample.labels, family.samples.size());
    if (is_new)
      family.samples.push_back(std::move(sample));
    else
      add_to(family.samples[at->second], sample);
  }
};

std::string escape(std::string_view text, bool label) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && label)
      out += "\\\"";
    else
      out += c;
  }
  return out;
}

std::string label_text(const Labels& constant, const Labels& labels, std::string_view le = {}) {
  std::string out;
  auto add = [&](std::string_view key, std::string_view value) {
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", key, escape(value, true));
  };
  for (auto& [key, value] : labels) add(key, value);
  for (auto& [key, value] : constant) add(key, value);
  if (!le.empty()) add("le", le);
  return out.empty() ? out : "{" + out + "}";
}

std::string number(double v) {
  std::string text = format_double(v);
  return text == "Infinity" ? "+Inf" : text == "-Infinity" ? "-Inf" : text;
}

void print_histogram(std::string& out, const Family& family, const Sample& sample, const Labels& constant) {
  std::uint64_t running = 0;
  for (std::size_t i = 0; i < sample.counts.size(); ++i) {
    running += sample.counts[i];
    std::string le = i < sample.bounds.size() ? number(sample.bounds[i]) : "+Inf";
    out += fmt::format("{}_bucket{} {}\n", family.name, label_text(constant, sample.labels, le), running);
  }
  std::string labels = label_text(constant, sample.labels);
  out += fmt::format("{}_sum{} {}\n{}_count{} {}\n", family.name, labels, number(sample.sum), family.name, labels, running);
}

constexpr std::string_view type_name(Type type) {
  return type == Type::counter ? "counter" : type == Type::gauge ? "gauge" : "histogram";
}

}  // namespace

void Histogram::observe(double value, std::uint64_t times) {
  std::size_t i = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[i].store(counts_[i].load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
  sum_.store(sum_.load(std::memory_order_relaxed) + value * static_cast<double>(times), std::memory_order_relaxed);
}

Sample sample_of(const Labels& labels, const Counter& cell) { return {.labels = labels, .value = static_cast<double>(cell.value())}; }
Sample sample_of(const Labels& labels, const Gauge& cell) { return {.labels = labels, .value = cell.value()}; }
Sample sample_of(const Labels& labels, const Histogram& cell) {
  Sample sample{.labels = labels};
  sample.bounds.assign(cell.bounds().begin(), cell.bounds().end());
  for (std::size_t i = 0; i <= sample.bounds.size(); ++i) sample.counts.push_back(cell.count(i));
  sample.sum = cell.sum();
  return sample;
}

Registry::Cell& Registry::cell(std::string_view name, std::string_view help, Type type, Labels labels) {
  auto at = entries_.find(name);
  if (at == entries_.end()) at = entries_.emplace(name, Entry{std::string(help), type, {}}).first;
  WEIR_CHECK(at->second.type == type, "metric {} registered with two types", name);
  return at->second.cells.emplace_back(Cell{std::move(labels), nullptr, nullptr, nullptr});
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard lock(mutex_);
  Cell& made = cell(name, help, Type::counter, std::move(labels));
  made.counter = std::make_unique<Counter>();
  return *made.counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard lock(mutex_);
  Cell& made = cell(name, help, Type::gauge, std::move(labels));
  made.gauge = std::make_unique<Gauge>();
  return *made.gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::span<const double> bounds, Labels labels) {
  std::lock_guard lock(mutex_);
  Cell& made = cell(name, help, Type::histogram, std::move(labels));
  made.histogram = std::make_unique<Histogram>(bounds);
  return *made.histogram;
}

std::shared_ptr<void> Registry::add_source(Source source) {
  std::lock_guard lock(mutex_);
  std::uint64_t id = next_source_++;
  sources_->emplace_back(id, std::move(source));
  // The list is owned by the registry; the token only remembers where to remove itself.
  return {nullptr, [this, id, list = std::weak_ptr(sources_)](void*) {
            auto alive = list.lock();
            if (!alive) return;
            std::lock_guard inner(mutex_);
            std::erase_if(*alive, [id](auto& entry) { return entry.first == id; });
          }};
}

std::vector<Family> Registry::collect() const {
  std::map<std::string, Reading, std::less<>> readings;
  std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) {
    Reading& into = readings.try_emplace(name, Reading{.family = {name, entry.help, {}, entry.type, {}}}).first->second;
    for (const Cell& cell : entry.cells) {
      if (cell.counter) into.add(sample_of(cell.labels, *cell.counter));
      if (cell.gauge) into.add(sample_of(cell.labels, *cell.gauge));
      if (cell.histogram) into.add(sample_of(cell.labels, *cell.histogram));
    }
  }
  std::vector<Family> computed;
  for (auto& [id, source] : *sources_) source(computed);
  for (Family& family : computed) {
    Reading& into = readings.try_emplace(family.name, Reading{.family = {family.name, family.help, family.unit, family.type, {}}}).first->second;
    for (Sample& sample : family.samples) into.add(std::move(sample));
  }
  std::vector<Family> out;
  for (auto& [name, reading] : readings) out.push_back(std::move(reading.family));
  return out;
}

std::string prometheus_text(std::span<const Family> families, const Labels& constant) {
  std::string out;
  for (const Family& family : families) {
    if (family.samples.empty()) continue;
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, escape(family.help, false), family.name,
                       type_name(family.type));
    for (const Sample& sample : family.samples) {
      if (family.type == Type::histogram)
        print_histogram(out, family, sample, constant);
      else
        out += fmt::format("{}{} {}\n", family.name, label_text(constant, sample.labels), number(sample.value));
    }
  }
  return out;
}

}  // namespace weir::telemetry
