#pragma once
// From command line to plan: read, merge, expand, bind every component to its factory, check the whole.
#include "config/provider.h"
#include "weir/commands.h"
#include "weir/settings.h"

namespace weir::app {

// Empty after errors; problems has them all, with warnings in any case.
std::optional<Loaded> load(const Options& options, config::Problems& problems);
// The same for a tree that is there already (tests, weir test).
std::optional<Loaded> bind(config::Value tree, config::Problems& problems);

// The embedded default: what weir runs without --config.
std::string default_config(const Options& options);
// Three lines for who started weir without a configuration.
std::string welcome_text(const Options& options, const Loaded& loaded);

// With the defaults of every component, secrets masked.
config::Value redacted(const Loaded& loaded);

}  // namespace weir::app
