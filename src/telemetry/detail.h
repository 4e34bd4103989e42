#pragma once
// Metrics that are only worth their cost to who asks for them: service::telemetry::metrics::level: detailed.
#include <array>
#include <string>
#include <string_view>

namespace weir::telemetry {

// Of the process. Set before stages and receivers are made; they look once.
void set_detailed(bool detailed);
bool detailed();

// "ResourceExhausted" as semantic conventions spell it: "RESOURCE_EXHAUSTED"; "OK" stays.
std::string upper_snake(std::string_view camel);

// Seconds that a call took (OpenTelemetry semantic conventions, metrics of RPC and HTTP).
inline constexpr std::array<double, 14> call_seconds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
// Bytes of a body: what the OpenTelemetry SDKs use where nobody says otherwise.
inline constexpr std::array<double, 15> body_bytes = {0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000};
// Bytes and items of a batch that was sent, as in the collector.
inline constexpr std::array<double, 18> batch_bytes = {128,    256,    512,    1024,    2048,    4096,    8192,    16384,   32768,
                                                       65536,  131072, 262144, 524288,  1048576, 2097152, 4194304, 8388608, 16777216};
inline constexpr std::array<double, 22> batch_items = {10,   25,   50,   75,   100,  250,  500,  750,   1000,  2000,  3000,
                                                       4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000, 50000, 100000};

}  // namespace weir::telemetry
