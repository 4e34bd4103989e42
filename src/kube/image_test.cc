#include "kube/image.h"

#include <doctest/doctest.h>

using namespace weir::kube;

TEST_CASE("images: names, tags and digests") {
  ImageReader reader;
  const std::string digest = "sha256:" + std::string(64, 'a');
  struct { std::string text, repository, tag; bool has_digest; } const rows[] = {
      {"nginx", "nginx", "", false},
      {"nginx:1.2", "nginx", "1.2", false},
      {"reg.test:5000/a/b", "reg.test:5000/a/b", "", false},
      {"reg.test:5000/a/b:v_1.0-x", "reg.test:5000/a/b", "v_1.0-x", false},
      {"a/b@" + digest, "a/b", "", true},
      {"a/b:t@" + digest, "a/b", "t", true},
      {"localhost/a__b", "localhost/a__b", "", false},
  };
  for (auto& row : rows) {
    CAPTURE(row.text);
    auto image = reader.read(row.text);
    REQUIRE(image);
    CHECK(image->repository == row.repository);
    CHECK(image->tag == row.tag);
    CHECK(!image->digest.empty() == row.has_digest);
  }
  for (std::string wrong : {std::string(""), std::string("UPPER"), std::string("a:"), std::string("a//b"), std::string("a@sha256:12"), "a@sha256:" + std::string(64, 'Z'), "docker-pullable://a@" + digest, std::string(300, 'a')}) {
    CAPTURE(wrong);
    CHECK_FALSE(reader.read(wrong));
  }
}

TEST_CASE("images: canonical references have a registry and a digest") {
  ImageReader reader;
  const std::string digest = "sha256:" + std::string(64, 'a');
  CHECK(reader.canonical("nginx@" + digest) == "docker.io/library/nginx@" + digest);
  CHECK(reader.canonical("a/b:t@" + digest) == "docker.io/a/b:t@" + digest);
  CHECK(reader.canonical("reg.test/b@" + digest) == "reg.test/b@" + digest);
  CHECK(reader.canonical("localhost/b@" + digest) == "localhost/b@" + digest);
  CHECK(reader.canonical("index.docker.io/b@" + digest) == "docker.io/library/b@" + digest);
  CHECK_FALSE(reader.canonical("nginx:1"));
  CHECK_FALSE(reader.canonical(std::string(64, 'a')));
  CHECK_FALSE(reader.canonical(digest));
}
