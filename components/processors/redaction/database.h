#pragma once
// Which database's queries are sanitized, and where they stand.
#include "components/processors/redaction/config.h"
#include "components/processors/redaction/queries.h"
#include "otlp/model.h"

namespace weir::processors::redaction {

class DatabaseSanitizer {
 public:
  // `needs_system`: attributes are changed only beside one that names the database.
  DatabaseSanitizer(const DbSanitizer& config, bool needs_system);

  bool active() const { return !kinds_.empty(); }
  bool changes_names() const { return active() && sanitize_span_name_; }
  // A text of which nothing is known: all that are enabled change it in turn.
  std::string body(std::string text) const;
  // `system`: of system_of(), may be empty.
  std::string attribute(std::string_view key, std::string text, std::string_view system) const;
  std::string name(std::string text, std::string_view system) const;

 private:
  using Change = std::string (*)(std::string text, Dialect dialect);
  struct Kind {
    Change change;
    std::vector<std::string_view> systems;
    std::vector<std::string> attributes;
  };

  std::vector<Kind> kinds_;
  bool needs_system_, sanitize_span_name_;
};

// The database that db.system.name or else db.system names, in lower case.
std::string system_of(const otlp::Attributes& attributes);

}  // namespace weir::processors::redaction
