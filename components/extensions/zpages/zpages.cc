#include "components/extensions/zpages/zpages.h"

#include "base/memory.h"
#include "components/shared/scrape/board.h"

namespace weir::extensions::zpages {

ZPages::ZPages(const Config& config, const engine::ExtensionContext& context) : context_(context), site_(config.server) {
  auto add = [this](std::string_view name, auto make) {
    site_.add(fmt::format("/debug/{}", name), [make](const net::Request&) { return web::html(make()); });
  };
  add("servicez", [this] { return service_page(facts()); });
  add("pipelinez", [this] { return pipelines_page(context_.host.plan(), context_.host.metrics().collect()); });
  add("extensionz", [this] { return extensions_page(context_.host.plan()); });
  add("featurez", [] { return features_page(); });
  site_.add("/debug/targetz", [this](const net::Request& request) {
    std::string json = scrape::Board::of(context_.host)->json();
    return web::query_value(request.query(), "format") == "json" ? web::json(std::move(json)) : web::html(targets_page(json));
  });
  if (config.expvar.enabled)
    site_.add("/debug/expvarz", [this](const net::Request&) { return web::json(expvar_json(facts(), context_.host.metrics().collect())); });
}

Result<> ZPages::start() {
  started_ = context_.executor.wall();
  return site_.start(context_);
}

ProcessFacts ZPages::facts() const {
  auto& budget = context_.host.budget();
  return {started_, context_.executor.wall(), resident_memory(), budget.used(), budget.limit()};
}

}  // namespace weir::extensions::zpages
