#pragma once
// Apache httpd and nginx: their module comes as files and configuration, not by environment. An init container with the image of the
// application hands over its configuration, a second one with the image of the module adds the module to it, and the application gets both.
#include "inject/instrumentation.h"

namespace weir::inject {

struct WebServer {
  Language language;              // apache_httpd or nginx
  const Value& spec;              // of the Instrumentation
  const Value& settings;          // its section for the language
  std::string service, name_space;
};

// Changes pod and container, of which the container is a part. Returns why it cannot be; then nothing is changed.
std::string attach_web_server(Value& pod, std::string_view container_name, const WebServer& server);

}  // namespace weir::inject
