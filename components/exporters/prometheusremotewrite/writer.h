#pragma once
// Remote write over HTTP: batches one after another, each in requests side by side.
#include <list>

#include "components/exporters/prometheusremotewrite/config.h"
#include "components/exporters/prometheusremotewrite/requests.h"
#include "components/shared/exporting/exporting.h"
#include "net/client.h"

namespace weir::exporters::prometheusremotewrite {

// The exporter's own counters, under the collector's names and one of ours.
struct Counters {
  telemetry::Counter &failed_translations, &translated_series, &sent_batches, &written_samples, &written_histograms, &written_exemplars,
      &dropped_untranslated, &dropped_by_backend;
  static Counters of(const engine::StageContext& context, const std::string& endpoint);
};

// What an answer means for the request it is about.
Verdict verdict_of(const net::HttpResponse& response, UnixNanos now, const std::string& url);

std::unique_ptr<exporting::Sender> make_writer(const Config& config, const engine::StageContext& context,
                                               std::function<void(net::HeaderList&)> authorize);

}  // namespace weir::exporters::prometheusremotewrite
