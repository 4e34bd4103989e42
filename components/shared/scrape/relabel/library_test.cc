// Rules and labels at random, and what the Prometheus library makes of them: the file named by $WEIR_RELABEL_CASES, as
// tools/peer/prometheus/relabel writes it. tests/compat/test_relabel.py runs this.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "base/text.h"
#include "components/shared/scrape/relabel/relabeler.h"

using namespace weir;
using namespace weir::scrape;

namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    std::string_view code = text.substr(i + 1, 2);
    out += code == "25" ? '%' : code == "09" ? '\t' : '\n';
    i += 2;
  }
  return out;
}

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> out;
  for (std::size_t from = 0;;) {
    std::size_t to = std::min(line.find('\t', from), line.size());
    out.push_back(unescape(line.substr(from, to - from)));
    if (to == line.size()) return out;
    from = to + 1;
  }
}

Action action_of(std::string_view name) {
  for (auto& row : choices_of(Action{}))
    if (row.name == name) return static_cast<Action>(row.value);
  FAIL("action " << name);
  return Action::replace;
}

struct Case {
  Naming naming = Naming::utf8;
  std::vector<Rule> rules;
  Labels labels;
  std::string text;  // for messages

  // False with the line that says what comes out.
  bool take(const std::string& line, const std::vector<std::string>& row) {
    if (row[0] == "scheme") {
      *this = {.naming = row[1] == "legacy" ? Naming::legacy : Naming::utf8, .rules = {}, .labels = {}, .text = {}};
    } else if (row[0] == "rule") {
      rules.push_back({.source_labels = {row.begin() + 7, row.end()}, .separator = row[2], .regex = row[3], .modulus = std::stoull(row[4]), .target_label = row[5], .replacement = row[6], .action = action_of(row[1])});
    } else if (row[0] == "label") {
      labels.set(row[1], row[2]);
    } else {
      return false;
    }
    text += line + "\n";
    return true;
  }

  std::vector<std::string> outcome() const {
    auto relabeler = Relabeler::make(rules, naming);
    if (!relabeler) return {"invalid"};
    Labels out = labels;
    if (!relabeler->apply(out)) return {"dropped"};
    std::vector<std::string> row{"kept"};
    for (auto& label : out) {
      row.push_back(label.name);
      row.push_back(label.value);
    }
    return row;
  }
};

}  // namespace

TEST_CASE("relabel: random rules do what the Prometheus library does") {
  const char* path = std::getenv("WEIR_RELABEL_CASES");
  if (!path) return;
  std::ifstream in(path);
  REQUIRE(in);
  std::size_t cases = 0, different = 0;
  Case now;
  for (std::string line; std::getline(in, line);) {
    auto row = fields_of(line);
    if (now.take(line, row)) continue;
    ++cases;
    auto ours = now.outcome();
    if (ours == row) continue;
    if (++different <= 10) MESSAGE(now.text << "library: " << line << "\nweir: " << fmt::format("{}", fmt::join(ours, "\t")));
  }
  MESSAGE(cases << " cases");
  CHECK(different == 0);
  CHECK(cases > 0);
}
