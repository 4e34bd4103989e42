#include "components/receivers/prometheus/job.h"

#include <doctest/doctest.h>

namespace weir::receivers::prometheus::testing {

TEST_CASE("job: the header Accept weighs formats as Prometheus does, however many they are") {
  using enum scrape::Protocol;
  CHECK(accept_header({openmetrics_1_0_0, text_0_0_4}, "underscores") ==
        "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4");
}

}  // namespace weir::receivers::prometheus::testing
