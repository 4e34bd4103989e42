#include "components/shared/attraction/attraction.h"

#include <openssl/evp.h>

#include "base/number.h"
#include "base/text.h"
#include "components/shared/matching/constant.h"

namespace weir::attraction {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;

// SHA-256 with its lookups done once: OpenSSL's one-shot call makes them for each value.
class Actions::Hasher {
 public:
  static constexpr std::size_t size = 32;
  using Digest = std::array<unsigned char, size>;

  Hasher() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    WEIR_CHECK(algorithm_ && context_, "OpenSSL without SHA256");
  }
  Digest digest(std::string_view text) {
    Digest out;
    bool ok = EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1 &&
              EVP_DigestUpdate(context_.get(), text.data(), text.size()) == 1 &&
              EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1;
    WEIR_CHECK(ok, "SHA256 of {} bytes", text.size());
    return out;
  }

 private:
  struct Free {
    void operator()(EVP_MD* p) const { EVP_MD_free(p); }
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  };
  std::unique_ptr<EVP_MD, Free> algorithm_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

namespace {

// Arrays and maps are changed in place by later stages, so two attributes must not share one.
Value unshared(const Value& value, Arena& arena) {
  bool shares = (value.is(ValueType::array) || value.is(ValueType::map)) && !value.raw;
  return shares ? value.deep_copy(arena) : value;
}

// What is hashed of a value; nothing of bytes, arrays, maps and empty values.
std::optional<std::string_view> hash_input(const Value& value, std::array<char, 8>& buffer) {
  switch (value.type) {
    case ValueType::string: return value.text;
    case ValueType::boolean: buffer[0] = value.boolean; return std::string_view(buffer.data(), 1);
    case ValueType::integer: std::memcpy(buffer.data(), &value.integer, 8); return std::string_view(buffer.data(), 8);
    case ValueType::real: std::memcpy(buffer.data(), &value.real, 8); return std::string_view(buffer.data(), 8);
    default: return {};
  }
}

std::optional<Value> to_integer(const Value& value) {
  switch (value.type) {
    case ValueType::boolean: return Value::of(std::int64_t{value.boolean});
    case ValueType::real: return Value::of(go_int_of(value.real));
    case ValueType::string:
      if (auto parsed = parse_go_int(value.text)) return Value::of(*parsed);
      return {};
    default: return {};
  }
}

std::optional<Value> to_real(const Value& value) {
  switch (value.type) {
    case ValueType::boolean: return Value::of(value.boolean ? 1.0 : 0.0);
    case ValueType::integer: return Value::of(static_cast<double>(value.integer));
    case ValueType::string:
      if (auto parsed = parse_go_double(value.text)) return Value::of(*parsed);
      return {};
    default: return {};
  }
}

// Empty: it has that type already, or cannot have it.
std::optional<Value> converted(const Value& value, Target target, Arena& arena) {
  switch (target) {
    case Target::string:
      if (value.is(ValueType::string)) return {};
      return Value::of(arena.copy(otlp::to_text(value)));
    case Target::integer: return to_integer(value);
    case Target::real: return to_real(value);
    case Target::none: break;
  }
  return {};
}

// The text without which a message cannot be touched by the action.
std::string needed_by(const Action& a) {
  switch (a.action) {
    case Verb::insert:
    case Verb::upsert: return a.default_value.is_null() ? a.from_attribute : "";
    case Verb::remove:
    case Verb::hash: return a.pattern.empty() ? a.key : "";
    default: return a.key;
  }
}

}  // namespace

Actions::Actions() = default;
Actions::Actions(Actions&&) noexcept = default;
Actions& Actions::operator=(Actions&&) noexcept = default;
Actions::~Actions() = default;

Result<Actions> Actions::make(std::span<const Action> actions) {
  Actions out;
  out.steps_.reserve(actions.size());
  for (const Action& action : actions) {
    Step& step = out.steps_.emplace_back();
    step.settings = action;
    step.needs = needed_by(action);
    if (action.action == Verb::hash && !out.hasher_) out.hasher_ = std::make_unique<Hasher>();
    step.value = matching::to_otlp(action.value.is_null() ? action.default_value : action.value, out.constants_);
    if (action.pattern.empty()) continue;
    WEIR_ASSIGN(step.regex, Regex::compile(action.pattern));
    if (action.action == Verb::extract) step.groups = step.regex->group_names();
  }
  return out;
}

void Actions::enter(Arena& arena, const otlp::Context* context) {
  arena_ = &arena;
  context_ = context;
  for (Step& step : steps_) {
    step.bound.key = step.bound.value = false;
    step.bound.groups.clear();
  }
}

bool Actions::may_change(std::string_view message) const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [&](const Step& step) { return message.find(step.needs) != message.npos; });
}

bool Actions::apply(Attributes& attributes) {
  bool changed = false;
  for (Step& step : steps_) changed |= run(step, attributes);
  return changed;
}

