#include "components/shared/otlp_grpc/grpc_sender.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::net::GrpcCode;

TEST_CASE("ResourceExhausted is tried again only when the backend says when") {
  CHECK(otlp_grpc::may_retry(GrpcCode::unavailable, false));
  CHECK(otlp_grpc::may_retry(GrpcCode::resource_exhausted, true));
  CHECK_FALSE(otlp_grpc::may_retry(GrpcCode::resource_exhausted, false));
  CHECK_FALSE(otlp_grpc::may_retry(GrpcCode::unknown, true));
}
