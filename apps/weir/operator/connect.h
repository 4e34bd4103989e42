#pragma once
#include "kube/connection.h"
#include "weir/operator/operator.h"

namespace weir::app {

// As the options say, else as the pod that we are.
Result<kube::Connection> connect(const OperatorOptions& options);

}  // namespace weir::app
