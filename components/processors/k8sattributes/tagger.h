#pragma once
// Adds to one resource what its objects say.
#include "components/processors/k8sattributes/catalog.h"

namespace weir::processors::k8sattributes {

class Tagger {
 public:
  Tagger(const Catalog& catalog, const Config& config)
      : catalog_(catalog), passthrough_(config.passthrough), adds_address_(config.passthrough || config.connection_ip || catalog.rules().wants(Metadata::pod_ip)) {}

  // Adds to `attributes`; what is added lives in `arena`. True when there is something new.
  bool apply(otlp::Attributes& attributes, Arena& arena, const Claim& claim, const Resolution& resolution) const;
  // Only the address of the connection.
  bool apply_address(otlp::Attributes& attributes, Arena& arena, const Claim& claim) const;

 private:
  struct Target {
    otlp::Attributes& attributes;
    Arena& arena;
    bool changed = false;
    // Existing values stay, unless they are empty.
    void set(std::string_view key, std::string_view value);
    void set_list(std::string_view key, std::string_view value);
    std::string_view text(std::string_view key) const;
  };
  void add(Target& to, const Found& found) const;
  void add_container(Target& to, const kube::Object& pod) const;
  void add_run(Target& to, const kube::Container& container) const;
  void add_image(Target& to, const kube::Container& container) const;
  const kube::Container* container_of(const Target& to, const kube::Object& pod) const;

  const Catalog& catalog_;
  bool passthrough_, adds_address_;
};

}  // namespace weir::processors::k8sattributes
