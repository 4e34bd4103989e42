#include "components/exporters/debug/debug.h"

#include <cstdio>
#include <mutex>

#include "base/log.h"
#include "components/exporters/debug/text.h"
#include "components/shared/exporting/exporting.h"
#include "io/fs.h"

namespace weir::exporters::debug {
namespace {

// A stream or file that several cores print to, one text at a time.
class Output {
 public:
  Result<> open(const std::string& path, io::Fs& fs) {
    std::lock_guard lock(mutex_);
    if (path == "stdout") stream_ = stdout;
    if (path == "stderr") stream_ = stderr;
    if (stream_ || file_) return {};
    WEIR_ASSIGN(file_, fs.open(path, io::OpenMode::append, 0644));
    return {};
  }
  Result<> print(std::string_view headline, std::string_view text) {
    std::lock_guard lock(mutex_);
    if (file_) return file_->append(std::array{headline, text});
    auto write = [&](std::string_view part) { return std::fwrite(part.data(), 1, part.size(), stream_) == part.size(); };
    if (write(headline) && write(text) && std::fflush(stream_) == 0) return {};
    std::clearerr(stream_);
    return fail(Errc::permanent, "cannot print to the standard output");
  }

 private:
  std::mutex mutex_;  // guards both
  std::FILE* stream_ = nullptr;
  std::unique_ptr<io::File> file_;
};

class DebugExporter : public engine::Stage {
 public:
  DebugExporter(const Config& config, const engine::StageContext& context,
                std::vector<std::shared_ptr<Output>> outputs)
      : verbosity_(config.level()),
        sampler_(config.sampling_initial, config.sampling_thereafter),
        id_(context.id.to_string()),
        signal_(context.signal),
        outputs_(std::move(outputs)),
        budget_(context.host.budget()),
        counters_(exporting::SentCounters::of(context)) {}

  void process(otlp::Batch batch, engine::Out& out) override {
    Job job{.batch = std::move(batch), .shown = sampler_.take(out.now())};
    if (jobs_.empty() && make_text(job)) return finish(std::move(job), out);
    held_ += job.batch.items();
    jobs_.push_back(std::move(job));
    out.wake_at(out.now());
  }
  void tick(TimePoint, engine::Out& out) override {
    if (jobs_.empty()) return;
    if (make_text(jobs_.front())) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      held_ -= job.batch.items();
      finish(std::move(job), out);
    }
    if (!jobs_.empty()) out.wake_at(out.now());
  }
  bool idle() const override { return jobs_.empty(); }
  void abandon(engine::Out& out) override {
    for (auto& job : std::exchange(jobs_, {})) {
      counters_.failed.add(job.batch.items());
      out.drop(std::move(job.batch), engine::Reason::shutdown);
    }
    held_ = 0;
  }
  std::size_t held() const override { return held_; }
  bool keeps() const override { return verbosity_ != Verbosity::basic; }

 private:
  // A batch whose text is made in slices; others wait behind it.
  struct Job {
    otlp::Batch batch;
    bool shown = false;
    std::unique_ptr<Printer> printer = nullptr;
    std::string text = {};
    Charge charge = {};  // for the text
  };

  // The next slice; true when the text is complete.
  bool make_text(Job& job) {
    if (!job.shown || verbosity_ == Verbosity::basic) return true;
    if (!job.printer) {
      job.printer = verbosity_ == Verbosity::normal ? normal_printer() : detailed_printer();
      job.charge = budget_.empty_charge();
    }
    constexpr std::size_t slice_bytes = 64 * 1024;  // about a millisecond
    bool complete = job.printer->print(job.batch, slice_bytes, job.text);
    if (job.text.capacity() > job.charge.bytes()) job.charge.grow_unchecked(job.text.capacity() - job.charge.bytes());
    return complete;
  }

  void finish(Job job, engine::Out& out) {
    if (job.shown) {
      if (auto printed = outputs_.empty() ? log_lines(job) : print(job); !printed) {
        long long more = 0;
        if (lines_.allow(more)) log::error("Printing failed.", {{"exporter", id_}, {"error", printed.error().what}, {"suppressed", more}});
        counters_.failed.add(job.batch.items());
        // Nobody wants it back: what is printed is a copy for the eye.
        return out.drop(std::move(job.batch), engine::Reason::permanent_error);
      }
    }
    counters_.sent.add(job.batch.items());
    out.delivered(std::move(job.batch));
  }

  Result<> log_lines(Job& job) {
    std::string_view signal = to_string(signal_);
    Headline head = headline(job.batch);
    // Three at most: resources, metrics, items.
    auto count = [&](std::size_t i) { return log::Field(head.counts[i].first, head.counts[i].second); };
    log::Field id("otelcol.component.id", id_), kind("otelcol.component.kind", "exporter"), of("otelcol.signal", signal);
    if (head.counts.size() == 2)
      log::info(head.title, {id, kind, of, count(0), count(1)});
    else
      log::info(head.title, {id, kind, of, count(0), count(1), count(2)});
    if (!job.text.empty()) log::info(job.text, {id, kind, of});
    return {};
  }

  Result<> print(Job& job) {
    Headline head = headline(job.batch);
    std::string text(head.title);
    text += "\t{";
    for (auto& [what, n] : head.counts) text += fmt::format("{}\"{}\": {}", &what == &head.counts[0].first ? "" : ", ", what, n);
    text += "}\n";
    if (!job.text.empty()) job.text += '\n';
    for (auto& output : outputs_) WEIR_TRY(output->print(text, job.text));
    return {};
  }

  Verbosity verbosity_;
  Sampler sampler_;
  std::string id_;
  otlp::Signal signal_;
  std::vector<std::shared_ptr<Output>> outputs_;  // shared with all debug exporters on all cores; empty: the log
  Budget& budget_;
  std::deque<Job> jobs_;
  std::size_t held_ = 0;  // items of jobs_
  exporting::SentCounters counters_;
  log::RateLimit lines_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context) {
  std::vector<std::shared_ptr<Output>> outputs;
  auto add = [&](const std::string& path) -> Result<> {
    outputs.push_back(engine::shared_state<Output>(context.host, "debug output " + path));
    return outputs.back()->open(path, context.host.fs());
  };
  if (!config.use_internal_logger) {
    if (config.output_paths.empty()) WEIR_TRY(add("stdout"));
    for (auto& path : config.output_paths) WEIR_TRY(add(path));
  }
  return std::make_unique<DebugExporter>(config, context, std::move(outputs));
}

}  // namespace weir::exporters::debug
