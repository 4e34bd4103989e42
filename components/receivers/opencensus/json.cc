#include "components/receivers/opencensus/json.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <ranges>

#include "base/number.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "components/shared/trace_writer/trace_writer.h"
#include "otlp/wire.h"

namespace weir::receivers::opencensus {
namespace {

namespace dom = simdjson::dom;

enum class Kind : std::uint8_t { text, bytes, integer, real, boolean, choice, time, message, wrapped_integer, wrapped_real, wrapped_boolean };

struct Message;
struct Field {
  std::string_view name;  // as in the .proto file
  std::uint32_t number;
  Kind kind;
  const Message* message = nullptr;  // message, and choice: its words
  bool repeated = false, map = false;  // map: keys are texts, `kind` is that of the values
};
struct Message {
  std::span<const Field> fields;
  std::span<const std::string_view> words = {};  // of a choice, by number
};

constexpr std::string_view language_words[] = {"LANGUAGE_UNSPECIFIED", "CPP", "C_SHARP", "ERLANG", "GO_LANG", "JAVA", "NODE_JS", "PHP", "PYTHON", "RUBY", "WEB_JS"};
constexpr std::string_view kind_words[] = {"SPAN_KIND_UNSPECIFIED", "SERVER", "CLIENT"};
constexpr std::string_view event_words[] = {"TYPE_UNSPECIFIED", "SENT", "RECEIVED"};
constexpr std::string_view metric_words[] = {"UNSPECIFIED",       "GAUGE_INT64",             "GAUGE_DOUBLE", "GAUGE_DISTRIBUTION", "CUMULATIVE_INT64",
                                             "CUMULATIVE_DOUBLE", "CUMULATIVE_DISTRIBUTION", "SUMMARY"};
constexpr Message languages{{}, language_words}, kinds{{}, kind_words}, event_types{{}, event_words}, metric_types{{}, metric_words};

constexpr Field string_fields[] = {{"value", 1, Kind::text}};
constexpr Message truncatable{string_fields};

constexpr Field identifier_fields[] = {{"host_name", 1, Kind::text}, {"pid", 2, Kind::integer}, {"start_timestamp", 3, Kind::time}};
constexpr Message identifier{identifier_fields};
constexpr Field library_fields[] = {{"language", 1, Kind::choice, &languages}, {"exporter_version", 2, Kind::text}, {"core_library_version", 3, Kind::text}};
constexpr Message library{library_fields};
constexpr Field service_fields[] = {{"name", 1, Kind::text}};
constexpr Message service{service_fields};
constexpr Field node_fields[] = {{"identifier", 1, Kind::message, &identifier},
                                 {"library_info", 2, Kind::message, &library},
                                 {"service_info", 3, Kind::message, &service},
                                 {"attributes", 4, Kind::text, nullptr, false, true}};
constexpr Message node{node_fields};
constexpr Field resource_fields[] = {{"type", 1, Kind::text}, {"labels", 2, Kind::text, nullptr, false, true}};
constexpr Message resource{resource_fields};

constexpr Field value_fields[] = {{"string_value", 1, Kind::message, &truncatable}, {"int_value", 2, Kind::integer}, {"bool_value", 3, Kind::boolean}, {"double_value", 4, Kind::real}};
constexpr Message attribute_value{value_fields};
constexpr Field attributes_fields[] = {{"attribute_map", 1, Kind::message, &attribute_value, false, true}, {"dropped_attributes_count", 2, Kind::integer}};
constexpr Message attributes{attributes_fields};
constexpr Field state_entry_fields[] = {{"key", 1, Kind::text}, {"value", 2, Kind::text}};
constexpr Message state_entry{state_entry_fields};
constexpr Field state_fields[] = {{"entries", 1, Kind::message, &state_entry, true}};
constexpr Message trace_state{state_fields};
constexpr Field annotation_fields[] = {{"description", 1, Kind::message, &truncatable}, {"attributes", 2, Kind::message, &attributes}};
constexpr Message annotation{annotation_fields};
constexpr Field message_event_fields[] = {{"type", 1, Kind::choice, &event_types}, {"id", 2, Kind::integer}, {"uncompressed_size", 3, Kind::integer}, {"compressed_size", 4, Kind::integer}};
constexpr Message message_event{message_event_fields};
constexpr Field event_fields[] = {{"time", 1, Kind::time}, {"annotation", 2, Kind::message, &annotation}, {"message_event", 3, Kind::message, &message_event}};
constexpr Message event{event_fields};
constexpr Field events_fields[] = {{"time_event", 1, Kind::message, &event, true}, {"dropped_annotations_count", 2, Kind::integer}, {"dropped_message_events_count", 3, Kind::integer}};
constexpr Message events{events_fields};
constexpr Field link_fields[] = {{"trace_id", 1, Kind::bytes}, {"span_id", 2, Kind::bytes}, {"attributes", 4, Kind::message, &attributes}, {"tracestate", 5, Kind::message, &trace_state}};
constexpr Message link{link_fields};
constexpr Field links_fields[] = {{"link", 1, Kind::message, &link, true}, {"dropped_links_count", 2, Kind::integer}};
constexpr Message links{links_fields};
constexpr Field status_fields[] = {{"code", 1, Kind::integer}, {"message", 2, Kind::text}};
constexpr Message status{status_fields};
constexpr Field span_fields[] = {{"trace_id", 1, Kind::bytes},
                                 {"span_id", 2, Kind::bytes},
                                 {"parent_span_id", 3, Kind::bytes},
                                 {"name", 4, Kind::message, &truncatable},
                                 {"start_time", 5, Kind::time},
                                 {"end_time", 6, Kind::time},
                                 {"attributes", 7, Kind::message, &attributes},
                                 {"time_events", 9, Kind::message, &events},
                                 {"links", 10, Kind::message, &links},
                                 {"status", 11, Kind::message, &status},
                                 {"same_process_as_parent_span", 12, Kind::wrapped_boolean},
                                 {"kind", 14, Kind::choice, &kinds},
                                 {"tracestate", 15, Kind::message, &trace_state},
                                 {"resource", 16, Kind::message, &resource}};
constexpr Message span{span_fields};

constexpr Field label_key_fields[] = {{"key", 1, Kind::text}};
constexpr Message label_key{label_key_fields};
constexpr Field descriptor_fields[] = {{"name", 1, Kind::text}, {"description", 2, Kind::text}, {"unit", 3, Kind::text}, {"type", 4, Kind::choice, &metric_types}, {"label_keys", 5, Kind::message, &label_key, true}};
constexpr Message descriptor{descriptor_fields};
constexpr Field label_value_fields[] = {{"value", 1, Kind::text}, {"has_value", 2, Kind::boolean}};
constexpr Message label_value{label_value_fields};
constexpr Field exemplar_fields[] = {{"value", 1, Kind::real}, {"timestamp", 2, Kind::time}, {"attachments", 3, Kind::text, nullptr, false, true}};
constexpr Message exemplar{exemplar_fields};
constexpr Field bucket_fields[] = {{"count", 1, Kind::integer}, {"exemplar", 2, Kind::message, &exemplar}};
constexpr Message bucket{bucket_fields};
constexpr Field explicit_fields[] = {{"bounds", 1, Kind::real, nullptr, true}};
constexpr Message explicit_bounds{explicit_fields};
constexpr Field options_fields[] = {{"explicit", 1, Kind::message, &explicit_bounds}};
constexpr Message bucket_options{options_fields};
constexpr Field distribution_fields[] = {{"count", 1, Kind::integer}, {"sum", 2, Kind::real}, {"bucket_options", 4, Kind::message, &bucket_options}, {"buckets", 5, Kind::message, &bucket, true}};
constexpr Message distribution{distribution_fields};
constexpr Field percentile_fields[] = {{"percentile", 1, Kind::real}, {"value", 2, Kind::real}};
constexpr Message percentile{percentile_fields};
constexpr Field snapshot_fields[] = {{"percentile_values", 3, Kind::message, &percentile, true}};
constexpr Message snapshot{snapshot_fields};
constexpr Field summary_fields[] = {{"count", 1, Kind::wrapped_integer}, {"sum", 2, Kind::wrapped_real}, {"snapshot", 3, Kind::message, &snapshot}};
constexpr Message summary{summary_fields};
constexpr Field point_fields[] = {{"timestamp", 1, Kind::time},
                                  {"int64_value", 2, Kind::integer},
                                  {"double_value", 3, Kind::real},
                                  {"distribution_value", 4, Kind::message, &distribution},
                                  {"summary_value", 5, Kind::message, &summary}};
constexpr Message point{point_fields};
constexpr Field series_fields[] = {{"start_timestamp", 1, Kind::time}, {"label_values", 2, Kind::message, &label_value, true}, {"points", 3, Kind::message, &point, true}};
constexpr Message series{series_fields};
constexpr Field metric_fields[] = {{"metric_descriptor", 1, Kind::message, &descriptor}, {"timeseries", 2, Kind::message, &series, true}, {"resource", 3, Kind::message, &resource}};
constexpr Message metric{metric_fields};

constexpr Field traces_fields[] = {{"node", 1, Kind::message, &node}, {"spans", 2, Kind::message, &span, true}, {"resource", 3, Kind::message, &resource}};
constexpr Message traces_request{traces_fields};
constexpr Field metrics_fields[] = {{"node", 1, Kind::message, &node}, {"metrics", 2, Kind::message, &metric, true}, {"resource", 3, Kind::message, &resource}};
constexpr Message metrics_request{metrics_fields};

// "startTime" or "start_time".
bool is_name(std::string_view given, std::string_view name) {
  if (given == name) return true;
  std::size_t at = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '_' && ++i < name.size()) c = static_cast<char>(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    if (at >= given.size() || given[at++] != c) return false;
  }
  return at == given.size();
}

std::unexpected<Error> wrong(const Field& field, std::string_view wanted) {
  return fail(Errc::invalid, "not an OpenCensus request: {} is no {}", field.name, wanted);
}

Result<std::uint64_t> integer_of(const Field& field, dom::element value) {
  if (std::int64_t number; !value.get(number)) return static_cast<std::uint64_t>(number);
  if (std::uint64_t number; !value.get(number)) return number;
  if (double number; !value.get(number) && number == std::floor(number) && std::abs(number) < 9.2e18) return static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  std::string_view text;
  std::int64_t number = 0;
  if (value.get(text)) return wrong(field, "number");
  if (auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number); error == std::errc() && end == text.data() + text.size())
    return static_cast<std::uint64_t>(number);
  std::uint64_t large = 0;
  if (auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), large); error == std::errc() && end == text.data() + text.size()) return large;
  return wrong(field, "number");
}

