// What cannot start is refused by `validate`: every setting of every component is broken in turn, and what the check lets pass must be
// made.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/field.h"
#include "config/yaml.h"
#include "engine/testing.h"
#include "weir/load.h"

using namespace weir;
using namespace weir::app;
using config::FieldInfo;
using config::Shape;
using config::TypeInfo;
using config::Value;

namespace {

// Values of one setting that may be wrong, made from its type and from what the example has for it.
class Breaker {
 public:
  std::vector<Value> of_fields(std::span<const FieldInfo> fields, const Value* given) {
    std::vector<Value> out;
    for (auto& field : fields) add_field(field, given, out);
    return out;
  }

 private:
  std::vector<Value> of(const TypeInfo& type, const Value* given) {
    if (std::ranges::count(above_, &type) > 0) return {};  // settings that contain themselves
    above_.push_back(&type);
    std::vector<Value> out = of_shape(type, given);
    above_.pop_back();
    return out;
  }

  std::vector<Value> of_shape(const TypeInfo& type, const Value* given) {
    switch (type.shape) {
      case Shape::boolean: return {Value::of(true), Value::of(false)};
      case Shape::integer: return {Value::of(std::int64_t{-1}), Value::of(std::int64_t{0}), Value::of(std::int64_t{INT32_MAX}), Value::of(INT64_MAX)};
      case Shape::number: return {Value::of(-1.0), Value::of(0.0), Value::of(1e300)};
      case Shape::choice: return choices(type);
      case Shape::string: return texts({"", "[", "%zz", "nosuch", "a:b:c", "\xc3("});
      case Shape::secret: return texts({""});
      case Shape::duration: return texts({"0s", "-1s", "1ns", "2000000h"});
      case Shape::byte_size: return texts({"0", "-1", "1"});
      case Shape::any: return {Value::string("nosuch"), Value::map(), Value::list(), Value::of(std::int64_t{-1})};
      case Shape::optional: return of(*type.element, given);
      case Shape::list: return lists(*type.element, given);
      case Shape::map: return maps(*type.element, given);
      case Shape::object:
      case Shape::custom: return objects(type, given);
    }
    return {};
  }

  static std::vector<Value> texts(std::initializer_list<const char*> texts) {
    std::vector<Value> out;
    for (auto text : texts) out.push_back(Value::string(text));
    return out;
  }

  static std::vector<Value> choices(const TypeInfo& type) {
    std::vector<Value> out;
    for (auto& choice : type.choices()) out.push_back(Value::string(std::string(choice.name)));
    return out;
  }

  std::vector<Value> lists(const TypeInfo& element, const Value* given) {
    bool has = given && given->is_list() && given->size() > 0;
    std::vector<Value> out{Value::list()};
    for (Value& broken : of(element, has ? &given->items()[0] : nullptr)) {
      Value list = has ? *given : Value::list();
      if (has) list.items()[0] = std::move(broken);
      else list.push_back(std::move(broken));
      out.push_back(std::move(list));
    }
    return out;
  }

  std::vector<Value> maps(const TypeInfo& element, const Value* given) {
    std::vector<Value> out{Value::map()};
    for (std::string key : {"", "nosuch", "["})
      for (Value& broken : of(element, nullptr)) {
        Value map = given && given->is_map() ? *given : Value::map();
        map.set(key, std::move(broken));
        out.push_back(std::move(map));
      }
    return out;
  }

  std::vector<Value> objects(const TypeInfo& type, const Value* given) {
    std::vector<Value> out{Value::map()};
    if (type.shape == Shape::custom) {
      for (Value& value : texts({"", "nosuch", "[", "-1"})) out.push_back(std::move(value));
      out.push_back(Value::list());
    }
    if (type.fields)
      for (Value& broken : of_fields(type.fields(), given)) out.push_back(std::move(broken));
    return out;
  }

  void add_field(const FieldInfo& field, const Value* given, std::vector<Value>& out) {
    if (field.type == nullptr) return;
    if (field.key.empty()) {
      if (field.type->fields)
        for (auto& inner : field.type->fields()) add_field(inner, given, out);
      return;
    }
    for (Value& broken : of(*field.type, given && given->is_map() ? given->get(field.key) : nullptr)) {
      Value whole = given && given->is_map() ? *given : Value::map();
      whole.set(field.key, std::move(broken));
      out.push_back(std::move(whole));
    }
  }

