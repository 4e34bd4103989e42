#pragma once
#include "components/shared/exporting/exporting.h"
#include "net/client.h"

namespace weir::exporters::otlphttp {

enum class Encoding : std::uint8_t { proto, json };

struct Target {
  std::string traces, metrics, logs, profiles;  // complete URLs
  const std::string& url(engine::Signal signal) const;
};

std::unique_ptr<exporting::Sender> make_http_sender(net::HttpClientSettings settings, Target target, Encoding encoding,
                                                    io::Executor& executor, std::string name,
                                                    std::function<void(net::HeaderList&)> authorize);

}  // namespace weir::exporters::otlphttp
