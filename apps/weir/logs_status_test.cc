#include "weir/logs_status.h"

#include <doctest/doctest.h>

using namespace weir::app;

TEST_CASE("logs status: a table of files") {
  CHECK(logs_table("") == "No log files are read.\n");
  CHECK(logs_table("# TYPE weir_filelog_file_size_bytes gauge\n"
                   "weir_filelog_file_size_bytes{receiver=\"filelog\",path=\"/a \\\"b\\\".log\"} 3072\n"
                   "weir_filelog_file_read_bytes{receiver=\"filelog\",path=\"/a \\\"b\\\".log\"} 2048\n"
                   "weir_filelog_file_settled_bytes{receiver=\"filelog\",path=\"/a \\\"b\\\".log\"} 1000\n"
                   "other{path=\"x\"} 1\n") ==
        "RECEIVER           SIZE       READ    ARRIVED     BEHIND  PATH\n"
        "filelog         3.0 KiB    2.0 KiB     1000 B    2.0 KiB  /a \"b\".log\n");
}
