#pragma once
// References to container images, as registries and nodes write them.
#include <optional>

#include "base/regex.h"

namespace weir::kube {

struct Image {
  std::string_view repository;  // with its registry, if one is named
  std::string_view tag;         // "" when none is named
  std::string_view digest;      // sha256:...
};

// One core.
class ImageReader {
 public:
  ImageReader();
  // As it is written: nothing is filled in. nullopt for what is no reference.
  std::optional<Image> read(std::string_view text) const;
  // With registry and folder filled in ("docker.io/library/"); only of references that have a digest.
  std::optional<std::string> canonical(std::string_view text) const;

 private:
  Regex reference_;
};

}  // namespace weir::kube
