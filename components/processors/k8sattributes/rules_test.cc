#include "components/processors/k8sattributes/rules.h"

#include <doctest/doctest.h>

using namespace weir::processors::k8sattributes;

TEST_CASE("owners: names by convention") {
  CHECK(deployment_of("web-5d4f", "5d4f") == "web");
  CHECK(deployment_of("a-b-5d4f", "5d4f") == "a-b");
  CHECK(deployment_of("web5d4f", "5d4f") == "");
  CHECK(deployment_of("web-5d4f", "") == "");
  CHECK(deployment_of("-5d4f", "5d4f") == "");
  CHECK(cron_job_of("nightly-28401120", "2024-01-01T00:00:00Z") == "nightly");
  CHECK(cron_job_of("nightly-28401120", "2024-01-03T00:00:01Z") == "");
  CHECK(cron_job_of("backup-20240101", "2024-01-01T00:00:00Z") == "");
  CHECK(cron_job_of("nightly-2840112x", "2024-01-01T00:00:00Z") == "");
  CHECK(cron_job_of("28401120", "2024-01-01T00:00:00Z") == "");
}
