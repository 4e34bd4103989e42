#pragma once
// The resource attributes that a container's telemetry gets.
#include <map>

#include "inject/selection.h"
#include "kube/image.h"

namespace weir::inject {

// By key, in order.
using Attributes = std::map<std::string, std::string>;

struct Subject {
  const Value& pod;
  const std::string& name_space;
  const Instrumentation& instrumentation;
  const Cluster& cluster;
};

Attributes attributes_of(const Subject& subject, const Value& container);
std::string service_name_of(const Subject& subject, const Attributes& attributes, const Value& container);
std::string service_version_of(const Subject& subject, const Value& container, const kube::ImageReader& images);
// a=b,c=d
std::string to_text(const Attributes& attributes);

}  // namespace weir::inject
