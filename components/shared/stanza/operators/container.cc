// container: what docker, CRI-O and containerd write, in one step: format, time, partial lines, metadata from the path.
#include "base/regex.h"
#include "components/shared/stanza/container.h"

#include "components/shared/stanza/joiner.h"
#include "components/shared/stanza/parsing.h"
#include "ottl/text/json.h"

namespace weir::stanza {
namespace {

using config::field;

enum class Format : std::uint8_t { detect, docker, crio, containerd };
constexpr std::string_view path_key = "log.file.path", stream_key = "log.iostream";
constexpr std::string_view path_pattern =
    R"(^.*(?:/|\\)([^_]+)_([^_]+)_([a-f0-9\-]+)(?:/|\\)([^\._]+)(?:/|\\)(\d+)\.log(?:\.\d{8}-\d{6})?$)";
// What the groups are, in the order of the pattern.
constexpr std::array<std::string_view, 5> path_names = {"k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name", "k8s.container.restart_count"};

struct ContainerConfig : ParserConfig {
  std::string format;
  bool add_metadata_from_filepath = true;
  config::ByteSize max_log_size{1024 * 1024};

  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(ParserConfig::fields(), {
        field<&ContainerConfig::format>("format", "docker, crio or containerd; without it, each line tells.", {.choices = "docker|crio|containerd"}),
        field<&ContainerConfig::add_metadata_from_filepath>("add_metadata_from_filepath", "Namespace, pod, container and restart count from the file's path, which include_file_path adds."),
        field<&ContainerConfig::max_log_size>("max_log_size", "A line in parts goes on when it grew beyond this; 0: no limit."),
    });
    return rows;
  }
};

class Container final : public ParserBase {
 public:
  static Result<std::unique_ptr<Container>> make(const ContainerConfig& config) {
    auto out = std::make_unique<Container>();
    WEIR_TRY(out->prepare(config));
    out->format_ = config.format == "docker" ? Format::docker : config.format == "crio" ? Format::crio : config.format == "containerd" ? Format::containerd : Format::detect;
    out->metadata_ = config.add_metadata_from_filepath;
    WEIR_ASSIGN(out->path_, Regex::compile(path_pattern));
    for (auto [layout, to] : {std::pair(crio_layout, &out->crio_time_), std::pair(go_layout, &out->time_)}) {
      WEIR_ASSIGN(*to, ottl::TimeLayout::make_go(layout));
    }
    WEIR_ASSIGN(out->local_, ottl::Zone::load("Local"));
    WEIR_ASSIGN(out->utc_, ottl::Zone::load("UTC"));
    JoinSettings settings{.with = "", .max_batch_size = 0, .max_unmatched_batch_size = 0, .max_log_size = config.max_log_size.value};
    out->joiner_.emplace(std::move(settings), Field(Field::Root::body, {}));
    // A parser puts what it finds at the root of the attributes, and nothing is read from it: the way most have it.
    out->plain_ = static_cast<const Field&>(config.parse_to) == Field(Field::Root::attributes, {}) && config.body.empty() && !config.timestamp &&
                  !config.severity && !config.trace && !config.scope_name;
    return out;
  }

  Then process(Entry& entry, Run& run) override {
    Then then = Then::next;
    auto go = wanted(entry, run, then);
    if (!go || !*go) return then;
    Format format = format_;
    CriLine line;
    if (auto found = look(entry, run, format, line); !found) return failed(found.error(), run);
    auto done = format == Format::docker ? docker(entry, run) : plain_ ? quick(entry, line, format, run) : full(entry, line, format, run);
    if (!done) return failed(done.error(), run);
    if (format == Format::docker) return Then::next;
    return join(entry, run);
  }
  void tick(Run& run) override { joiner_->tick(*this, run); }
  void drain(Run& run) override { joiner_->drain(*this, run); }
  bool holds() const override { return joiner_->holds(); }
  std::optional<std::uint64_t> oldest(std::uint64_t source) const override { return joiner_->oldest(source); }

 private:
  static constexpr std::string_view crio_layout = "2006-01-02T15:04:05.999999999Z07:00", go_layout = "2006-01-02T15:04:05.999Z";

  struct Metadata {
    bool found = false;
    std::array<std::string, path_names.size()> texts;
  };

