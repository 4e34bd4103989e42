#include "components/shared/holding/fetch.h"

#include <numeric>

#include "storage/crc32c.h"

namespace weir::holding {

namespace {

// Runs with no more than this between them are read together: a call of its own costs as much as copying so many bytes.
constexpr std::size_t largest_gap = 4096;

}  // namespace

// Belongs to the worker until its `done` runs on the core.
struct Fetch::Job {
  // What is read by one call.
  struct Range {
    const std::string* file;
    std::uint64_t begin, end;
    std::size_t at;  // in `text`
    Result<> result;
  };

  io::Fs& fs;
  std::vector<Run> runs;
  std::vector<Range> ranges;
  std::vector<std::uint32_t> range_of;  // each run's
  std::size_t bytes = 0;                // of all ranges
  Charge charge;                        // for `text`
  std::string text;
  std::vector<bool> good;               // each run
  std::size_t failed = 0;
  std::string error;                    // the first one

  void plan();
  void run();
  std::string_view text_of(std::size_t i) const {
    const Range& range = ranges[range_of[i]];
    return std::string_view(text).substr(range.at + (runs[i].offset - range.begin), runs[i].size);
  }
};

void Fetch::Job::plan() {
  std::vector<std::uint32_t> order(runs.size());
  std::iota(order.begin(), order.end(), 0u);
  auto key = [this](std::uint32_t i) { return std::pair(runs[i].file.get(), runs[i].offset); };
  std::ranges::sort(order, {}, key);
  range_of.resize(runs.size());
  for (std::uint32_t i : order) {
    const Run& run = runs[i];
    bool near = !ranges.empty() && ranges.back().file == run.file.get() && run.offset <= ranges.back().end + largest_gap;
    if (!near) ranges.push_back({run.file.get(), run.offset, run.offset, 0, {}});
    ranges.back().end = std::max(ranges.back().end, run.offset + run.size);
    range_of[i] = static_cast<std::uint32_t>(ranges.size() - 1);
  }
  for (Range& range : ranges) {
    range.at = bytes;
    bytes += static_cast<std::size_t>(range.end - range.begin);
  }
}

void Fetch::Job::run() {
  text.resize_and_overwrite(bytes, [](char*, std::size_t size) { return size; });
  const std::string* open = nullptr;
  Result<std::unique_ptr<io::File>> file;
  for (Range& range : ranges) {
    if (open != range.file) file = fs.open(*(open = range.file), io::OpenMode::read);
    range.result = [&]() -> Result<> {
      if (!file) return fail(file.error());
      auto to = std::span(text).subspan(range.at, static_cast<std::size_t>(range.end - range.begin));
      WEIR_ASSIGN(std::size_t got, (*file)->read_at(range.begin, to));
      if (got < to.size()) return fail(Errc::corrupt, "{}: {} bytes at {}, {} were written", *range.file, got, range.begin, to.size());
      return {};
    }();
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Range& range = ranges[range_of[i]];
    good.push_back(range.result && storage::crc32c(text_of(i)) == runs[i].checksum);
    if (good.back() || failed++ > 0) continue;
    error = range.result ? fmt::format("{}: the bytes at {} are not those that were written", *range.file, runs[i].offset) : range.result.error().what;
  }
}

Fetch::Fetch(const engine::StageContext& context, std::string_view metrics)
    : context_(context),
      spilled_(context.host.metrics().counter(fmt::format("{}_spilled_bytes", metrics), "Bytes of waiting spans that are on disk only.", {{"processor", context.id.to_string()}})),
      fetched_(context.host.metrics().counter(fmt::format("{}_fetched_bytes", metrics), "Bytes of waiting spans that were read back from disk.", {{"processor", context.id.to_string()}})),
      failures_(context.host.metrics().counter(fmt::format("{}_fetch_failures", metrics), "Spans of a trace that could not be read back from disk.", {{"processor", context.id.to_string()}})),
      offload_(storage::offload_to(context.host.workers(), context.executor)) {}

void Fetch::read(std::vector<Run> runs, Done done) {
  busy_ = true;
  auto job = std::make_shared<Job>(Job{.fs = context_.host.fs(), .runs = std::move(runs)});  // shared with the worker
  job->plan();
  job->charge = context_.host.budget().charge_unchecked(job->bytes);
  offload_([job] { job->run(); }, [this, job, done = std::move(done), alive = std::weak_ptr(alive_)]() mutable {
    if (!alive.expired()) finish(*job, done);
  });
}

void Fetch::finish(Job& job, Done& done) {
  busy_ = false;
  if (job.failed > 0) {
    failures_.add(job.failed);
    long long more = 0;
    if (lines_.allow(more))
      log::error("Spans that wait cannot be read back from disk; they come again after the next start",
                 {{"processor", context_.id.to_string()}, {"error", job.error}, {"runs", job.failed}, {"suppressed", more}});
  }
  Got got{Bytes::take(std::move(job.text)).charged(std::move(job.charge)), {}};
  std::size_t fetched = 0;
  for (std::size_t i = 0; i < job.runs.size(); ++i) {
    const Job::Range& range = job.ranges[job.range_of[i]];
    std::string_view run = got.bytes.view().substr(range.at + (job.runs[i].offset - range.begin), job.runs[i].size);
    got.runs.push_back(job.good[i] ? run : std::string_view());
    fetched += got.runs.back().size();
  }
  fetched_.add(fetched);
  done(std::move(got));
}

}  // namespace weir::holding
