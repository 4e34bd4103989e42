#include "components/processors/redaction/url.h"

#include <cmath>

namespace weir::processors::redaction {
namespace {

// How seldom a letter (column) follows another (row) in English: minus the logarithm of its share, in eighths, from '!' on. The last row
// and column are the space.
constexpr std::string_view seldom[] = {
    R"(l;:@iM;q8iO2=.p<t3=1A?ZKDb6)",
    R"(7]QV)_W[;Ic/UI<]gFAR0fgh6X?)",
    R"(4j@^0fm43q?9Zm-Rl<Q29nkqDq?)",
    R"(:UWB-fTk5e`OUR?JnFAVDX[nPm&)",
    R"(AW65IDF]Pl`AE4]GL22;`LNAJg*)",
    R"(5ncb@Di_-n\9ek/k^?XI<mnm7n+)",
    R"(B_>b/cI64_R>[BAST3;T1^gj`]+)",
    R"(2`Yg'npj.qo`R_8^qMY<PpqqUc4)",
    R"(?B8=94>rjw\7A.5FaC/4lAwVwLA)",
    R"(FYYY#YYYQYYYXY3WYX6YAYMYYYR)",
    R"(:UMN(GNX7\[ABFRSYF7W4\Q\Y\-)",
    R"(4[^@0Z`h1jh3`f3=lV7:<ZZq5q3)",
    R"(->[_,ill1mhH2W96jeG]8j\kVl7)",
    R"(9c=28B2]BfTGME7Tj^90EIjsDf,)",
    R"(MIACP6EfK@P>5/E?s/B62D>TQh3)",
    R"(6fNE-cQ:4nd5]S5<m0D:;QknTn6)",
    R"(VVVFVVVVVVV:VSVPVVTT"UTVVVT)",
    R"(9V<E,N;m5tFN;D2Rs7:@@APoBt/)",
    R"(GnC]2YcC7pMPWT65X_82Be[tMt()",
    R"(:cLa2Xf*3tnBab5Hv?:@GfLnHp.)",
    R"(=@D9;XLoCoo437N5o/2/aoo^onA)",
    R"()eV`*]eb.eeY?_=De_[]]eeeceF)",
    R"(4df\=ed2'fZ4dD7cfDD]dedfff9)",
    R"(0Z<X7ZZR-[[[PZL+[UV2R[ZW<[6)",
    R"(BYPPI```3^eQFF8<gX7HdLYgaV$)",
    R"(,RRR+RNR=RRQOR)RRQNRARRRQQ>)",
    R"(2;6=>8@I4RMB>=7:M<80AC;jLUJ)",
};
constexpr double unit = 0.125, usual_share = 0.0125;
constexpr std::size_t most_parts = 10;

std::optional<std::size_t> column_of(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (c == ' ') return 26;
  return c >= 'a' && c <= 'z' ? std::optional(static_cast<std::size_t>(c - 'a')) : std::nullopt;
}

// Whether its letters follow each other as they do in words, on average.
bool is_word(std::string_view text) {
  double sum = 0;
  std::size_t pairs = 0;
  std::optional<std::size_t> last;
  for (char c : text) {
    auto column = column_of(c);
    if (!column) continue;
    bool spaces = c == ' ' && last == column;
    if (last && !spaces) sum -= unit * (seldom[*last][*column] - '!'), ++pairs;
    last = column;
  }
  return pairs == 0 || std::exp(sum / static_cast<double>(pairs)) > usual_share;
}

// Letters and what joins words; one other character in second place, as in v1.
bool has_usual_characters(std::string_view part) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    bool usual = column_of(part[i]) || std::string_view("-_.").find(part[i]) != std::string_view::npos;
    if (!usual && i != 1) return false;
  }
  return true;
}

}  // namespace

std::string url_without_ids(std::string_view url) {
  std::size_t path_end = url.find_first_of("?&#");
  std::string_view path = url.substr(0, path_end);
  std::string out;
  for (std::size_t number = 0, at = 0; number < most_parts; ++number) {
    std::size_t slash = path.find('/', at);
    std::string_view part = path.substr(at, slash - at);
    bool before_query = slash == path.npos && path_end != url.npos;
    if (number > 0) out += '/';
    if (has_usual_characters(part) && (before_query || is_word(part))) out += part;
    else out += '*';
    if (slash == path.npos) break;
    at = slash + 1;
  }
  return out;
}

bool all_ids(std::string_view url) { return url.find('*') != url.npos && url.find_first_not_of("*/") == url.npos && url.find("**") == url.npos; }

}  // namespace weir::processors::redaction
