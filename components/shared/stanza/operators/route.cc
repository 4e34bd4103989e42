// filter, router, drop_output, stdout, file_output: where entries go, and whether.
#include "components/shared/stanza/operator.h"
#include "base/rng.h"
#include "base/text.h"

namespace weir::stanza {
namespace {

using config::field;

struct FilterConfig : TransformerConfig {
  std::string expr;
  double drop_ratio = 1;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(TransformerConfig::fields(), {
        field<&FilterConfig::expr>("expr", "An expression: entries for which it is true are dropped.", {.required = true}),
        field<&FilterConfig::drop_ratio>("drop_ratio", "How many of them, from 0 to 1.", {.min = 0, .max = 1}),
    });
    return rows;
  }
};

class Filter final : public Transformer {
 public:
  static Result<std::unique_ptr<Filter>> make(const FilterConfig& config) {
    auto out = std::make_unique<Filter>();
    WEIR_TRY(out->prepare(config));
    WEIR_ASSIGN(out->condition_, Condition::compile(config.expr));
    out->cutoff_ = static_cast<std::uint64_t>(config.drop_ratio * 1000);
    return out;
  }

  Then process(Entry& entry, Run& run) override {
    Then then = Then::next;
    auto go = wanted(entry, run, then);
    if (!go || !*go) return then;
    auto holds = condition_->test(entry, run);
    if (!holds) return run.failed(*this, Error{Errc::permanent, "running expression: " + holds.error().what}, true), Then::drop;
    if (!*holds || (cutoff_ < 1000 && rng_.below(1000) >= cutoff_)) return Then::next;
    return run.filtered(), Then::drop;
  }

 private:
  Result<> transform(Entry&, Run&) override { return {}; }

  std::optional<Condition> condition_;
  std::uint64_t cutoff_ = 1000;
  Rng rng_ = Rng::from_system();
};

struct RouteConfig {
  std::string expr;
  Outputs output;
  std::map<std::string, std::string> attributes;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        field<&RouteConfig::expr>("expr", "An expression: the first route for which it is true is taken.", {.required = true}),
        field<&RouteConfig::output>("output", "Where its entries go."),
        field<&RouteConfig::attributes>("attributes", "Attributes that its entries get; EXPR(...) is replaced by what the expression gives."),
    };
    return rows;
  }
};

struct RouterConfig : OperatorConfig {
  std::vector<RouteConfig> routes;
  Outputs otherwise;
  static std::span<const config::FieldInfo> fields() {
    static const auto rows = joined(OperatorConfig::fields(), {
        field<&RouterConfig::routes>("routes", "Conditions, and where entries go that meet them."),
        field<&RouterConfig::otherwise>("default", "Where entries go that meet none; without it they are dropped."),
    });
    return rows;
  }
  std::vector<std::string> all_outputs() const {
    std::vector<std::string> out;
    for (auto& route : routes) out.insert(out.end(), route.output.ids.begin(), route.output.ids.end());
    out.insert(out.end(), otherwise.ids.begin(), otherwise.ids.end());
    return out;
  }
};

class Router final : public Operator {
 public:
  static Result<std::unique_ptr<Router>> make(const RouterConfig& config) {
    auto out = std::make_unique<Router>();
    std::size_t output = 0;
    for (auto& route : config.routes) {
      Route made;
      WEIR_ASSIGN(made.condition, Condition::compile(route.expr));
      made.first = output;
      made.count = route.output.ids.size();
      output += made.count;
      for (auto& [key, text] : route.attributes) {
        WEIR_ASSIGN(auto value, Template::compile(text));
        made.attributes.emplace_back(key, std::move(value));
      }
      out->routes_.push_back(std::move(made));
    }
    if (!config.otherwise.ids.empty()) out->routes_.push_back({.first = output, .count = config.otherwise.ids.size()});
    return out;
  }

  Then process(Entry& entry, Run& run) override {
    for (auto& route : routes_) {
      if (route.condition) {
        auto holds = route.condition->test(entry, run);
        if (!holds) run.failed(*this, Error{Errc::permanent, "running expression: " + holds.error().what}, false);
        if (!holds || !*holds) continue;
      }
      for (auto& [key, text] : route.attributes) {
        auto value = text.render(entry, run);
        if (!value) return run.failed(*this, value.error(), true), Then::drop;
        entry.attributes.set(run.arena, key, Value::of(*value));
      }
      return send(route, entry, run);
    }
    return run.filtered(), Then::drop;
  }

 private:
  struct Route {
    std::optional<Condition> condition;  // none: always
    std::size_t first = 0, count = 0;    // outputs
    std::vector<std::pair<std::string, Template>> attributes;
  };

  Then send(const Route& route, Entry& entry, Run& run) {
    if (route.count == 0) return run.filtered(), Then::drop;
    for (std::size_t i = 0; i + 1 < route.count; ++i) {
      Entry copy = copy_of(entry, run.arena);
      run.forward_to(*this, route.first + i, copy);
    }
    run.forward_to(*this, route.first + route.count - 1, entry);
    return Then::taken;
  }

  std::vector<Route> routes_;
};

class DropOutput final : public Operator {
 public:
  static constexpr bool ends_here = true;
  static Result<std::unique_ptr<DropOutput>> make(const OperatorConfig&) { return std::make_unique<DropOutput>(); }
  Then process(Entry&, Run& run) override { return run.filtered(), Then::drop; }
};

}  // namespace

OperatorType filter_operator() { return operator_type<FilterConfig, Filter>("filter"); }
OperatorType router_operator() { return operator_type<RouterConfig, Router>("router"); }
OperatorType drop_output_operator() { return operator_type<OperatorConfig, DropOutput>("drop_output"); }

}  // namespace weir::stanza