  // Which format it is, and for those of the runtime interface what is in the line.
  Result<> look(Entry& entry, Run& run, Format& format, CriLine& line) const {
    Value value;
    if (!parse_from().get(entry, run.arena, value)) return fail(Errc::permanent, "entry cannot be parsed as container logs");
    if (!value.is(ValueType::string)) return fail(Errc::permanent, "type '{}' cannot be parsed as container logs", type_name(value));
    std::string_view text = value.text;
    switch (format) {
      case Format::docker: return {};
      case Format::crio:
      case Format::containerd:
        if (!read_cri(text, format == Format::crio ? CriKind::crio : CriKind::containerd, line)) return fail(Errc::permanent, "regex pattern does not match");
        return {};
      case Format::detect: break;
    }
    if (text.starts_with('{'))
      format = Format::docker;
    else if (read_cri(text, CriKind::containerd, line))
      format = Format::containerd;
    else if (read_cri(text, CriKind::crio, line))
      format = Format::crio;
    else
      return fail(Errc::permanent, "entry cannot be parsed as container logs: {}", text.substr(0, 200));
    return {};
  }

  Result<> docker(Entry& entry, Run& run) {
    WEIR_TRY(transform(entry, run));
    WEIR_TRY(take_time(entry, Format::docker, run));
    return move_fields(entry, run);
  }

  // The same with all that a parser may do, step by step.
  Result<> full(Entry& entry, const CriLine& line, Format format, Run& run) {
    line_ = &line;
    auto done = transform(entry, run);
    line_ = nullptr;
    WEIR_TRY(done);
    WEIR_TRY(take_time(entry, format, run));
    return move_fields(entry, run);
  }

  // What full() comes to when the line's fields go straight to where they end up.
  Result<> quick(Entry& entry, const CriLine& line, Format format, Run& run) {
    auto& attributes = entry.attributes;
    if (auto set = set_time(entry, line.time, format, run); !set) {
      // What on_error passes on has what was found.
      attributes.set(run.arena, "time", Value::of(line.time));
      attributes.set(run.arena, "stream", Value::of(line.stream));
      attributes.set(run.arena, "logtag", Value::of(line.tag));
      attributes.set(run.arena, "log", Value::of(line.text));
      return set;
    }
    attributes.reserve(run.arena, attributes.size() + 2);
    attributes.set(run.arena, "logtag", Value::of(line.tag));
    attributes.set(run.arena, stream_key, Value::of(line.stream));
    entry.body = Value::of(line.text);
    return add_metadata(entry, run);
  }

  Result<Value> parse(const Value& value, Entry&, Run& run) override {
    if (line_ == nullptr) {
      WEIR_ASSIGN(Value parsed, ottl::parse_json(value.text, run.arena));
      if (parsed.is(ValueType::map)) return parsed;
      if (parsed.is(ValueType::empty)) return Value::of(run.arena.make<Attributes>());
      return fail(Errc::permanent, "json: {} is no object", type_name(parsed));
    }
    auto* map = run.arena.make<Attributes>();
    map->reserve(run.arena, 4);
    map->push_back(run.arena, {"time", Value::of(line_->time)});
    map->push_back(run.arena, {"stream", Value::of(line_->stream)});
    map->push_back(run.arena, {"logtag", Value::of(line_->tag)});
    map->push_back(run.arena, {"log", Value::of(line_->text)});
    return Value::of(map);
  }

  Result<> take_time(Entry& entry, Format format, Run& run) {
    const Value* time = entry.attributes.find("time");
    if (time == nullptr) return fail(Errc::permanent, "failed to parse time: failed to get the time");
    if (!time->is(ValueType::string)) return fail(Errc::permanent, "failed to parse time: type {} cannot be parsed as a time", type_name(*time));
    WEIR_TRY(set_time(entry, time->text, format, run));
    entry.attributes.remove("time");
    return {};
  }

  Result<> set_time(Entry& entry, std::string_view text, Format format, Run& run) {
    bool crio = format == Format::crio;
    if (crio || text.ends_with('Z')) {
      if (auto quick = read_rfc3339(text)) return entry.time = *quick, entry.has_time = true, Result<>{};
    }
    ottl::Value time;
    std::string wrong;
    if (!(crio ? crio_time_ : time_)->read(text, crio ? *local_ : *utc_, run.now, time, wrong)) return fail(Errc::permanent, "failed to parse time: {}", wrong);
    entry.time = time.time.unix_nanos();
    entry.has_time = true;
    return {};
  }

