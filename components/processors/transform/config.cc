#include "components/processors/transform/config.h"

#include "components/processors/transform/transform.h"
#include "components/shared/ottl_settings/places.h"
#include "engine/decode.h"

namespace weir::processors::transform {

std::span<const config::FieldInfo> Block::fields() {
  using config::field;
  static const std::array rows{
      field<&Block::context>("context", "What the statements run for: resource, scope, span, spanevent, metric, datapoint, exemplar or log. "
                             "When absent, the paths of the statements tell it."),
      field<&Block::conditions>("conditions", "The statements run only when one of these holds."),
      field<&Block::statements>("statements", "OTTL statements, run in this order for each item."),
      field<&Block::error_mode>("error_mode", "As above, for this block."),
  };
  return rows;
}

Result<Blocks> Blocks::decode(const config::Value& value, config::Context& context) {
  Blocks out;
  if (value.is_null()) return out;
  if (!value.is_list()) return fail(Errc::config, "must be a list, not {}", value.describe());
  bool texts = std::any_of(value.items().begin(), value.items().end(), [](auto& item) { return item.is_text(); });
  if (!texts) {
    config::decode(value, out.blocks, context);
    return out;
  }
  Block flat;
  for (auto& item : value.items())
    if (!item.is_text()) return fail(Errc::config, "statements and blocks cannot be mixed in one list");
  config::decode(value, flat.statements, context);
  out.blocks.push_back(std::move(flat));
  out.flat = true;
  return out;
}

config::Value Blocks::encode() const {
  config::Value out = config::Value::list();
  for (auto& block : blocks) out.push_back(config::to_value(block));
  return out;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::error_mode>("error_mode", "When a statement fails: ignore (log it, go on), silent (go on) or propagate (refuse the batch)."),
      field<&Config::trace_statements>("trace_statements", "For traces; contexts resource, scope, span, spanevent."),
      field<&Config::metric_statements>("metric_statements", "For metrics; contexts resource, scope, metric, datapoint, exemplar."),
      field<&Config::log_statements>("log_statements", "For logs; contexts resource, scope, log."),
      field<&Config::profile_statements>("profile_statements", "Accepted; profiles pass through unchanged."),
  };
  return rows;
}

namespace {

// Each statement and condition of a block that does not compile, at its place.
void report_block(const Block& block, otlp::Signal signal, const std::string& at, bool flat, const Error& error, config::Context& context) {
  auto what = block_context(block, signal);
  if (!what)
    return ottl::report_elements(block.statements.size(), flat ? at : at + "::statements", error, context, [&](std::size_t i) -> Result<> {
      Block one = block;
      one.statements = {block.statements[i]};
      one.conditions.clear();
      WEIR_TRY(CompiledBlock::make(one, signal, ottl::ErrorMode::propagate));
      return {};
    });
  ottl::Options options{.caller = ottl::Callers::transform, .prefixed = block.context.empty()};
  auto before = context.problems().errors();
  ottl::check_conditions(*what, block.conditions, options, at + "::conditions", context);
  auto compiled = ottl::Program::compile(*what, block.statements, options);
  if (!compiled)
    ottl::report_elements(block.statements.size(), flat ? at : at + "::statements", compiled.error(), context, [&](std::size_t i) -> Result<> {
      WEIR_TRY(ottl::Program::compile(*what, std::span(&block.statements[i], 1), options));
      return {};
    });
  if (context.problems().errors() == before) context.error_at(at, error.what);
}

}  // namespace

void Config::validate(config::Context& context) const {
  auto check = [&](std::string_view key, otlp::Signal signal, const Blocks& blocks) {
    for (std::size_t i = 0; i < blocks.blocks.size(); ++i)
      if (auto compiled = CompiledBlock::make(blocks.blocks[i], signal, error_mode); !compiled)
        report_block(blocks.blocks[i], signal, blocks.flat ? std::string(key) : fmt::format("{}::{}", key, i), blocks.flat, compiled.error(), context);
  };
  check("trace_statements", otlp::Signal::traces, trace_statements);
  check("metric_statements", otlp::Signal::metrics, metric_statements);
  check("log_statements", otlp::Signal::logs, log_statements);
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "transform",
          .summary = "Changes telemetry with statements of the OpenTelemetry Transformation Language.",
          .signals = {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,
          .edits_trace_id = true,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::transform
