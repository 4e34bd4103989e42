#pragma once
// Sends batches over OTLP/gRPC. Also used by the load balancing exporter, one for each backend.
#include "components/shared/exporting/exporting.h"
#include "net/client.h"

namespace weir::otlp_grpc {

std::unique_ptr<exporting::Sender> make_grpc_sender(net::GrpcClientSettings settings, const engine::StageContext& context,
                                                    std::function<void(net::HeaderList&)> authorize);

// Which answers may be tried again (OTLP specification, "Failures"): ResourceExhausted only with RetryInfo.
bool may_retry(net::GrpcCode code, bool has_retry_info);

}  // namespace weir::otlp_grpc
