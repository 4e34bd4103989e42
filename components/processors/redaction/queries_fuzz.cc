// Any bytes as SQL, commands, JSON and URLs: what is left is no longer than what came, and of JSON it is JSON whose values are gone.
#include "base/result.h"
#include "components/processors/redaction/queries.h"
#include "components/processors/redaction/url.h"

using namespace weir;
using namespace weir::processors::redaction;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: WEIR_CHECK(sql_without_values(text, Dialect::common).size() <= text.size(), "SQL became longer"); break;
    case 1: WEIR_CHECK(sql_without_values(text, Dialect::mysql).size() <= text.size(), "SQL became longer"); break;
    case 2: WEIR_CHECK(redis_without_values(text).size() <= text.size(), "commands became longer"); break;
    case 3: WEIR_CHECK(memcached_without_values(text).size() <= text.size(), "a command became longer"); break;
    case 4: WEIR_CHECK(url_without_ids(text).size() <= text.size(), "a URL became longer"); break;
    default:
      if (auto json = json_without_values(text)) WEIR_CHECK(json_without_values(*json) == json, "values are left: {}", *json);
  }
  return 0;
}
