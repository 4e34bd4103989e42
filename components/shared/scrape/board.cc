#include "components/shared/scrape/board.h"

#include "base/text.h"

namespace weir::scrape {
namespace {

void append_labels(std::string& out, const Labels& labels) {
  out += '{';
  bool first = true;
  for (auto& label : labels) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, label.name);
    out += ':';
    append_json_string(out, label.value);
  }
  out += '}';
}

Labels shown_labels(const Labels& labels) {
  Labels out;
  for (auto& label : labels)
    if (!label.name.starts_with(reserved_prefix)) out.set(label.name, label.value);
  return out;
}

void append_target(std::string& out, const TargetState& state) {
  const Target& target = *state.target;
  out += "{\"url\":";
  append_json_string(out, target.url);
  out += ",\"labels\":";
  append_labels(out, shown_labels(target.labels));
  out += ",\"discovered_labels\":";
  append_labels(out, target.discovered);
  out += fmt::format(",\"core\":{},\"interval\":\"{}\",\"timeout\":\"{}\",\"health\":\"{}\"", state.core, format_prom_duration(target.interval), format_prom_duration(target.timeout),
                     !state.last ? "unknown" : state.last->error.empty() ? "up" : "down");
  if (state.last) {
    out += ",\"last_error\":";
    append_json_string(out, state.last->error);
    out += fmt::format(",\"last_scrape\":\"{}\",\"duration_seconds\":{},\"samples\":{},\"series\":{},\"memory_bytes\":{}", format_rfc3339(static_cast<UnixNanos>(state.last->at_ms) * 1'000'000),
                       std::chrono::duration<double>(state.last->took).count(), state.last->samples, state.last->series, state.last->bytes);
  }
  out += '}';
}

}  // namespace

std::shared_ptr<Board> Board::of(engine::Host& host) { return engine::shared_state<Board>(host, "scrape/board"); }

void Board::set(const std::string& receiver, const std::string& job, std::uint16_t core, TargetPtr target) {
  std::lock_guard lock(mutex_);
  auto& state = jobs_[{receiver, job}].active[target->hash];
  state.core = core;
  state.target = std::move(target);
}

void Board::remove(const std::string& receiver, const std::string& job, std::uint64_t hash) {
  std::lock_guard lock(mutex_);
  if (auto at = jobs_.find({receiver, job}); at != jobs_.end()) at->second.active.erase(hash);
}

void Board::scraped(const std::string& receiver, const std::string& job, std::uint64_t hash, LastScrape last) {
  std::lock_guard lock(mutex_);
  auto at = jobs_.find({receiver, job});
  if (at == jobs_.end()) return;
  if (auto target = at->second.active.find(hash); target != at->second.active.end()) target->second.last = std::move(last);
}

void Board::discovered(const std::string& receiver, const std::string& job, const Targets& targets) {
  std::lock_guard lock(mutex_);
  auto& state = jobs_[{receiver, job}];
  state.dropped = targets.dropped;
  state.dropped_count = targets.dropped_count;
  state.failures = targets.failures;
}

void Board::remove_job(const std::string& receiver, const std::string& job) {
  std::lock_guard lock(mutex_);
  jobs_.erase({receiver, job});
}

std::string Board::json() const {
  std::lock_guard lock(mutex_);
  std::string out = "{\"jobs\":[";
  bool first_job = true;
  for (auto& [key, job] : jobs_) {
    if (!std::exchange(first_job, false)) out += ',';
    out += "{\"receiver\":";
    append_json_string(out, key.first);
    out += ",\"job\":";
    append_json_string(out, key.second);
    out += ",\"targets\":[";
    bool first = true;
    for (auto& [hash, target] : job.active) {
      if (!std::exchange(first, false)) out += ',';
      append_target(out, target);
    }
    out += fmt::format("],\"dropped_count\":{},\"dropped\":[", job.dropped_count);
    first = true;
    for (auto& labels : job.dropped) {
      if (!std::exchange(first, false)) out += ',';
      append_labels(out, labels);
    }
    out += "],\"failures\":[";
    first = true;
    for (auto& failure : job.failures) {
      if (!std::exchange(first, false)) out += ',';
      append_json_string(out, failure);
    }
    out += "]}";
  }
  return out + "]}\n";
}

}  // namespace weir::scrape
