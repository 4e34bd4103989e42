#include "components/shared/kafka/client.h"

#include <librdkafka/rdkafka.h>

#include "base/log.h"

namespace weir::kafka {
namespace {

// Severities are those of syslog.
void log_line(const rd_kafka_t* client, int severity, const char* facility, const char* text) {
  const char* name = client != nullptr ? rd_kafka_name(client) : "";
  static log::RateLimit limit(20);
  static std::mutex mutex;  // guards limit: lines come from librdkafka's own threads
  long long more = 0;
  {
    std::lock_guard lock(mutex);
    if (!limit.allow(more)) return;
  }
  auto level = severity <= 3 ? log::Level::error : severity == 4 ? log::Level::warn : log::Level::info;
  log::write(level, "kafka client", {{"client", name}, {"facility", facility}, {"text", text}, {"suppressed", more}});
}

}  // namespace

void FreeConf::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }

Result<Conf> make_conf(const Properties& properties) {
  Conf conf(rd_kafka_conf_new());
  char why[512];
  for (auto& [key, value] : properties)
    if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
      return fail(Errc::config, "kafka: {}", why);
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  return conf;
}

Result<rd_kafka_s*> make_client(Role role, Conf conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(role == Role::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(), why, sizeof why);
  if (client == nullptr) return fail(Errc::config, "kafka: {}", why);
  (void)conf.release();  // the client has it now
  return client;
}

Result<> check(const Properties& properties) {
  WEIR_ASSIGN(auto conf, make_conf(properties));
  return {};
}

}  // namespace weir::kafka
