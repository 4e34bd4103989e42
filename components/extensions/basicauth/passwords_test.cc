#include "components/extensions/basicauth/passwords.h"

#include <doctest/doctest.h>

using namespace weir::extensions::basicauth;

TEST_CASE("passwords: every encoding that htpasswd and its like write") {
  // Made with openssl passwd and the crypt function of other programs.
  const std::string encoded[] = {
      "$apr1$r31.....$G/cElGhD0cboYkZN5h5Ne/",
      "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
      "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
      "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
      "$1$saltsalt$9xy1btjgzLYfb7hivXtC//",
      "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
      "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0",
      "secret",
  };
  for (auto& e : encoded) {
    CAPTURE(e);
    CHECK(password_matches("secret", e));
    for (std::string_view wrong : {"", "secre", "secret ", "Secret", "secretx"}) CHECK_FALSE(password_matches(wrong, e));
    if (e != "secret") CHECK_FALSE(password_matches(e, e));
  }
  CHECK(password_matches("", "$apr1$r31.....$iQoXxeL5pW.kaXVrniDCU0"));
  CHECK(password_matches("a much longer password than sixteen bytes", "$apr1$r31.....$C4udfKBIZ0gl57ECzUX.w/"));
  CHECK_FALSE(password_matches(std::string_view("secret\0x", 8), encoded[1]));
}

TEST_CASE("passwords: damaged encodings let nobody in") {
  for (std::string e : {"$apr1$", "$apr1$toolongsalt$x", "$2y$04$short", "$9$x$y", "$", "{SHA}", "{SHA}!!", "{SHA}5en6", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "*0"}) {
    CAPTURE(e);
    for (std::string_view password : {"", "secret"}) CHECK_FALSE(password_matches(password, e));
  }
}

TEST_CASE("passwords: lines; later ones count, bad ones are skipped and counted") {
  Passwords passwords;
  passwords.add("# comment\n\n joe:one\r\njane:with:colon\nnothing\n:empty\nnopassword:\n");
  passwords.add("joe:two");
  CHECK(passwords.users() == 2);
  CHECK(passwords.skipped() == 3);
  CHECK(passwords.matches("joe", "two"));
  CHECK_FALSE(passwords.matches("joe", "one"));
  CHECK(passwords.matches("jane", "with:colon"));
  CHECK_FALSE(passwords.matches("nobody", ""));
  CHECK_FALSE(passwords.matches("nopassword", ""));
}