Result<double> real_of(const Field& field, dom::element value) {
  if (double number; !value.get(number)) return number;
  if (std::int64_t number; !value.get(number)) return static_cast<double>(number);
  if (std::uint64_t number; !value.get(number)) return static_cast<double>(number);
  std::string_view text;
  if (value.get(text)) return wrong(field, "number");
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double number = 0;
  if (auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number); error == std::errc() && end == text.data() + text.size()) return number;
  return wrong(field, "number");
}

class Transcoder {
 public:
  // The fields of an object, last to first.
  Result<> object(const Message& message, dom::element value) {
    dom::object members;
    if (value.get(members)) return fail(Errc::invalid, "not an OpenCensus request: an object is missing");
    for (auto [key, member] : members) {
      auto field = std::ranges::find_if(message.fields, [&](auto& f) { return is_name(key, f.name); });
      if (field != message.fields.end() && !member.is_null()) WEIR_TRY(member_of(*field, member));
    }
    return {};
  }
  otlp::Writer& out() { return out_; }

 private:
  Result<> member_of(const Field& field, dom::element value) {
    if (field.map) return map(field, value);
    if (!field.repeated) return single(field, field.number, value);
    dom::array list;
    if (value.get(list)) return wrong(field, "list");
    // What is written last stands first.
    std::vector<dom::element> elements(list.begin(), list.end());
    for (auto& element : std::views::reverse(elements)) WEIR_TRY(single(field, field.number, element));
    return {};
  }

