// The text format 0.0.4 and OpenMetrics.
#include <cmath>

#include "base/text.h"
#include "components/exporters/prometheus/exposition.h"
#include "components/exporters/prometheus/labels.h"
#include "prometheus/number.h"

namespace weir::exporters::prometheus {
namespace {

using weir::prometheus::Escaping;

class TextWriter : public Writer {
 public:
  TextWriter(Format format, bool timestamps)
      : openmetrics_(format.kind == Format::Kind::openmetrics), escaping_(format.escaping), timestamps_(timestamps) {}

  bool begin(std::string_view name, std::string_view help, Type type, bool again, std::string& out) override {
    name_ = weir::prometheus::is_plain_name(name) ? std::string(name) : escape_name(name, escaping_);
    type_ = type;
    if (again) return true;
    std::string_view head = name_, word = type_name();
    if (openmetrics_ && type == Type::counter) {
      if (head.ends_with("_total"))
        head.remove_suffix(6);
      else
        word = "unknown";
    }
    out += "# HELP ";
    append_name(out, head);
    out += ' ';
    append_escaped(out, help, openmetrics_);
    out += "\n# TYPE ";
    append_name(out, head);
    out += ' ';
    out += word;
    out += '\n';
    return true;
  }

  void series(const Series& s, std::string& out) override {
    std::string escaped;
    labels_ = s.labels;
    if (escaping_ != Escaping::none && s.labels.find("\"=\"") != s.labels.npos && has_quoted_name(s.labels)) {
      escaped = with_escaped_names(s.labels, escaping_);
      labels_ = escaped;
    }
    switch (type_) {
      case Type::gauge: return sample(s, "", s.value, out);
      case Type::counter: return counter(s, out);
      case Type::summary: return summary(s, out);
      case Type::histogram: return histogram(s, out);
    }
  }

  void end(std::string&) override {}
  void finish(std::string& out) override {
    if (openmetrics_) out += "# EOF\n";
  }

 private:
  std::string_view type_name() const {
    switch (type_) {
      case Type::counter: return "counter";
      case Type::gauge: return "gauge";
      case Type::summary: return "summary";
      case Type::histogram: return "histogram";
    }
    return "";
  }

  void number(std::string& out, double value) const {
    if (openmetrics_)
      weir::prometheus::append_openmetrics_number(out, value);
    else
      weir::prometheus::append_number(out, value);
  }
  void whole(std::string& out, std::uint64_t value) const {
    if (openmetrics_)
      out += std::to_string(value);
    else
      weir::prometheus::append_number(out, static_cast<double>(value));
  }

  // Name and labels, with one more that is a number if `extra` is a name.
  void head(std::string_view suffix, std::string_view extra, double extra_value, std::string& out) const {
    bool plain = weir::prometheus::is_plain_name(name_);
    bool any = !labels_.empty() || !extra.empty();
    if (plain) {
      out += name_;
      out += suffix;
      if (any) out += '{';
    } else {
      out += '{';
      append_name(out, name_ + std::string(suffix));
      if (any) out += ',';
    }
    out += labels_;
    if (!extra.empty()) {
      if (!labels_.empty()) out += ',';
      out += extra;
      out += "=\"";
      number(out, extra_value);
      out += '"';
    }
    if (any || !plain) out += '}';
    out += ' ';
  }

  void tail(const Series& s, const ExemplarValue* exemplar, std::string& out) const {
    if (timestamps_ && s.time != 0) {
      out += ' ';
      auto ms = static_cast<std::int64_t>(s.time / 1'000'000);
      if (openmetrics_)
        number(out, static_cast<double>(ms) / 1000);
      else
        out += std::to_string(ms);
    }
    if (openmetrics_ && exemplar != nullptr) write(*exemplar, out);
    out += '\n';
  }

  void write(const ExemplarValue& e, std::string& out) const {
    if (e.trace_id.empty() && e.span_id.empty()) return;
    out += " # {";
    if (!e.span_id.empty()) out += "span_id=\"" + to_hex(e.span_id.view()) + (e.trace_id.empty() ? "\"" : "\",");
    if (!e.trace_id.empty()) out += "trace_id=\"" + to_hex(e.trace_id.view()) + "\"";
    out += "} ";
    number(out, e.value);
    if (e.time != 0) {
      out += ' ';
      number(out, static_cast<double>(e.time) / 1e9);
    }
  }

  void sample(const Series& s, std::string_view suffix, double value, std::string& out) const {
    head(suffix, "", 0, out);
    number(out, value);
    tail(s, nullptr, out);
  }

  void counter(const Series& s, std::string& out) const {
    head("", "", 0, out);
    number(out, s.value);
    tail(s, s.exemplars.empty() ? nullptr : &s.exemplars.back(), out);
  }

  void count(const Series& s, std::string& out) const {
    head("_count", "", 0, out);
    whole(out, s.distribution->sum.count);
    tail(s, nullptr, out);
  }

  void summary(const Series& s, std::string& out) const {
    for (auto [quantile, value] : s.distribution->quantiles) {
      head("", "quantile", quantile, out);
      number(out, value);
      tail(s, nullptr, out);
    }
    sample(s, "_sum", s.distribution->sum.sum, out);
    count(s, out);
  }

  void bucket(const Series& s, const ClassicBucket& b, std::string& out) const {
    head("_bucket", "le", b.bound, out);
    whole(out, b.count);
    tail(s, b.exemplar, out);
  }

  void histogram(const Series& s, std::string& out) const {
    bool infinite = false;
    for (auto& b : classic_buckets(s)) {
      bucket(s, b, out);
      infinite = infinite || std::isinf(b.bound);
    }
    if (!infinite) bucket(s, {INFINITY, s.distribution->sum.count}, out);
    sample(s, "_sum", s.distribution->sum.sum, out);
    count(s, out);
  }

  bool openmetrics_;
  Escaping escaping_;
  bool timestamps_;
  std::string name_;
  Type type_ = Type::gauge;
  std::string_view labels_;  // of the series at hand
};

}  // namespace

std::unique_ptr<Writer> make_text_writer(Format format, bool timestamps) { return std::make_unique<TextWriter>(format, timestamps); }

}  // namespace weir::exporters::prometheus
