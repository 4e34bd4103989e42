// Any bytes as any format. A second parser that expects what the first one has seen must tell the same.
#include "components/shared/scrape/exposition/parser.h"

using namespace weir;
using namespace weir::exposition;

namespace {

struct Seen {
  Entry entry;
  std::string key;
  std::vector<scrape::Label> labels;
};

std::vector<Seen> walk(Parser& parser, const std::vector<std::string>& expected) {
  std::vector<Seen> out;
  std::size_t series = 0;
  for (;;) {
    Entry entry = parser.next(series < expected.size() ? std::string_view(expected[series]) : std::string_view());
    Seen& seen = out.emplace_back(entry);
    if (entry == Entry::end || entry == Entry::failed) return out;
    if (entry != Entry::series && entry != Entry::histogram) continue;
    WEIR_CHECK(!parser.as_expected || parser.series == expected[series]);
    seen.key = parser.series;
    parser.labels(seen.labels);
    for (Exemplar exemplar; parser.exemplar(exemplar);) {}
    parser.start_timestamp();
    if (parser.histogram && parser.histogram->schema != NativeHistogram::custom_buckets) parser.histogram->limit(8);
    ++series;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  auto format = static_cast<Format>(data[0] % 3);
  Options options{.native_histograms = (data[0] & 4) != 0, .keep_classic = (data[0] & 8) != 0, .convert_classic = (data[0] & 16) != 0, .start_timestamps = (data[0] & 32) != 0};
  std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto first = walk(*make_parser(format, body, options), {});
  std::vector<std::string> keys;
  for (auto& seen : first)
    if (seen.entry == Entry::series || seen.entry == Entry::histogram) keys.push_back(seen.key);
  auto second = walk(*make_parser(format, body, options), keys);
  WEIR_CHECK(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i)
    WEIR_CHECK(first[i].entry == second[i].entry && first[i].key == second[i].key && first[i].labels == second[i].labels);
  return 0;
}
