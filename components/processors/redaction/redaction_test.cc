#include <doctest/doctest.h>

#include "components/processors/redaction/masking.h"
#include "components/processors/redaction/queries.h"
#include "components/processors/redaction/url.h"

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

TEST_CASE("redaction: SQL without values") {
  auto sql = [](std::string_view text, Dialect dialect = Dialect::common) { return sql_without_values(text, dialect); };
  CHECK(sql("SELECT a FROM users2 WHERE id = 42 AND name = 'it\\'s' AND x IN (1,-2, 3.5e-7,0x1F)") == "SELECT a FROM users? WHERE id = ? AND name = ? AND x IN (?,?, ?,?)");
  CHECK(sql("select TRUE, null, nullable, true_x, count2(a1), $1, @p1, @@v1, x=?") == "select ?, ?, nullable, true_x, count2(a?), ?, @p1, @@v1, x=?");
  CHECK(sql("-- 1 'a'\n/* 2 */ update \"t1\".\"c2\" set a=-5") == "-- 1 'a'\n/* 2 */ update \"t?\".\"c?\" set a=-?");
  CHECK(sql("a->>'$.b1' $tag$ 1 $tag$ $func$select 1$func$") == "a->>? ? $func$select ?$func$");
  CHECK(sql("select \"x\" # 1", Dialect::mysql) == "select ? # 1");
  CHECK(sql("'open 1") == "?");
  CHECK(sql("'''") == "??");
  CHECK(sql("0778 089 .5") == "?? ? .?");
  CHECK(sql("") == "");
}

TEST_CASE("redaction: commands without values") {
  auto redis = redis_without_values;
  CHECK(redis("SET key \"a b\" EX 5\nGET key") == "SET key ? EX 5\nGET key");
  CHECK(redis("AUTH user secret") == "AUTH ?");
  CHECK(redis("  hmset h f1 v1  f2 \"v \\\" 2\"") == "hmset h f1 ? f2 ?");
  CHECK(redis("MSET a 1 b 2") == "MSET a ? b ?");
  CHECK(redis("ZADD k NX 1 a 2 b") == "ZADD k NX 1 ? 2 ?");
  CHECK(redis("CONFIG SET x y") == "CONFIG SET x ?");
  CHECK(redis("BITFIELD k SET i8 0 42 GET u4 0") == "BITFIELD k SET i8 0 ? GET u4 0");
  CHECK(redis("SADD k a b c\n\nPING") == "SADD k ?\nPING");
  CHECK(redis("") == "");
  CHECK(memcached_without_values(" set k 0 0 5\r\nhello\r\n") == "set k 0 0 5");
}

TEST_CASE("redaction: JSON without values") {
  CHECK(json_without_values(R"({ "a" : [1, "x", {"b": null}, [], {}] , "c":-1.5e+3})") == R"({"a":["?","?",{"b":"?"},[],{}],"c":"?"})");
  CHECK(json_without_values(" [ ] ") == "[] ");
  CHECK(json_without_values("true") == "\"?\"");
  for (std::string_view bad : {"", " ", "{", "{]", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "nul", "\"\\x\"", "\"\n\"", "[1] 2", "{1:2}"}) {
    CAPTURE(bad);
    CHECK_FALSE(json_without_values(bad));
  }
  CHECK(json_without_values(std::string(9'000, '[') + std::string(9'000, ']')));
  CHECK_FALSE(json_without_values(std::string(2'000'000, '[')));
}

TEST_CASE("redaction: URLs without ids") {
  CHECK(url_without_ids("/api/users/123e4567-e89b-12d3-a456-426614174000/posts/42") == "/api/users/*/posts/*");
  CHECK(url_without_ids("GET /v1/products/22j?id=1&x#y") == "GET /v1/products/*");
  CHECK(url_without_ids("/users/fdklsd/j4elk/23993") == "/users/*/j4elk/*");
  CHECK(url_without_ids("/a/b/c/d/e/f/g/h/i/j/k") == "/a/b/c/d/e/f/g/h/i");
  CHECK(url_without_ids("/user-space/hello.world//") == "/user-space/hello.world//");
  CHECK(url_without_ids("?") == "");
  CHECK(url_without_ids("") == "");
  CHECK(all_ids("/*/*"));
  CHECK_FALSE(all_ids("GET /*"));
  CHECK_FALSE(all_ids("/"));
}
