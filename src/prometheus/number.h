#pragma once
// Numbers as Prometheus writes them.
#include <string>

namespace weir::prometheus {

// Text format: shortest digits, an exponent from 1e+06 on and below 1e-04; NaN, +Inf, -Inf.
void append_number(std::string& out, double value);
// OpenMetrics: the same, with ".0" behind whole numbers.
void append_openmetrics_number(std::string& out, double value);
// Shortest digits, never an exponent: bounds and quantiles as label values.
std::string plain_number(double value);

// The NaN that says "this series has ended".
double stale_marker();
bool is_stale_marker(double value);

}  // namespace weir::prometheus
