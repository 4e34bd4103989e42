// A request of metrics becomes the same series whether they are new, known, or were decoded before.
#include "components/exporters/prometheusremotewrite/requests.h"

using namespace weir;
using namespace weir::exporters::prometheusremotewrite;

namespace {

Bytes encoded(const Translated& translated, remote_write::Version version) {
  Request all;
  for (auto& series : translated.series) all.series.push_back(&series);
  if (!translated.with_series) all.metadata = translated.metadata;
  return encode(version, translated, all);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view in(reinterpret_cast<const char*>(data), size);
  auto parse = [&] { return otlp::Batch::parse(otlp::Signal::metrics, Bytes::copy_of(in)); };
  if (!parse()) return 0;
  for (auto version : {remote_write::Version::v1, remote_write::Version::v2}) {
    TranslationSettings settings{.version = version, .metadata = true};
    KnownSeries known, nothing;
    nothing.begin(TimePoint{});
    auto decoded = parse();
    for (auto& group : decoded->groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) item.edit<otlp::Metric>(decoded->arena());
    Translated expected = translate(*decoded, settings, nothing);
    Bytes wanted = encoded(expected, version);
    for (int round = 0; round < 3; ++round) {
      known.begin(TimePoint{} + std::chrono::seconds(round));
      auto batch = parse();
      Translated got = translate(*batch, settings, known);
      if (got.points != expected.points || got.invalid != expected.invalid) __builtin_trap();
      if (encoded(got, version).view() != wanted.view()) __builtin_trap();
    }
  }
  return 0;
}
