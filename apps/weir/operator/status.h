#pragma once
// `weir operator status`: what pods of the cluster asked for and have, and how collectors are.
#include <string>

#include "config/value.h"

namespace weir::app {

struct OperatorOptions;

int operator_status(const OperatorOptions& options);

// The lines for a list of pods ({"items": [...]}): those that ask for something and do not have it are named.
struct Fleet {
  std::size_t asking = 0, instrumented = 0;
  std::vector<std::string> missing;  // "shop/web-1: asks for python"
};
void add_pods(const config::Value& list, Fleet& fleet);

}  // namespace weir::app
