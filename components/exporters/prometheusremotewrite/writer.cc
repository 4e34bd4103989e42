#include "components/exporters/prometheusremotewrite/writer.h"

#include <charconv>

#include "base/log.h"
#include "base/text.h"
#include "components/shared/exporting/rest.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

using remote_write::Version;

// Fewer series are not worth a request of their own: labels that they share are sent once, and packed together.
constexpr std::size_t series_per_lane = 2000;

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

std::optional<std::size_t> written(const net::HttpResponse& response, std::string_view what) {
  return number_in(response.headers.get(fmt::format("x-prometheus-remote-write-{}-written", what)));
}

class Writer : public exporting::Sender {
 public:
  Writer(const Config& config, const engine::StageContext& context, std::function<void(net::HeaderList&)> authorize)
      : config_(config),
        translation_(config.translation()),
        executor_(context.executor),
        id_(context.id.to_string()),
        counters_(Counters::of(context, config.client.endpoint)),
        authorize_(std::move(authorize)),
        known_(context.host.budget().empty_charge()) {
    for (auto& key : config.include_metadata_keys) metadata_keys_.push_back(to_lower(key));
    settings_ = config.client.settings();
    settings_.compression = net::Compression::none;
  }
  ~Writer() override {
    closing_ = true;  // what the client says to its open requests now is of no use to anybody
    client_.reset();
  }

  Result<> start() override {
    WEIR_ASSIGN(client_, net::HttpClient::make(executor_, settings_));
    return {};
  }

  void send(exporting::Payload, Duration, Done done) override { done(Error{Errc::internal, "remote write sends batches", {}}); }

  // With a queue there is one at a time; without, the next waits here until the one before is through, so that order is kept.
  void send(otlp::Batch& batch, Duration timeout, Done done) override {
    jobs_.push_back({&batch, timeout, std::move(done)});
    if (jobs_.size() == 1) begin();
  }

 private:
  struct Job {
    otlp::Batch* batch;
    Duration timeout;
    Done done;
    std::unique_ptr<Delivery> delivery;
  };

  void begin() {
    // finish() may have started the next one, through whoever it told.
    while (!jobs_.empty() && !jobs_.front().delivery) {
      Job& job = jobs_.front();
      known_.begin(executor_.now());
      Translated translated = translate(*job.batch, translation_, known_);
      known_.account();
      tell(translated);
      std::size_t lanes = std::min(config_.lanes(), 1 + translated.series.size() / series_per_lane);
      job.delivery = std::make_unique<Delivery>(std::move(translated), lanes, max_bytes());
      if (!job.delivery->finished()) return pump();
      finish();
    }
  }

  std::size_t max_bytes() const { return config_.max_batch_size_bytes ? config_.max_batch_size_bytes : Config{}.max_batch_size_bytes; }

  void tell(const Translated& t) {
    counters_.translated_series.add(t.series.size());
    if (t.invalid == 0) return;
    counters_.failed_translations.add();
    counters_.dropped_untranslated.add(t.invalid);
    long long more = 0;
    if (lines_.allow(more))
      log::warn("points cannot be sent by remote write and are dropped",
                {{"exporter", id_}, {"why", t.why}, {"points", t.invalid}, {"suppressed", more}});
  }

  void pump() {
    Job& job = jobs_.front();
    for (std::size_t lane = 0; lane < job.delivery->lanes(); ++lane)
      if (auto* request = job.delivery->next(lane)) post(job, lane, *request);
  }