  Result<> map(const Field& field, dom::element value) {
    dom::object members;
    if (value.get(members)) return wrong(field, "object");
    for (auto [key, member] : members) {
      std::size_t mark = out_.size();
      WEIR_TRY(single(field, 2, member));
      out_.bytes(1, key);
      out_.close(field.number, mark);
    }
    return {};
  }

  Result<> single(const Field& field, std::uint32_t number, dom::element value) {
    std::string_view text;
    bool truth = false;
    std::size_t mark = out_.size();
    switch (field.kind) {
      case Kind::text:
        if (value.get(text)) return wrong(field, "text");
        out_.bytes(number, text);
        return {};
      case Kind::bytes: return binary(field, number, value);
      case Kind::integer:
      case Kind::wrapped_integer: {
        WEIR_ASSIGN(std::uint64_t whole, integer_of(field, value));
        if (field.kind == Kind::integer) return out_.number(number, whole), Result<>();
        out_.number(1, whole);
        break;
      }
      case Kind::real:
      case Kind::wrapped_real: {
        WEIR_ASSIGN(double real, real_of(field, value));
        if (field.kind == Kind::real) return out_.real(number, real), Result<>();
        out_.real(1, real);
        break;
      }
      case Kind::boolean:
      case Kind::wrapped_boolean:
        if (value.get(truth)) return wrong(field, "boolean");
        if (field.kind == Kind::boolean) return out_.number(number, truth), Result<>();
        out_.number(1, truth);
        break;
      case Kind::choice: return choice(field, number, value);
      case Kind::time: WEIR_TRY(time(field, value)); break;
      case Kind::message: WEIR_TRY(object(*field.message, value)); break;
    }
    out_.close(number, mark);
    return {};
  }

