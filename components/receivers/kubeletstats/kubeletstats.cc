// Asks the kubelet for its summary again and again. All on the first core.
#include <unistd.h>

#include "base/log.h"
#include "components/receivers/kubeletstats/claims.h"
#include "components/shared/points/periodic.h"
#include "engine/decode.h"
#include "io/loop_of.h"
#include "kube/json.h"
#include "kube/quantity.h"

namespace weir::receivers::kubeletstats {
namespace {

constexpr std::size_t max_answer = 64 * 1024 * 1024;

struct Kubelet {
  kube::Connection connection;
  std::string prefix;  // in front of paths
};

std::string own_host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string url_of(const Config& config) {
  bool plain = config.auth_type == kubernetes::AuthType::none;
  std::string endpoint = config.endpoint.empty() ? fmt::format("{}:{}", own_host(), plain ? 10255 : 10250) : config.endpoint;
  if (endpoint.find("://") == endpoint.npos) endpoint = (plain ? "http://" : "https://") + endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

Result<Kubelet> find_kubelet(const Config& config, io::Fs& fs) {
  using kubernetes::AuthType;
  Kubelet out;
  if (config.auth_type == AuthType::kube_config) {
    WEIR_ASSIGN(out.connection, kube::find_connection(kube::AuthType::kube_config, config.context, fs, kube::process_environment()));
    out.prefix = fmt::format("/api/v1/nodes/{}/proxy", config.endpoint.empty() ? own_host() : config.endpoint);
  } else if (config.auth_type == AuthType::service_account) {
    WEIR_ASSIGN(out.connection, kube::find_connection(kube::AuthType::service_account, "", fs, kube::process_environment()));
    out.connection.url = url_of(config);
    if (!config.ca_file.empty()) out.connection.tls.ca_file = config.ca_file;
  } else {
    out.connection.url = url_of(config);
    out.connection.tls.ca_file = config.ca_file;
    out.connection.tls.cert_file = config.cert_file;
    out.connection.tls.key_file = config.key_file;
    out.connection.tls.reload_interval = 1min;
  }
  if (config.insecure_skip_verify) out.connection.tls.insecure_skip_verify = true;
  return out;
}

class KubeletStats final : public engine::Receiver {
 public:
  KubeletStats(const Config& config, engine::ReceiverContext& context) : config_(config), context_(context), periodic_(context, config.collection_interval) {}
  ~KubeletStats() override { *alive_ = false; }

  Result<> start() override {
    if (context_.shard != 0) return {};
    if (io::find_loop(context_.executor) == nullptr) return {};  // `weir test` has no network
    WEIR_ASSIGN(Kubelet kubelet, find_kubelet(config_, context_.host.fs()));
    prefix_ = std::move(kubelet.prefix);
    WEIR_ASSIGN(transport_, kube::make_transport(context_.executor, std::move(kubelet.connection), context_.host.fs(), max_answer));
    look_.began = context_.executor.wall();
    if (config_.k8s_api_config) WEIR_TRY(watch_node());
    if (config_.k8s_api_config && config_.collects(Group::volume) && config_.wants(Label::volume_type)) WEIR_TRY(look_up_claims());
    periodic_.start(config_.initial_delay, [this] { look(); });
    return {};
  }

  void stop(io::Task done) override {
    periodic_.stop();
    *alive_ = false;
    node_.reset();
    claims_.reset();
    done();
  }

 private:
  Result<> look_up_claims() {
    WEIR_ASSIGN(auto connection, kubernetes::connection_of(*config_.k8s_api_config, context_.host.fs()));
    WEIR_ASSIGN(auto api, kube::make_transport(context_.executor, std::move(connection), context_.host.fs(), 1024 * 1024));
    claims_ = std::make_unique<ClaimFinder>(std::move(api));
    look_.claims = &claims_->known();
    return {};
  }

  Result<> watch_node() {
    WEIR_ASSIGN(cluster_, kubernetes::join(*config_.k8s_api_config, context_.host, context_.executor, 0, context_.executor.wall()));
    kube::Query query{.resource = kube::resource_of(kube::Kind::node), .name_space = "", .field_selector = "metadata.name=" + config_.node};
    query.keep.raw = true;
    node_ = cluster_.cluster->subscribe(std::move(query), context_.executor, [this](const kube::News& news) {
      for (auto& change : news.changes) {
        auto node = kube::parse_json(change.object->raw);
        if (!node) continue;
        auto read = [&](std::string_view path) { return node->find(path) ? kube::parse_quantity(node->find(path)->text()).value_or(0) : 0; };
        look_.node_cpus = read("status::capacity::cpu");
        look_.node_memory = read("status::capacity::memory");
      }
    });
    return {};
  }

  void look() {
    if (busy_) return;  // the last one takes longer than the interval
    busy_ = true;
    ask("/stats/summary", [this](std::string body) {
      look_.summary = std::move(body);
      if (!config_.wants_pods()) return finish();
      ask("/pods", [this](std::string pods) {
        look_.pods = std::move(pods);
        if (claims_ == nullptr) return finish();
        claims_->find(claims_in(look_.pods), [this] {
          if (std::string why = claims_->take_failure(); !why.empty()) tell_failure("volumes of claims are left out", "/pods", why);
          finish();
        });
      });
    });
  }

  void ask(std::string_view path, std::function<void(std::string)> then) {
    transport_->send("GET", fmt::format("{}{}", prefix_, path), "", "", [this, alive = alive_, path, then = std::move(then)](Result<net::HttpResponse> answer) {
      if (!*alive) return;
      if (answer && answer->status == 200) return then(std::move(answer->body));
      if (answer && answer->status == 401) transport_->refused();
      failed(path, answer ? fmt::format("status {}", answer->status) : answer.error().what);
    });
  }

  void failed(std::string_view path, const std::string& why) {
    busy_ = false;
    tell_failure("the kubelet did not answer", path, why);
  }
  void tell_failure(std::string_view what, std::string_view path, const std::string& why) {
    if (long long more = 0; lines_.allow(more))
      log::error(fmt::format("kubeletstats: {}", what), {{"receiver", context_.id.to_string()}, {"path", path}, {"error", why}, {"suppressed", more}});
  }

  void finish() {
    busy_ = false;
    // The answers and what their parser keeps of them.
    Charge charge = context_.host.budget().empty_charge();
    if (!charge.grow(3 * (look_.summary.size() + look_.pods.size()))) return failed("/stats/summary", "there is no memory for the answer");
    look_.now = context_.executor.wall();
    auto batch = metrics_of(look_, config_);
    look_.summary = {};
    look_.pods = {};
    if (!batch) return failed("/stats/summary", batch.error().what);
    periodic_.push(std::move(*batch));
  }

  const Config& config_;  // the plan's, which outlives us
  engine::ReceiverContext context_;
  points::Periodic periodic_;
  std::string prefix_;
  std::unique_ptr<kube::Transport> transport_;
  kubernetes::Membership cluster_;
  std::unique_ptr<ClaimFinder> claims_;  // null: not looked up
  std::shared_ptr<void> node_;  // the subscription, ours alone
  Look look_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with requests under way
  bool busy_ = false;
  log::RateLimit lines_;
};

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::receiver,
          .type = "kubeletstats",
          .aliases = {"kubelet_stats"},
          .summary = "Asks the kubelet for CPU, memory, network and disks of its node, pods and containers.",
          .signals = {engine::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_receiver = [](const void* erased, engine::ReceiverContext& context) -> Result<std::unique_ptr<engine::Receiver>> {
            return std::make_unique<KubeletStats>(*static_cast<const Config*>(erased), context);
          }};
}

}  // namespace weir::receivers::kubeletstats
