// A resource of any JSON: what becomes a job must be one that a Prometheus configuration could have.
#include "components/shared/monitors/monitor.h"
#include "kube/json.h"

using namespace weir;
using namespace weir::monitors;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 1) return 0;
  auto object = kube::parse_json({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!object) return 0;
  Settings settings{.global = {}, .scrape_classes = {}, .deny_files = (data[0] & 4) != 0};
  auto made = jobs_of(all_kinds[data[0] % 4], *object, settings, [](const Reference& reference) -> Result<std::string> {
    if (reference.key.size() % 3 == 0) return fail(Errc::config, "not there");
    return reference.name;
  });
  if (!made) return 0;
  for (auto& job : made->jobs) {
    auto again = make_job(job.written, settings.global);
    WEIR_CHECK(again.has_value());
    WEIR_CHECK(again->config.job_name == job.config.job_name);
  }
  return 0;
}
