#pragma once
// What producers and consumers share of librdkafka's interface. Its headers are included in .cc files and client.cc only.
#include <memory>

#include "components/shared/kafka/config.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace weir::kafka {

struct FreeConf {
  void operator()(rd_kafka_conf_s* conf) const;
};
using Conf = std::unique_ptr<rd_kafka_conf_s, FreeConf>;

// A configuration whose client writes its lines to weir's log. Errc::config for what librdkafka does not take.
Result<Conf> make_conf(const Properties& properties);

enum class Role : std::uint8_t { producer, consumer };
// Starts the client's threads; whoever gets it destroys it.
Result<rd_kafka_s*> make_client(Role role, Conf conf);

// Whether librdkafka takes these settings. Opens nothing.
Result<> check(const Properties& properties);

}  // namespace weir::kafka