  std::vector<const TypeInfo*> above_;
};

Value example_of(const engine::Factory& factory) {
  auto path = std::filesystem::path(WEIR_SOURCE_DIR) / "components" / fmt::format("{}s", to_string(factory.kind)) / factory.type / "example.yaml";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  auto tree = config::parse_yaml(text.str(), path.string());
  REQUIRE(tree);
  return *tree;
}

// The settings of the first component of this type in the tree.
Value* settings_in(Value& tree, const engine::Factory& factory) {
  Value* section = tree.get(fmt::format("{}s", to_string(factory.kind)));
  if (section == nullptr) return nullptr;
  for (auto& entry : section->entries()) {
    auto id = config::parse_component_id(entry.key);
    if (id && factory.accepts(id->type)) return &entry.value;
  }
  return nullptr;
}

// Makes what the configuration uses of one factory, as a start would, without starting it.
class Maker {
 public:
  // Why it cannot be made; empty: it can.
  std::string make(const Loaded& loaded, const engine::Factory& factory) {
    using engine::Kind;
    auto& spec = loaded.spec;
    auto& list = factory.kind == Kind::receiver ? spec.receivers : factory.kind == Kind::processor ? spec.processors
                 : factory.kind == Kind::exporter ? spec.exporters : factory.kind == Kind::connector ? spec.connectors : spec.extensions;
    for (auto& component : list)
      if (component.factory == &factory)
        if (std::string why = make(component, spec); !why.empty()) return why;
    return {};
  }

 private:
  struct NoIntake : engine::Intake {
    bool takes(otlp::Signal) const override { return true; }
    void push(otlp::Batch batch, std::string_view, std::move_only_function<void(Outcome)> done) override {
      batch.settle({});
      done({});
    }
    void refused(otlp::Signal, std::string_view, std::size_t) override {}
  };

  template <class Made>
  static std::string why(const Made& made) {
    return made ? "" : made.error().what;
  }

  std::string make(const engine::ComponentSpec& component, const engine::PlanSpec& spec) {
    auto& factory = *component.factory;
    auto& executor = simulation_.core(0);
    engine::testing::TestHost host;
    if (factory.make_receiver) {
      engine::ReceiverContext context{.id = component.id, .executor = executor, .intake = intake_, .host = host};
      return why(factory.make_receiver(component.config.get(), context));
    }
    if (factory.make_extension) {
      engine::ExtensionContext context{component.id, executor, host};
      return why(factory.make_extension(component.config.get(), context));
    }
    auto in = [&](auto& list) { return std::ranges::count(list, component.id) > 0; };
    engine::StageContext context{.id = component.id, .executor = executor, .rng = rng_, .host = host};
    for (auto& pipeline : spec.pipelines)  // behind a connector
      if (in(pipeline.receivers)) {
        context.output_signal = pipeline.signal;
        context.output_pipelines.push_back(pipeline.id);
      }
    for (auto& pipeline : spec.pipelines) {
      if (!in(pipeline.processors) && !in(pipeline.exporters)) continue;
      context.pipeline = pipeline.id;
      context.signal = pipeline.signal;
      auto stage = factory.make_stage(component.config.get(), context);
      if (!stage) return stage.error().what;
    }
    return {};
  }

  io::Simulation simulation_{1, 1};
  Rng rng_{1};
  NoIntake intake_;
};

}  // namespace

TEST_CASE("validate refuses every setting with which a component cannot be made") {
  Maker maker;
  std::size_t refused = 0, made = 0;
  for (auto& factory : engine::component_table()) {
    CAPTURE(factory.type);
    Value example = example_of(factory);
    Value* settings = settings_in(example, factory);
    REQUIRE(settings != nullptr);
    const Value given = *settings;
    if (!factory.fields) continue;
    for (Value& broken : Breaker().of_fields(factory.fields(), &given)) {
      std::string text = config::to_yaml(broken);
      CAPTURE(text);
      *settings = std::move(broken);
      config::Problems check(config::Problems::Purpose::check), start;
      bool passes = bind(example, check).has_value() && !check.failed();
      auto loaded = bind(example, start);
      CHECK((passes || !loaded));
      if (!passes) ++refused;
      if (!passes || !loaded) continue;  // or it is the machine's
      ++made;
      std::string why = maker.make(*loaded, factory);
      CHECK(why == "");
    }
  }
  CHECK(refused > 1000);
  CHECK(made > 1000);
}
