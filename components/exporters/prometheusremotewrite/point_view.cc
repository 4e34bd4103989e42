#include "components/exporters/prometheusremotewrite/point_view.h"

#include "components/shared/prometheus_translation/translation.h"
#include "otlp/wire.h"

namespace weir::exporters::prometheusremotewrite {
namespace {

using otlp::MetricType;
using otlp::Reader;
using otlp::WireType;

template <class T>
T at(std::string_view run, std::size_t i) {
  T out;
  std::memcpy(&out, run.data() + 8 * i, sizeof out);
  return out;
}

// Attributes one behind the other are one text.
bool add_attribute(Reader& reader, PointView& out) {
  reader.bytes();
  std::string_view field = reader.whole();
  if (out.attributes.empty()) out.attributes = field;
  else if (out.attributes.data() + out.attributes.size() == field.data()) out.attributes = {out.attributes.data(), out.attributes.size() + field.size()};
  else return false;
  return true;
}

bool set_run(Reader& reader, std::string_view& out) {
  if (!reader.is(WireType::bytes) || !out.empty()) return false;
  out = reader.bytes();
  return out.size() % 8 == 0;
}

void set_flags(Reader& reader, PointView& out) { out.stale = (reader.varint() & prometheus::no_recorded_value) != 0; }

bool number_field(Reader& reader, PointView& out) {
  switch (reader.field()) {
    case 2: out.start = reader.fixed64(); return true;
    case 3: out.time = reader.fixed64(); return true;
    case 4: out.value = reader.real(); return true;
    case 6: out.value = static_cast<double>(static_cast<std::int64_t>(reader.fixed64())); return true;
    case 7: return add_attribute(reader, out);
    case 8: set_flags(reader, out); return true;
    default: return false;
  }
}

bool histogram_field(Reader& reader, PointView& out) {
  switch (reader.field()) {
    case 2: out.start = reader.fixed64(); return true;
    case 3: out.time = reader.fixed64(); return true;
    case 4: out.count = reader.fixed64(); return true;
    case 5: out.has_sum = true, out.sum = reader.real(); return true;
    case 6: return set_run(reader, out.counts);
    case 7: return set_run(reader, out.bounds);
    case 9: return add_attribute(reader, out);
    case 10: set_flags(reader, out); return true;
    case 11:
    case 12: reader.skip(); return true;  // the smallest and the largest value
    default: return false;
  }
}

std::pair<double, double> quantile_of(std::string_view message) {
  std::pair<double, double> out;
  Reader reader(message);
  while (reader.next()) {
    if (reader.field() == 1) out.first = reader.real();
    else if (reader.field() == 2) out.second = reader.real();
    else reader.skip();
  }
  return out;
}

bool summary_field(Reader& reader, PointView& out) {
  switch (reader.field()) {
    case 2: out.start = reader.fixed64(); return true;
    case 3: out.time = reader.fixed64(); return true;
    case 4: out.count = reader.fixed64(); return true;
    case 5: out.sum = reader.real(); return true;
    case 6: out.quantiles.push_back(quantile_of(reader.bytes())); return true;
    case 7: return add_attribute(reader, out);
    case 8: set_flags(reader, out); return true;
    default: return false;
  }
}

}  // namespace

double PointView::bound(std::size_t i) const { return at<double>(bounds, i); }
std::uint64_t PointView::bucket(std::size_t i) const { return at<std::uint64_t>(counts, i); }

bool read(MetricType type, std::string_view bytes, PointView& out) {
  auto quantiles = std::move(out.quantiles);
  quantiles.clear();
  out = {};
  out.quantiles = std::move(quantiles);
  auto field = type == MetricType::histogram ? histogram_field : type == MetricType::summary ? summary_field : number_field;
  Reader reader(bytes);
  while (reader.next())
    if (!field(reader, out)) return false;
  return reader.ok();
}

std::string_view data_of(std::string_view metric, MetricType type) {
  std::uint32_t number = type == MetricType::gauge ? 5 : type == MetricType::sum ? 7 : type == MetricType::histogram ? 9 : type == MetricType::summary ? 11 : 0;
  std::string_view out;
  Reader reader(metric);
  while (reader.next()) {
    std::uint32_t field = reader.field();
    if (field != 5 && field != 7 && field != 9 && field != 10 && field != 11) {
      reader.skip();
      continue;
    }
    if (field != number || !reader.is(WireType::bytes) || !out.empty()) return {};
    out = reader.bytes();
  }
  return out;
}

}  // namespace weir::exporters::prometheusremotewrite
