#include "prometheus/names.h"

#include <doctest/doctest.h>

#include "prometheus/escaping.h"
#include "prometheus/number.h"

using namespace weir;
using namespace weir::prometheus;

TEST_CASE("metric names: units, totals and ratios are appended in the standard strategy") {
  using enum MetricKind;
  struct { std::string_view name, unit; MetricKind kind; std::string_view out; } const rows[] = {
      {"my.gauge", "s", gauge, "my_gauge_seconds"},
      {"my.gauge", "kBy", gauge, "my_gauge_kBy"},
      {"my.gauge", "By/s", gauge, "my_gauge_bytes_per_second"},
      {"my.gauge", "{packets}/s", gauge, "my_gauge_per_second"},
      {"my.gauge", "By/{op}", gauge, "my_gauge_bytes"},
      {"my.gauge", "weird unit", gauge, "my_gauge_weird_unit"},
      {"my.gauge", "1/s", gauge, "my_gauge_per_second"},
      {"my.gauge", "1", gauge, "my_gauge_ratio"},
      {"ratio.of.two", "1", gauge, "of_two_ratio"},
      {"up", "1", up_down_counter, "up"},
      {"hits", "1", counter, "hits_total"},
      {"total.hits", "", counter, "hits_total"},
      {"request.seconds.total", "s", counter, "request_seconds_total"},
      {"traces_service_graph_request_total", "", counter, "traces_service_graph_request_total"},
      {"9starts", "s", counter, "_9starts_seconds_total"},
      {"_lead", "By", gauge, "lead_bytes"},
      {"colon:name", "By", gauge, "colon:name_bytes"},
      {"größe", "", gauge, "gr_e"},
  };
  for (auto& row : rows) {
    CAPTURE(row.name);
    CHECK(MetricNamer{}.build(row.name, row.unit, row.kind).value() == row.out);
  }
  CHECK_FALSE(MetricNamer{}.build("...", "", gauge).has_value());
  CHECK_FALSE(MetricNamer{}.build("", "", gauge).has_value());
  CHECK(MetricNamer{"my.ns-x"}.build("a", "s", gauge).value() == "my_ns_x_a_seconds");
}

TEST_CASE("metric names: the other strategies") {
  using enum MetricKind;
  CHECK(MetricNamer{"", Strategy::underscores}.build("a..b-c__d", "s", counter).value() == "a_b_c__d");
  CHECK(MetricNamer{"n.s", Strategy::underscores}.build("a.b", "s", counter).value() == "n_s_a_b");
  CHECK(MetricNamer{"", Strategy::underscores}.build("1.b", "s", counter).value() == "_1_b");
  CHECK(MetricNamer{"", Strategy::none}.build("a.b", "s", counter).value() == "a.b");
  CHECK(MetricNamer{"n", Strategy::utf8_with_suffixes}.build("a.b", "s", counter).value() == "n_a.b_seconds_total");
  CHECK(MetricNamer{"", Strategy::utf8_with_suffixes}.build("a.b.total", "By/s", counter).value() == "a.b_bytes_per_second_total");
  CHECK(MetricNamer{"", Strategy::utf8_with_suffixes}.build("a.b_seconds", "s", gauge).value() == "a.b_seconds");
  CHECK(MetricNamer{"", Strategy::utf8_with_suffixes}.build("a_ratio", "1", gauge).value() == "a_ratio");
}

TEST_CASE("label names: what each way of writing them does") {
  CHECK(LabelNamer{}.build("http.status_code").value() == "http_status_code");
  CHECK(LabelNamer{}.build("a..b").value() == "a_b");
  CHECK(LabelNamer{.keep_underscores = true}.build("a..b").value() == "a__b");
  CHECK(LabelNamer{}.build("0day").value() == "key_0day");
  CHECK(LabelNamer{}.build("_a").value() == "_a");
  CHECK(LabelNamer{.prefix_underscore = true}.build("_a").value() == "key_a");
  CHECK(LabelNamer{.keep_underscores = true, .prefix_underscore = true}.build("__a").value() == "__a");
  CHECK(LabelNamer{}.build("__na.me__").value() == "__na_me__");
  CHECK(LabelNamer{}.build("über").value() == "_ber");
  CHECK(LabelNamer{.utf8 = true}.build("a.b").value() == "a.b");
  CHECK_FALSE(LabelNamer{}.build("").has_value());
  CHECK_FALSE(LabelNamer{}.build("-").has_value());
  CHECK_FALSE(LabelNamer{.utf8 = true}.build("__").has_value());
}