  // log becomes the body, stream gets its name, and the path tells the rest.
  Result<> move_fields(Entry& entry, Run& run) {
    Value value;
    static const Field log(Field::Root::attributes, {"log"}), body(Field::Root::body, {}), stream(Field::Root::attributes, {"stream"}),
        iostream(Field::Root::attributes, {std::string(stream_key)});
    if (!log.take(entry, run.arena, value)) return fail(Errc::permanent, "move: field log does not exist");
    WEIR_TRY(body.set(entry, value, run.arena));
    if (!stream.take(entry, run.arena, value)) return fail(Errc::permanent, "move: field stream does not exist");
    WEIR_TRY(iostream.set(entry, value, run.arena));
    return add_metadata(entry, run);
  }

  Result<> add_metadata(Entry& entry, Run& run) {
    if (!metadata_) return {};
    const Value* path = entry.attributes.find(path_key);
    if (path == nullptr)
      return fail(Errc::permanent, "operator 'container' has 'add_metadata_from_filepath' enabled, but the log record attribute '{}' is missing. Perhaps enable the 'include_file_path' option?", path_key);
    if (!path->is(ValueType::string)) return fail(Errc::permanent, "type '{}' cannot be parsed as log path field", type_name(*path));
    const Metadata& known = metadata_of(path->text);
    if (!known.found) return fail(Errc::permanent, "failed to detect a valid log path");
    auto& resource = entry.resource;
    resource.reserve(run.arena, resource.size() + path_names.size());
    for (std::size_t i = 0; i < path_names.size(); ++i) {
      if (resource.size() == i)
        resource.push_back(run.arena, {path_names[i], Value::of(std::string_view(known.texts[i]))});
      else
        resource.set(run.arena, path_names[i], Value::of(std::string_view(known.texts[i])));
    }
    return {};
  }

  const Metadata& metadata_of(std::string_view path) {
    if (latest_ && latest_path_ == path) return *latest_;
    constexpr std::size_t most_paths = 20'000;
    auto at = paths_.find(path);
    if (at == paths_.end()) {
      if (paths_.size() >= most_paths) paths_.clear();
      at = paths_.emplace(std::string(path), read_path(path)).first;
    }
    latest_path_ = at->first;
    latest_ = &at->second;
    return at->second;
  }
  Metadata read_path(std::string_view path) const {
    Metadata out;
    std::array<std::string_view, path_names.size() + 1> groups;
    RegexText subject(path);
    if (path.contains('\n') || !path_->find(subject, 0, groups)) return out;
    out.found = true;
    for (std::size_t i = 0; i < path_names.size(); ++i) out.texts[i] = groups[i + 1];
    return out;
  }

  // Parts of a line: of the same file and the same stream.
  Then join(Entry& entry, Run& run) {
    const Value *path = entry.attributes.find(path_key), *stream = entry.attributes.find(stream_key), *tag = entry.attributes.find("logtag");
    bool last = tag && tag->is(ValueType::string) && tag->text == "F";
    if (last && !joiner_->holds() && entry.body.is(ValueType::string)) return Then::next;
    source_.clear();
    if (stream && stream->is(ValueType::string)) source_ += stream->text;
    source_ += ' ';
    if (path && path->is(ValueType::string)) source_ += path->text;
    return joiner_->add(entry, source_, last, *this, run) ? Then::next : Then::taken;
  }

  Format format_ = Format::detect;
  bool metadata_ = true, plain_ = false;
  std::optional<Regex> path_;
  std::optional<ottl::TimeLayout> crio_time_, time_;
  std::shared_ptr<const ottl::Zone> local_, utc_;  // shared with the zone database's other users
  std::optional<Joiner> joiner_;
  const CriLine* line_ = nullptr;  // while full() runs
  std::map<std::string, Metadata, std::less<>> paths_;
  std::string_view latest_path_;
  const Metadata* latest_ = nullptr;
  std::string source_;
};

}  // namespace

OperatorType container_operator() { return operator_type<ContainerConfig, Container>("container"); }

}  // namespace weir::stanza
