#include "components/processors/tail_sampling/spill.h"

#include "base/log.h"
#include "storage/crc32c.h"

namespace weir::processors::tail_sampling {
namespace {

// Of one file: a write is long enough for the disk, and its memory is soon free.
constexpr std::size_t file_bytes = 2 * 1024 * 1024;

// A file system searches long for a place for a new file where many were removed lately.
constexpr std::size_t most_spare = 32;

// After a failed write.
constexpr Duration pause_length = 1s;

}  // namespace

// Belongs to the worker until its `done` runs on the core.
struct Spill::WriteJob {
  io::Fs& fs;
  std::uint64_t number;
  std::string path;
  std::vector<Segments::Segment*> segments;
  std::vector<std::string_view> pieces;
  std::vector<std::uint32_t> checksums;
  std::vector<Segments::Memory> orphans;  // of segments that are gone meanwhile
  Result<> result;

  void run() {
    for (auto piece : pieces) checksums.push_back(storage::crc32c(piece));
    result = [&]() -> Result<> {
      WEIR_ASSIGN(auto file, fs.open(path, io::OpenMode::replace, 0640));
      return file->append(pieces);
    }();
    if (!result) (void)fs.remove(path);
  }
};

struct Spill::ReadJob {
  io::Fs& fs;
  std::string path;
  Segments::Segment* segment;
  std::uint64_t offset;
  std::uint32_t checksum;
  std::size_t size;
  Segments::Memory bytes;
  Charge charge;
  Result<> result;

  void run() {
    result = [&]() -> Result<> {
      WEIR_ASSIGN(auto file, fs.open(path, io::OpenMode::read));
      WEIR_ASSIGN(std::size_t got, file->read_at(offset, std::span(bytes.get(), size)));
      if (got != size) return fail(Errc::corrupt, "{}: {} bytes at {}, {} were written", path, got, offset, size);
      if (storage::crc32c({bytes.get(), size}) != checksum) return fail(Errc::corrupt, "{}: the bytes at {} are not those that were written", path, offset);
      return {};
    }();
  }
};

Result<std::unique_ptr<Spill>> Spill::open(const engine::StageContext& context, const std::string& directory, Segments& memory) {
  Result<> opened;
  auto shared = std::static_pointer_cast<Directory>(context.host.shared("spill " + directory, [&]() -> std::shared_ptr<void> {
    auto made = std::make_shared<Directory>();
    made->path = directory;
    opened = [&]() -> Result<> {
      io::Fs& fs = context.host.fs();
      WEIR_TRY(fs.make_directory(directory, 0750));
      WEIR_ASSIGN(auto left, fs.list(directory));
      for (auto& file : left) WEIR_TRY(fs.remove(directory + "/" + file.name));
      return {};
    }();
    return made;
  }));
  WEIR_TRY(std::move(opened));
  return std::unique_ptr<Spill>(new Spill(context, std::move(shared), memory));
}

Spill::Spill(const engine::StageContext& context, std::shared_ptr<Directory> directory, Segments& memory)
    : context_(context),
      directory_(std::move(directory)),
      memory_(memory),
      spilled_(context.host.metrics().counter("weir_tail_sampling_spilled_bytes", "Bytes of waiting spans that were brought to disk.", {{"processor", context.id.to_string()}})),
      fetched_(context.host.metrics().counter("weir_tail_sampling_fetched_bytes", "Bytes of waiting spans that were read back from disk.", {{"processor", context.id.to_string()}})),
      failures_(context.host.metrics().counter("weir_tail_sampling_spill_failures", "Writes and reads of waiting spans that failed.", {{"processor", context.id.to_string()}})),
      offload_(storage::offload_to(context.host.workers(), context.executor)) {
  memory_.on_gone = [this](Segments::Segment& segment) { release(segment.file); };
}

Spill::~Spill() {
  alive_.reset();
  memory_.on_gone = nullptr;
  if (job_)  // the worker still reads them
    for (auto* segment : job_->segments) job_->orphans.push_back(memory_.give_up(*segment));
  for (auto& [segment, done] : wanted_) memory_.end(*segment);
  for (auto& [number, file] : files_) remove(file.path);
  for (auto& path : spare_) remove(path);
}

bool Spill::relieve(std::size_t bytes) {
  want_ = bytes - std::min(bytes, on_the_way_);
  return writing_ > 0 || write();
}

// One file at a time.
bool Spill::write() {
  if (context_.executor.now() < pause_ || want_ == 0 || memory_.oldest() == nullptr) return false;
  std::uint64_t number = directory_->next_file.fetch_add(1, std::memory_order_relaxed);
  std::string path = fmt::format("{}/{:016x}.spans", directory_->path, number);
  if (!spare_.empty()) {
    path = std::move(spare_.back());
    spare_.pop_back();
  }
  auto job = std::make_shared<WriteJob>(WriteJob{.fs = context_.host.fs(), .number = number, .path = std::move(path)});  // shared with the worker
  std::size_t bytes = 0;
  while (Segments::Segment* oldest = memory_.oldest()) {
    if (bytes >= std::min(want_, file_bytes)) break;
    memory_.begin(*oldest);
    oldest->offset = bytes;
    bytes += oldest->used;
    job->segments.push_back(oldest);
    job->pieces.emplace_back(oldest->data(), oldest->used);
  }
  want_ -= std::min(want_, bytes);
  on_the_way_ = bytes;
  ++writing_;
  job_ = job;
  submit([job] { job->run(); }, [this, job, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) written(*job);
  });
  return true;
}

