#include "kube/image.h"

#include <algorithm>

namespace weir::kube {
namespace {

constexpr std::size_t max_name = 255;

Regex compile() {
  constexpr std::string_view label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
  constexpr std::string_view part = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
  std::string registry = fmt::format(R"((?:(?:{0}(?:\.{0})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?)", label);
  std::string name = fmt::format("({0}{1}(?:/{1})*)", registry, part);
  auto made = Regex::compile(fmt::format(R"(^{}(?::([A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}}))?$)", name));
  WEIR_CHECK(made, "the pattern of image references");
  return std::move(*made);
}

bool known_digest(std::string_view digest) {
  std::size_t colon = digest.find(':');
  std::string_view algorithm = digest.substr(0, colon), hex = digest.substr(colon + 1);
  bool lower = std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  std::size_t size = algorithm == "sha256" ? 64 : algorithm == "sha384" ? 96 : algorithm == "sha512" ? 128 : 0;
  return lower && hex.size() == size;
}

}  // namespace

ImageReader::ImageReader() : reference_(compile()) {}

std::optional<Image> ImageReader::read(std::string_view text) const {
  std::array<std::string_view, 4> groups;
  RegexText subject(text);
  if (!reference_.find(subject, 0, groups) || groups[1].size() > max_name) return std::nullopt;
  if (!groups[3].empty() && !known_digest(groups[3])) return std::nullopt;
  return Image{groups[1], groups[2], groups[3]};
}

std::optional<std::string> ImageReader::canonical(std::string_view text) const {
  // 64 digits alone are an image's id, not a name.
  bool id = text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  auto image = id ? std::nullopt : read(text);
  if (!image || image->digest.empty()) return std::nullopt;
  std::string_view first = image->repository.substr(0, image->repository.find('/'));
  bool has_registry = first.size() < image->repository.size() &&
                      (first.find_first_of(".:[") != first.npos || first == "localhost" || std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  std::string name(image->repository);
  if (!has_registry) name = "docker.io/" + name;
  if (name.starts_with("index.docker.io/")) name.replace(0, 15, "docker.io");
  if (name.starts_with("docker.io/") && std::count(name.begin(), name.end(), '/') == 1) name.insert(10, "library/");
  if (!image->tag.empty()) name += fmt::format(":{}", image->tag);
  return name + "@" + std::string(image->digest);
}

}  // namespace weir::kube
