// Any bytes as OpenCensus' requests: whatever is taken is a valid OTLP request.
#include "components/receivers/opencensus/json.h"
#include "components/receivers/opencensus/translate.h"

using namespace weir;
using namespace weir::receivers::opencensus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  Budget budget(64 * 1024 * 1024);
  Charge charge = budget.empty_charge();
  auto signal = data[0] & 1 ? otlp::Signal::metrics : otlp::Signal::traces;
  std::vector<std::string> requests{std::string(body)};
  if (data[0] & 2) {
    auto read = from_json(signal, body, charge);
    if (!read) return 0;
    requests = std::move(*read);
  }
  Sender sender(budget.empty_charge());
  Translator translator(signal, charge);
  for (auto& request : requests)
    if (!sender.update(request) || !translator.add(request, sender)) return 0;
  auto out = translator.finish();
  if (!out) return 0;
  auto batch = otlp::Batch::parse(signal, *out);
  if (!batch) WEIR_CHECK(batch.error().code != Errc::invalid, "{}", batch.error().what);
  else batch->settle({});
  return 0;
}