bool Actions::run(Step& step, Attributes& attributes) {
  switch (step.settings.action) {
    case Verb::insert:
    case Verb::update:
    case Verb::upsert: return set(step, attributes);
    case Verb::remove: return remove(step, attributes);
    case Verb::hash: return hash(step, attributes);
    case Verb::extract: return extract(step, attributes);
    case Verb::convert: return convert(step, attributes);
    case Verb::none: break;
  }
  return false;
}

bool Actions::set(Step& step, Attributes& attributes) {
  Value* there = attributes.find(step.settings.key);
  if (step.settings.action == (there ? Verb::insert : Verb::update)) return false;
  auto value = source(step, attributes);
  if (!value) return false;
  if (there) return assign(*there, *value);
  attributes.push_back(*arena_, {key_of(step), unshared(*value, *arena_)});
  return true;
}

bool Actions::assign(Value& to, const Value& value) {
  if (otlp::equal(to, value)) return false;
  to = unshared(value, *arena_);
  return true;
}

Value Actions::hashed(const Value& value) {
  std::array<char, 8> buffer;
  auto input = hash_input(value, buffer);
  if (!input) return Value::of(std::string_view{});
  auto digest = hasher_->digest(*input);
  constexpr std::string_view hex = "0123456789abcdef";
  char* out = arena_->array<char>(2 * digest.size());
  for (std::size_t i = 0; i < digest.size(); ++i) {
    out[2 * i] = hex[digest[i] >> 4];
    out[2 * i + 1] = hex[digest[i] & 15];
  }
  return Value::of(std::string_view(out, 2 * digest.size()));
}

bool Actions::remove(const Step& step, Attributes& attributes) {
  return attributes.erase_if([&](const otlp::KeyValue& kv) {
    return (!step.settings.key.empty() && kv.key == step.settings.key) || (step.regex && step.regex->matches(kv.key));
  }) != 0;
}

bool Actions::hash(Step& step, Attributes& attributes) {
  bool changed = false;
  // By key, then by pattern: an attribute that both select is hashed twice, as the collector does.
  if (!step.settings.key.empty())
    if (Value* value = attributes.find(step.settings.key)) changed |= assign(*value, hashed(*value));
  if (step.regex)
    for (auto& kv : attributes)
      if (step.regex->matches(kv.key)) changed |= assign(kv.value, hashed(kv.value));
  return changed;
}

bool Actions::extract(Step& step, Attributes& attributes) {
  const Value* value = attributes.find(step.settings.key);
  if (value == nullptr || !value->is(ValueType::string)) return false;
  constexpr std::size_t on_stack = 16;
  std::array<std::string_view, on_stack> few;
  std::vector<std::string_view> many;
  std::span<std::string_view> found(few);
  if (step.groups.size() >= on_stack) {
    many.resize(step.groups.size() + 1);
    found = many;
  }
  if (!step.regex->find(value->text, 0, found)) return false;
  auto& names = step.bound.groups;
  if (names.empty())
    for (auto& name : step.groups) names.push_back(arena_->copy(name));
  bool changed = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Value part = Value::of(found[i + 1]);
    if (Value* there = attributes.find(names[i])) {
      changed |= assign(*there, part);
    } else {
      attributes.push_back(*arena_, {names[i], part});
      changed = true;
    }
  }
  return changed;
}

bool Actions::convert(const Step& step, Attributes& attributes) {
  Value* value = attributes.find(step.settings.key);
  if (value == nullptr) return false;
  auto made = converted(*value, step.settings.converted_type, *arena_);
  if (!made) return false;
  *value = *made;
  return true;
}

std::string_view Actions::key_of(Step& step) {
  Bound& bound = step.bound;
  if (!std::exchange(bound.key, true)) bound.key_text = arena_->copy(step.settings.key);
  return bound.key_text;
}

std::optional<Value> Actions::source(Step& step, const Attributes& attributes) {
  if (step.settings.value.is_null() && !step.settings.from_attribute.empty())
    if (const Value* there = attributes.find(step.settings.from_attribute)) return *there;
  return constant(step);
}

const std::optional<Value>& Actions::constant(Step& step) {
  Bound& bound = step.bound;
  if (std::exchange(bound.value, true)) return bound.constant;
  const Action& a = step.settings;
  bound.constant.reset();
  if (a.value.is_null() && !a.from_context.empty()) bound.constant = from_context(a.from_context);
  bool given = !a.value.is_null() || !a.default_value.is_null();
  if (!bound.constant && given) bound.constant = step.value.deep_copy(*arena_);
  return bound.constant;
}

std::optional<Value> Actions::from_context(std::string_view name) {
  if (context_ == nullptr) return {};
  if (name == "client.address") {
    if (context_->peer.empty()) return {};
    return text(context_->peer);
  }
  if (name.starts_with("auth.")) {
    auto at = context_->auth.find(name.substr(5));
    if (at == context_->auth.end()) return {};
    return text(at->second);
  }
  // Without a prefix it is metadata too: older configurations.
  if (name.starts_with("metadata.")) name.remove_prefix(9);
  auto at = context_->metadata.find(to_lower(name));
  if (at == context_->metadata.end() || at->second.empty()) return {};
  return text(fmt::format("{}", fmt::join(at->second, ";")));
}

}  // namespace weir::attraction