  Result<> binary(const Field& field, std::uint32_t number, dom::element value) {
    std::string_view text;
    std::string bytes;
    if (value.get(text)) return wrong(field, "text");
    std::string standard(text);
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    while (standard.size() % 4 != 0) standard += '=';
    if (!decode_base64(standard, bytes)) return wrong(field, "base64");
    out_.bytes(number, bytes);
    return {};
  }

  Result<> choice(const Field& field, std::uint32_t number, dom::element value) {
    if (std::string_view text; !value.get(text)) {
      auto words = field.message->words;
      auto at = std::ranges::find(words, text);
      if (at == words.end()) return wrong(field, "known word");
      out_.number(number, static_cast<std::uint64_t>(at - words.begin()));
      return {};
    }
    WEIR_ASSIGN(std::uint64_t whole, integer_of(field, value));
    out_.number(number, whole);
    return {};
  }

  Result<> time(const Field& field, dom::element value) {
    std::string_view text;
    if (value.get(text)) return wrong(field, "time");
    auto nanos = parse_rfc3339(text);
    if (!nanos) return wrong(field, "time");
    constexpr std::int64_t second = 1'000'000'000;
    std::int64_t seconds = *nanos / second - (*nanos % second < 0 ? 1 : 0);
    out_.put_number(2, static_cast<std::uint64_t>(*nanos - seconds * second));
    out_.put_number(1, static_cast<std::uint64_t>(seconds));
    return {};
  }

  otlp::Writer out_;
};

// What simdjson's tree and the encoded message take of the text: numbers in lists ("1,") become ten bytes each, and elements of lists are
// turned around in a list of their own.
constexpr std::size_t tree_factor = 12, output_factor = 16;

}  // namespace

Result<std::vector<std::string>> from_json(otlp::Signal signal, std::string_view body, Charge& charge) {
  std::size_t before = charge.bytes();
  if (!charge.grow(body.size() * (tree_factor + output_factor))) return fail(no_room());
  dom::parser parser;
  dom::document_stream documents;
  if (parser.parse_many(body.data(), body.size(), std::max<std::size_t>(body.size(), 1024)).get(documents)) return fail(Errc::invalid, "not an OpenCensus request: no JSON");
  std::vector<std::string> out;
  std::size_t kept = 0;
  for (auto document : documents) {
    dom::element root;
    if (auto error = document.get(root)) return fail(Errc::invalid, "not an OpenCensus request: {}", simdjson::error_message(error));
    Transcoder transcoder;
    WEIR_TRY(transcoder.object(signal == otlp::Signal::traces ? traces_request : metrics_request, root));
    kept += transcoder.out().size();
    out.emplace_back(transcoder.out().view());
  }
  if (documents.truncated_bytes() > 0) return fail(Errc::invalid, "not an OpenCensus request: the JSON ends too early");
  charge.shrink_to(before + kept);
  return out;
}

}  // namespace weir::receivers::opencensus
