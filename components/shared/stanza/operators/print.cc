// stdout and file_output: entries as lines of JSON, for looking at what operators do.
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "components/shared/stanza/operator.h"

namespace weir::stanza {
namespace {

using config::field;

std::string line_of(const Entry& entry) {
  std::string out = fmt::format(R"({{"observed_timestamp":"{}","timestamp":"{}","body":)", format_rfc3339(entry.observed),
                                format_rfc3339(static_cast<UnixNanos>(entry.time)));
  Value attributes = Value::of(const_cast<Attributes*>(&entry.attributes)), resource = Value::of(const_cast<Attributes*>(&entry.resource));
  bool text = entry.body.is(ValueType::string);
  std::string body = text ? quote_json(entry.body.text) : otlp::to_text(entry.body);
  out += body.empty() ? "null" : body;
  if (!entry.attributes.empty()) out += ",\"attributes\":" + otlp::to_text(attributes);
  if (!entry.resource.empty()) out += ",\"resource\":" + otlp::to_text(resource);
  if (!entry.severity_text.empty()) out += ",\"severity_text\":" + quote_json(entry.severity_text);
  return out + fmt::format(R"(,"severity":{},"scope_name":{}}})", entry.severity, quote_json(entry.scope_name)) + "\n";
}

struct FileOutputConfig : OperatorConfig {
  std::string path;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(OperatorConfig::fields(), {
        field<&FileOutputConfig::path>("path", "The file that lines are added to.", {.required = true}),
    });
    return rows;
  }
};

// Writes small pieces to a descriptor; what cannot be written is said and dropped.
class Print final : public Operator {
 public:
  static constexpr bool ends_here = true;
  static Result<std::unique_ptr<Print>> make(const OperatorConfig&) { return std::make_unique<Print>(""); }
  static Result<std::unique_ptr<Print>> make(const FileOutputConfig& config) { return std::make_unique<Print>(config.path); }

  explicit Print(std::string path) : path_(std::move(path)) {}
  ~Print() override {
    if (!path_.empty() && fd_ >= 0) ::close(fd_);
  }

  Then process(Entry& entry, Run& run) override {
    if (fd_ < 0) fd_ = path_.empty() ? STDOUT_FILENO : ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    std::string line = line_of(entry);
    if (fd_ < 0 || ::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      run.failed(*this, Error{Errc::permanent, fmt::format("cannot write to {}: {}", path_.empty() ? "stdout" : path_, std::strerror(errno))}, true);
    else
      run.filtered();
    return Then::drop;
  }

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace

OperatorType stdout_operator() { return operator_type<OperatorConfig, Print>("stdout"); }
OperatorType file_output_operator() { return operator_type<FileOutputConfig, Print>("file_output"); }

}  // namespace weir::stanza
