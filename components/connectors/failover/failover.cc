// Sends batches to the first level of pipelines that takes them.
#include <map>

#include "base/log.h"
#include "config/field.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::connectors::failover {
namespace {

using otlp::Batch;

struct Standard {
  std::optional<Duration> retry_interval;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{config::field<&Standard::retry_interval>("retry_interval", "Newer place of retry_interval; counts for more.", {.min = 1ms})};
    return rows;
  }
};

struct Config {
  std::vector<std::vector<std::string>> priority_levels;
  Duration retry_interval = 10min;
  std::string strategy = "standard";
  Standard standard;

  static std::span<const config::FieldInfo> fields() {
    using config::field;
    static const std::array rows{
        field<&Config::priority_levels>("priority_levels", "Lists of pipelines, most wanted first. All pipelines of a level get the data.", {.required = true}),
        field<&Config::retry_interval>("retry_interval", "A level that failed is tried again after this time.", {.min = 1ms}),
        field<&Config::strategy>("strategy", "How levels are chosen.", {.choices = "standard"}),
        field<&Config::standard>("standard", "Of that strategy."),
        config::ignored("sending_queue", "senders wait until a level has taken the data; it is kept here until then"),
        config::ignored("retry_gap", "each level is tried again by its own time"),
        config::ignored("max_retries", "a level is never given up for good"),
    };
    return rows;
  }
  void validate(config::Context& context) const {
    if (priority_levels.empty()) context.error_at("priority_levels", "no pipelines are defined in the priority list");
    for (auto& level : priority_levels)
      if (level.empty()) context.error_at("priority_levels", "a level must name a pipeline");
  }
};

class Failover final : public engine::Stage {
 public:
  Failover(const Config& config, std::vector<std::vector<std::size_t>> levels, const engine::StageContext& context)
      : executor_(context.executor), name_(context.id.to_string()), retry_interval_(config.standard.retry_interval.value_or(config.retry_interval)) {
    for (auto& ports : levels) levels_.push_back({std::move(ports), TimePoint{}});
  }

  void process(Batch batch, engine::Out& out) override {
    out_ = &out;
    std::uint64_t number = ++last_number_;
    Waiting waiting{.batch = std::move(batch)};
    waiting.plan = plan();
    waiting_.emplace(number, std::move(waiting));
    attempt(number);
  }

  bool keeps() const override { return true; }
  bool opens() const override { return false; }
  bool idle() const override { return waiting_.empty(); }
  std::size_t held() const override {
    std::size_t n = 0;
    for (auto& [number, waiting] : waiting_) n += waiting.batch.items();
    return n;
  }
  void abandon(engine::Out& out) override {
    for (auto& [number, waiting] : std::exchange(waiting_, {})) fail(std::move(waiting.batch), {Errc::retryable, "shutting down before a pipeline took it", {}}, engine::Reason::shutdown, out);
  }

 private:
  struct Level {
    std::vector<std::size_t> ports;
    TimePoint unhealthy_until;
  };
  // A batch whose outcome is not known yet.
  struct Waiting {
    Batch batch;
    std::vector<std::size_t> plan;  // levels to try
    std::size_t at = 0;
  };

  // Healthy levels in their order; all when none is.
  std::vector<std::size_t> plan() const {
    std::vector<std::size_t> healthy, all;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      all.push_back(i);
      if (levels_[i].unhealthy_until <= executor_.now()) healthy.push_back(i);
    }
    return healthy.empty() ? all : healthy;
  }

  void attempt(std::uint64_t number) {
    Waiting& waiting = waiting_.at(number);
    auto& ports = levels_[waiting.plan[waiting.at]].ports;
    // Answers come on whichever core settles last.
    auto receipt = Receipt::open([this, number, alive = std::weak_ptr(alive_), &executor = executor_](Outcome outcome) {
      executor.post([this, number, alive, outcome = std::move(outcome)]() mutable {
        if (!alive.expired()) answered(number, std::move(outcome));
      });
    });
    std::vector<Batch> copies;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      Batch copy = waiting.batch.fork();
      copy.settle({});
      copy.receipts.push_back(receipt);
      copies.push_back(std::move(copy));
    }
    receipt.settle({});  // this function's own
    for (std::size_t i = 0; i < ports.size(); ++i) {
      out_->count_created(copies[i].items());
      out_->push_to(ports[i], std::move(copies[i]));
    }
  }

  void answered(std::uint64_t number, Outcome outcome) {
    auto at = waiting_.find(number);
    if (at == waiting_.end()) return;
    Waiting& waiting = at->second;
    std::size_t level = waiting.plan[waiting.at];
    if (!outcome) {
      levels_[level].unhealthy_until = {};
      Batch done = std::move(waiting.batch);
      waiting_.erase(at);
      return out_->consumed(std::move(done));  // it lives on in what was pushed
    }
    levels_[level].unhealthy_until = executor_.now() + retry_interval_;
    long long more = 0;
    bool last = ++waiting.at == waiting.plan.size();
    if (lines_.allow(more))
      log::warn(last ? "No level takes the data." : "A level does not take the data. The next one gets it.", {{"connector", name_}, {"level", level + 1}, {"error", outcome->what}, {"suppressed", more}});
    if (!last) return attempt(number);
    Batch batch = std::move(waiting.batch);
    waiting_.erase(at);
    fail(std::move(batch), std::move(*outcome), engine::Reason::retries_exhausted, *out_);
  }

  static void fail(Batch batch, Error error, engine::Reason reason, engine::Out& out) {
    if (batch.refusable()) out.refuse(std::move(batch), std::move(error));
    else out.drop(std::move(batch), reason, std::move(error));
  }

  io::Executor& executor_;
  std::string name_;
  Duration retry_interval_;
  std::vector<Level> levels_;
  engine::Out* out_ = nullptr;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t last_number_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // answers look whether their stage is still there
  log::RateLimit lines_;
};

Result<std::vector<std::vector<std::size_t>>> ports_of(const Config& config, std::span<const std::string> known) {
  std::vector<std::vector<std::size_t>> out;
  for (auto& level : config.priority_levels) {
    out.emplace_back();
    for (auto& name : level) {
      auto at = std::ranges::find(known, name);
      if (at == known.end()) return fail(Errc::config, "priority_levels: pipeline {} does not have this connector as a receiver", name);
      out.back().push_back(static_cast<std::size_t>(at - known.begin()));
    }
  }
  return out;
}

std::vector<engine::Conversion> same_signal() {
  std::vector<engine::Conversion> out;
  for (otlp::Signal signal : {otlp::Signal::traces, otlp::Signal::metrics, otlp::Signal::logs}) out.push_back({signal, signal});
  return out;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::connector,
          .type = "failover",
          .summary = "Sends data to the first level of pipelines that takes it.",
          .conversions = same_signal(),
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check_outputs = [](const void* config, std::span<const std::string> pipelines) -> Result<> {
            WEIR_TRY(ports_of(*static_cast<const Config*>(config), pipelines));
            return {};
          },
          .make_stage = [](const void* erased, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            auto& config = *static_cast<const Config*>(erased);
            WEIR_ASSIGN(auto levels, ports_of(config, context.output_pipelines));
            return std::make_unique<Failover>(config, std::move(levels), context);
          }};
}

}  // namespace weir::connectors::failover