TEST_CASE("units and suffixes, there and back") {
  for (auto unit : {"s", "By", "By/s", "m", "Hz", "%", "KiBy/h"}) CHECK(unit_of_name(unit_name(unit)) == unit);
  CHECK(unit_name("1") == "");
  CHECK(unit_name("{req}/s") == "per_second");
  CHECK(unit_of_name("ratio") == "1");
  CHECK(unit_of_name("widgets") == "widgets");
  CHECK(trim_suffixes("a_bytes_total", MetricKind::counter, "bytes") == "a");
  CHECK(trim_suffixes("a_bytes_per_second", MetricKind::gauge, "bytes_per_second") == "a");
  CHECK(trim_suffixes("bytes", MetricKind::gauge, "bytes") == "bytes");
  CHECK(trim_suffixes("a_total", MetricKind::gauge, "") == "a_total");
}

TEST_CASE("escaped names: all schemes, and back where that can be") {
  CHECK(escape_name("a.b", Escaping::none) == "a.b");
  CHECK(escape_name("a.b/c", Escaping::underscores) == "a_b_c");
  CHECK(escape_name("1a", Escaping::underscores) == "_a");
  CHECK(escape_name("a.b_c/d", Escaping::dots) == "a_dot_b__c__d");
  CHECK(escape_name("plain_name", Escaping::values) == "plain_name");
  CHECK(escape_name("a.b_c", Escaping::values) == "U__a_2e_b__c");
  CHECK(escape_name("größe", Escaping::values) == "U__gr_f6__df_e");
  CHECK(escape_name("\xff.", Escaping::values) == "U___fffd__2e_");
  for (auto name : {"a.b_c", "größe", "1st", "日本 x", "plain"})
    CHECK(unescape_name(escape_name(name, Escaping::values), Escaping::values) == name);
  CHECK(unescape_name(escape_name("a.b_c", Escaping::dots), Escaping::dots) == "a.b_c");
  for (auto bad : {"U__a_2e", "U___", "U__a_zz_", "U__a_1234567_", "U__a_d800_"}) CHECK(unescape_name(bad, Escaping::values) == bad);
  CHECK(escaping_of("dots") == Escaping::dots);
  CHECK_FALSE(escaping_of("other"));
  CHECK(is_plain_name("a:b_1"));
  CHECK_FALSE(is_plain_name("1a"));
  CHECK_FALSE(is_plain_name(""));
}

TEST_CASE("numbers as the text formats have them") {
  struct { double value; std::string_view text, openmetrics, plain; } const rows[] = {
      {1, "1", "1.0", "1"},
      {-0.0, "0", "0.0", "-0"},
      {1.5, "1.5", "1.5", "1.5"},
      {100000, "100000", "100000.0", "100000"},
      {1e6, "1e+06", "1e+06", "1000000"},
      {1234567, "1.234567e+06", "1.234567e+06", "1234567"},
      {1e21, "1e+21", "1e+21", "1000000000000000000000"},
      {0.0001, "0.0001", "0.0001", "0.0001"},
      {0.00001, "1e-05", "1e-05", "0.00001"},
      {-2.5e-7, "-2.5e-07", "-2.5e-07", "-0.00000025"},
      {123456.789, "123456.789", "123456.789", "123456.789"},
      {9007199254740993e3, "9.007199254740993e+18", "9.007199254740993e+18", "9007199254740993000"},
  };
  for (auto& row : rows) {
    CAPTURE(row.text);
    std::string text, openmetrics;
    append_number(text, row.value);
    append_openmetrics_number(openmetrics, row.value);
    CHECK(text == row.text);
    CHECK(openmetrics == row.openmetrics);
    CHECK(plain_number(row.value) == row.plain);
  }
  std::string text;
  for (double v : {1.0 / 0.0, -1.0 / 0.0, stale_marker()}) append_number(text, v);
  CHECK(text == "+Inf-InfNaN");
  CHECK(is_stale_marker(stale_marker()));
  CHECK_FALSE(is_stale_marker(std::stod("nan")));
}
