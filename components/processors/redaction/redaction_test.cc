#include <doctest/doctest.h>

#include "components/processors/redaction/masking.h"

using namespace weir;
using namespace weir::processors::redaction;

namespace {

std::string masked(std::string_view text, std::string_view pattern, Hash hash = Hash::none, std::string_view key = {}) {
  auto regex = Regex::compile(pattern);
  REQUIRE(regex);
  return mask(text, *regex, hash, key);
}

}  // namespace

TEST_CASE("redaction: every match is replaced, as Go does it") {
  CHECK(masked("a4111b4222", "4[0-9]{3}") == "a****b****");
  CHECK(masked("abc", ".*") == "****");
  CHECK(masked("", ".*") == "****");
  CHECK(masked("a\nb", ".*") == "****\n****");
  CHECK(masked("none", "x") == "none");
  CHECK(masked("é1", "[0-9]*") == "****é****");
}

TEST_CASE("redaction: hashes instead of stars") {
  CHECK(masked("abc", "abc", Hash::md5) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(masked("abc", "abc", Hash::sha1) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(masked("abc", "abc", Hash::sha3) == "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
  // RFC 4231, test case 2.
  CHECK(masked("what do ya want for nothing?", ".*", Hash::hmac_sha256, "Jefe") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
