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
  Result<> print(std::string_view text) {
    std::lock_guard lock(mutex_);
    if (file_) return file_->append(std::span(&text, 1));
    if (std::fwrite(text.data(), 1, text.size(), stream_) == text.size() && std::fflush(stream_) == 0) return {};
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
        counters_(exporting::SentCounters::of(context)) {}

  void process(otlp::Batch batch, engine::Out& out) override {
    if (sampler_.take(out.now())) {
      if (auto printed = outputs_.empty() ? log_lines(batch) : print(batch); !printed) {
        long long more = 0;
        if (lines_.allow(more)) log::error("Printing failed.", {{"exporter", id_}, {"error", printed.error().what}, {"suppressed", more}});
        counters_.failed.add(batch.items());
        // Nobody wants it back: what is printed is a copy for the eye.
        return out.drop(std::move(batch), engine::Reason::permanent_error);
      }
    }
    counters_.sent.add(batch.items());
    out.delivered(std::move(batch));
  }

 private:
  std::string body(otlp::Batch& batch) const {
    if (verbosity_ == Verbosity::basic) return {};
    return verbosity_ == Verbosity::normal ? normal_text(batch) : detailed_text(batch);
  }

  Result<> log_lines(otlp::Batch& batch) {
    std::string_view signal = to_string(signal_);
    Headline head = headline(batch);
    // Three at most: resources, metrics, items.
    auto count = [&](std::size_t i) { return log::Field(head.counts[i].first, head.counts[i].second); };
    log::Field id("otelcol.component.id", id_), kind("otelcol.component.kind", "exporter"), of("otelcol.signal", signal);
    if (head.counts.size() == 2)
      log::info(head.title, {id, kind, of, count(0), count(1)});
    else
      log::info(head.title, {id, kind, of, count(0), count(1), count(2)});
    if (auto text = body(batch); !text.empty()) log::info(text, {id, kind, of});
    return {};
  }

  Result<> print(otlp::Batch& batch) {
    Headline head = headline(batch);
    std::string text(head.title);
    text += "\t{";
    for (auto& [what, n] : head.counts) text += fmt::format("{}\"{}\": {}", &what == &head.counts[0].first ? "" : ", ", what, n);
    text += "}\n";
    if (auto more = body(batch); !more.empty()) text += more + "\n";
    for (auto& output : outputs_) WEIR_TRY(output->print(text));
    return {};
  }

  Verbosity verbosity_;
  Sampler sampler_;
  std::string id_;
  otlp::Signal signal_;
  std::vector<std::shared_ptr<Output>> outputs_;  // shared with all debug exporters on all cores; empty: the log
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