  void post(Job& job, std::size_t lane, const Request& request) {
    std::vector<Bytes> body{prometheusremotewrite::encode(translation_.version, job.delivery->content(), request)};
    bool zstd = config_.client.compression == "zstd";
    auto packed = net::compress(zstd ? net::Compression::zstd : net::Compression::snappy_block, body, 1);
    net::HttpRequest out{.url = config_.client.endpoint, .timeout = job.timeout, .compress = false};
    if (packed) out.body = {Bytes::take(std::move(*packed))};
    bool v2 = translation_.version == Version::v2;
    forward_metadata(job, out.headers);
    out.headers.set("content-encoding", zstd ? "zstd" : "snappy");
    out.headers.set("content-type", v2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request" : "application/x-protobuf");
    out.headers.set("x-prometheus-remote-write-version", v2 ? "2.0.0" : "0.1.0");
    if (authorize_) authorize_(out.headers);
    counters_.sent_batches.add();
    client_->send(std::move(out), [this, lane](Result<net::HttpResponse> result) {
      if (!closing_) answered(lane, std::move(result));
    });
  }

  void forward_metadata(const Job& job, net::HeaderList& headers) const {
    auto& context = job.batch->context;
    if (!context) return;
    for (auto& key : metadata_keys_)
      if (auto at = context->metadata.find(key); at != context->metadata.end())
        for (auto& value : at->second) headers.add(key, value);
  }

  void answered(std::size_t lane, Result<net::HttpResponse> result) {
    Verdict verdict;
    if (!result) {
      bool may_pass = result.error().code == Errc::retryable || result.error().code == Errc::refused;
      verdict = {may_pass ? Verdict::Kind::try_again : Verdict::Kind::refused, std::move(result).error(), {}};
    } else {
      count_written(*result);
      verdict = verdict_of(*result, executor_.wall(), config_.client.endpoint);
    }
    Job& job = jobs_.front();
    job.delivery->answered(lane, verdict);
    if (!job.delivery->finished()) return pump();
    finish();
    begin();
  }

  void count_written(const net::HttpResponse& response) {
    if (translation_.version != Version::v2) return;
    counters_.written_samples.add(written(response, "samples").value_or(0));
    counters_.written_histograms.add(written(response, "histograms").value_or(0));
    counters_.written_exemplars.add(written(response, "exemplars").value_or(0));
  }

  void finish() {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    Delivery& d = *job.delivery;
    if (d.rejected() > 0) {
      counters_.dropped_by_backend.add(d.rejected());
      long long more = 0;
      if (lines_.allow(more))
        log::error("the backend does not want some points: they are dropped",
                   {{"exporter", id_}, {"error", d.reason()}, {"points", d.rejected()}, {"suppressed", more}});
    }
    std::size_t lost = d.rejected() + d.content().invalid;
    exporting::Sent sent;
    sent.rejected = lost;
    if (d.error()) {
      sent.error = d.error();
      sent.left = exporting::rest_of(*job.batch, d.unsent());
    } else if (lost > 0 && !d.anything_taken()) {
      sent.error = Error{Errc::permanent, d.reason().empty() ? d.content().why : d.reason(), {}};
      sent.rejected = 0;  // the whole batch is
    }
    job.done(std::move(sent));
  }

  Config config_;
  TranslationSettings translation_;
  io::Executor& executor_;
  std::string id_;
  Counters counters_;
  std::function<void(net::HeaderList&)> authorize_;
  std::vector<std::string> metadata_keys_;
  net::HttpClientSettings settings_;
  std::unique_ptr<net::HttpClient> client_;
  KnownSeries known_;  // one batch at a time is translated
  std::list<Job> jobs_;
  bool closing_ = false;
  log::RateLimit lines_;
};

}  // namespace

Counters Counters::of(const engine::StageContext& context, const std::string& endpoint) {
  auto& registry = context.host.metrics();
  telemetry::Labels labels = {{"exporter", context.id.to_string()}, {"endpoint", endpoint}};
  auto counter = [&](std::string_view name, std::string_view help) -> telemetry::Counter& {
    return registry.counter(fmt::format("otelcol_exporter_prometheusremotewrite_{}", name), help, labels);
  };
  auto dropped = [&](std::string reason) -> telemetry::Counter& {
    return registry.counter("weir_prometheusremotewrite_dropped_points", "Points that are not at the backend, by reason.",
                            {{"exporter", context.id.to_string()}, {"reason", std::move(reason)}});
  };
  return {counter("failed_translations", "Batches of which something could not be translated."),
          counter("translated_time_series", "Series made of OTLP metrics."),
          counter("sent_batches", "Requests sent, taken or not."),
          counter("written_samples", "Samples that the backend says it has written (2.0)."),
          counter("written_histograms", "Histograms that the backend says it has written (2.0)."),
          counter("written_exemplars", "Exemplars that the backend says it has written (2.0)."),
          dropped("invalid"),
          dropped("permanent_error")};
}

Verdict verdict_of(const net::HttpResponse& response, UnixNanos now, const std::string& url) {
  int status = response.status;
  if (status / 100 == 2) return {};
  std::string_view said = trim(std::string_view(response.body).substr(0, 512));
  Error error{Errc::permanent, fmt::format("remote write to {}: HTTP status {}: {}", url, status, said), {}};
  if (status / 100 == 5 || status == 429 || status == 408) {
    error.code = Errc::retryable;
    error.retry_after = response.retry_after(now).value_or(0s);
    return {Verdict::Kind::try_again, std::move(error), {}};
  }
  if (status != 400 && status != 413 && status != 422) return {Verdict::Kind::refused, std::move(error), {}};
  Verdict out{Verdict::Kind::partly, std::move(error), {}};
  auto samples = written(response, "samples"), histograms = written(response, "histograms");
  if (samples || histograms) out.written = samples.value_or(0) + histograms.value_or(0);
  return out;
}

std::unique_ptr<exporting::Sender> make_writer(const Config& config, const engine::StageContext& context,
                                               std::function<void(net::HeaderList&)> authorize) {
  return std::make_unique<Writer>(config, context, std::move(authorize));
}

}  // namespace weir::exporters::prometheusremotewrite
