#include "components/processors/redaction/database.h"

#include "base/text.h"

namespace weir::processors::redaction {
namespace {

std::string sql(std::string text, Dialect dialect) { return sql_without_values(text, dialect); }
std::string redis(std::string text, Dialect) { return redis_without_values(text); }
std::string memcached(std::string text, Dialect) { return memcached_without_values(text); }
std::string json(std::string text, Dialect) { return json_without_values(text).value_or(text); }

}  // namespace

DatabaseSanitizer::DatabaseSanitizer(const DbSanitizer& config, bool needs_system) : needs_system_(needs_system), sanitize_span_name_(config.sanitize_span_name) {
  auto add = [&](const Sanitizer& sanitizer, Change change, std::vector<std::string_view> systems, bool of_attributes = true) {
    if (sanitizer.enabled) kinds_.push_back({change, std::move(systems), of_attributes ? sanitizer.attributes : std::vector<std::string>()});
  };
  add(config.sql, sql, {"other_sql", "mysql", "postgresql", "mariadb", "sqlite"});
  add(config.redis, redis, {"redis"});
  add(config.valkey, redis, {"valkey"});
  add(config.memcached, memcached, {"memcached"});
  add(config.mongo, json, {"mongodb"});
  add(config.opensearch, json, {"opensearch"}, false);
  add(config.es, json, {"elasticsearch"}, false);
}

std::string DatabaseSanitizer::body(std::string text) const {
  for (auto& kind : kinds_) text = kind.change(std::move(text), Dialect::common);
  return text;
}

std::string DatabaseSanitizer::attribute(std::string_view key, std::string text, std::string_view system) const {
  if (system.empty() && needs_system_) return text;
  for (auto& kind : kinds_) {
    if (std::ranges::find(kind.attributes, key) == kind.attributes.end()) continue;
    if (!system.empty() && std::ranges::find(kind.systems, system) == kind.systems.end()) continue;
    text = kind.change(std::move(text), Dialect::common);
    if (!system.empty()) break;
  }
  return text;
}

std::string DatabaseSanitizer::name(std::string text, std::string_view system) const {
  for (auto& kind : kinds_)
    if (std::ranges::find(kind.systems, system) != kind.systems.end()) return kind.change(std::move(text), system == "mysql" ? Dialect::mysql : Dialect::common);
  return text;
}

std::string system_of(const otlp::Attributes& attributes) {
  for (std::string_view key : {"db.system.name", "db.system"})
    if (auto* value = attributes.find(key); value != nullptr && value->is(otlp::ValueType::string) && !value->text.empty()) return to_lower(value->text);
  return {};
}

}  // namespace weir::processors::redaction
