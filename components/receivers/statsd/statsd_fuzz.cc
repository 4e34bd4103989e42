// Any lines.
#include "components/receivers/statsd/aggregator.h"

using namespace weir;
using namespace weir::receivers::statsd;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view left(reinterpret_cast<const char*>(data), size);
  Budget budget(1 << 20);
  {
    Config config{.enable_metric_type = true, .enable_simple_tags = size % 2 == 0};
    config.timer_histogram_mapping = {{.statsd_type = "timing", .observer_type = Observer::summary}, {.statsd_type = "histogram", .observer_type = Observer::histogram}};
    auto aggregator = Aggregator::make(config, budget, 1, 1);
    while (!left.empty()) {
      std::size_t n = std::min(left.find('\n'), left.size());
      (void)aggregator->add(left.substr(0, n), "1.2.3.4:5", 2);
      left.remove_prefix(std::min(n + 1, left.size()));
    }
    for (auto& batch : aggregator->flush(3)) {
      std::string whole;
      for (auto& piece : batch.encode()) whole += piece.view();
      auto again = otlp::Batch::parse(otlp::Signal::metrics, Bytes::take(whole));
      WEIR_CHECK(again && again->items() == batch.items());
      again->settle({});
      batch.settle({});
    }
  }
  WEIR_CHECK(budget.used() == 0);
  return 0;
}