void Spill::written(WriteJob& job) {
  --writing_;
  on_the_way_ = 0;
  job_ = nullptr;
  if (!job.result) {
    failures_.add();
    long long more = 0;
    if (lines_.allow(more))
      log::warn("Spans that wait cannot be brought to disk; they stay in memory", {{"processor", context_.id.to_string()}, {"error", job.result.error().what}, {"suppressed", more}});
    pause_ = context_.executor.now() + pause_length;
    for (auto* segment : job.segments) memory_.stay(*segment);
    return;
  }
  files_[job.number] = {job.path, job.segments.size() + 1};  // and this call
  for (std::size_t i = 0; i < job.segments.size(); ++i) {
    Segments::Segment& segment = *job.segments[i];
    if (segment.pins > 0) {  // it is on its way out
      memory_.stay(segment);
      release(job.number);
      continue;
    }
    segment.file = job.number;
    segment.checksum = job.checksums[i];
    spilled_.add(segment.used);
    memory_.detach(segment);
  }
  release(job.number);
  if (want_ > 0) write();
}

void Spill::fetch(Segments::Segment& segment, Done done) {
  if (segment.here()) return done(true);
  auto& waiting = wanted_[&segment];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  memory_.begin(segment);
  ++reading_;
  auto job = std::make_shared<ReadJob>(ReadJob{.fs = context_.host.fs(),
                                               .path = files_.at(segment.file).path,
                                               .segment = &segment,
                                               .offset = segment.offset,
                                               .checksum = segment.checksum,
                                               .size = segment.used,
                                               .bytes = Segments::allocate(segment.size),
                                               .charge = context_.host.budget().charge_unchecked(segment.size)});  // shared with the worker
  submit([job] { job->run(); }, [this, job, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) read(*job);
  });
}

void Spill::read(ReadJob& job) {
  --reading_;
  Segments::Segment& segment = *job.segment;
  bool good = job.result.has_value();
  if (good) {
    fetched_.add(segment.used);
    job.charge.release();
    std::uint64_t file = segment.file;
    memory_.attach(segment, std::move(job.bytes));
    release(file);
  } else {
    failures_.add();
    log::error("Spans that wait cannot be read back from disk", {{"processor", context_.id.to_string()}, {"error", job.result.error().what}});
    memory_.end(segment);
  }
  auto waiting = wanted_.extract(&segment);
  for (auto& done : waiting.mapped()) done(good);
}

// One segment of a file is of no use any more.
void Spill::release(std::uint64_t file) {
  auto at = files_.find(file);
  if (at == files_.end() || --at->second.segments > 0) return;
  if (spare_.size() < most_spare) spare_.push_back(std::move(at->second.path));
  else remove(at->second.path);
  files_.erase(at);
  if (files_.empty())
    for (auto& path : std::exchange(spare_, {})) remove(path);
}

void Spill::remove(const std::string& path) {
  submit([&fs = context_.host.fs(), path] { (void)fs.remove(path); }, [] {});  // what stays goes at the next start
}

void Spill::submit(io::Task work, io::Task done) { offload_(std::move(work), std::move(done)); }

}  // namespace weir::processors::tail_sampling
