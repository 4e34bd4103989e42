#include "weir/operator/operator.h"

#include <algorithm>

#include "base/log.h"
#include "weir/operator/connect.h"
#include "weir/operator/identity.h"
#include "weir/operator/restarts.h"
#include "weir/operator/webhook.h"
#include "weir/signal_watch.h"

namespace weir::app {

Result<kube::Connection> connect(const OperatorOptions& options) {
  if (options.kubeconfig.empty()) return kube::find_connection(kube::AuthType::service_account, "", io::system_fs(), kube::process_environment());
  WEIR_ASSIGN(std::string text, kube::read_small_file(io::system_fs(), options.kubeconfig));
  return kube::parse_kubeconfig(text, "", options.kubeconfig.substr(0, options.kubeconfig.rfind('/')));
}

namespace {

inject::Options choices(const OperatorOptions& options) {
  inject::Options out{.several_languages = options.several_languages};
  std::copy(options.languages.begin(), options.languages.end(), out.enabled.begin());
  return out;
}

// All of it, on one loop.
class Operator {
 public:
  Operator(io::Loop& loop, OperatorOptions options) : loop_(loop), options_(std::move(options)) {}

  Result<> start() {
    WEIR_ASSIGN(auto connection, connect(options_));
    log::info("Kubernetes API", {{"url", connection.url}});
    IdentitySettings settings{.name_space = options_.name_space.empty() ? connection.name_space : options_.name_space, .service = options_.service, .url = options_.url, .collectors = options_.collectors};
    WEIR_ASSIGN(transport_, kube::make_transport(loop_, connection, io::system_fs()));
    WEIR_ASSIGN(auto watching, kube::make_transport(loop_, connection, io::system_fs()));
    cluster_ = std::make_shared<kube::Cluster>();
    home_ = std::make_shared<kube::Home>(cluster_, kube::Home::Parts{std::move(watching), loop_, budget_, metrics_, Rng::from_system().next()});
    if (options_.collectors) collectors_ = std::make_unique<Collectors>(cluster_, loop_, *transport_, metrics_, CollectorOptions{options_.collector_image});
    webhook_ = std::make_unique<Webhook>(cluster_, loop_, *transport_, metrics_, choices(options_), collectors_.get());
    if (options_.restarts) restarts_ = std::make_unique<Restarts>(cluster_, loop_, *transport_, metrics_);
    home_->run();
    WEIR_ASSIGN(health_, net::Server::listen(loop_, {.endpoint = options_.health}, budget_, *webhook_));
    identity_ = std::make_unique<Identity>(std::move(settings), *transport_, loop_);
    identity_->start([this](const Certificates& certificates) { serve(certificates); });
    return {};
  }

 private:
  // With a new certificate the port stays open: the socket goes on to a new server.
  void serve(const Certificates& certificates) {
    int listener = server_ ? server_->release_listener() : -1;
    if (server_) old_.push_back(std::move(server_));
    net::ServerSettings settings{.endpoint = options_.listen};
    settings.tls.emplace();
    settings.tls->cert_pem = certificates.cert_pem;
    settings.tls->key_pem = certificates.key_pem;
    auto made = net::Server::listen(loop_, std::move(settings), budget_, *webhook_, listener);
    if (!made) return log::error("operator: cannot listen", {{"error", made.error().what}});
    server_ = std::move(*made);
    log::info("operator: listens", {{"endpoint", server_->endpoint()}});
  }

  io::Loop& loop_;
  OperatorOptions options_;
  Budget budget_{256 * 1024 * 1024};
  telemetry::Registry metrics_;
  std::unique_ptr<kube::Transport> transport_;
  std::shared_ptr<kube::Cluster> cluster_;  // shared with the webhook
  std::shared_ptr<kube::Home> home_;
  std::unique_ptr<Collectors> collectors_;  // null: not looked after
  std::unique_ptr<Restarts> restarts_;  // null: nothing is restarted
  std::unique_ptr<Webhook> webhook_;
  std::unique_ptr<net::Server> health_, server_;
  std::vector<std::unique_ptr<net::Server>> old_;  // finish what they have; one a year
  std::unique_ptr<Identity> identity_;
};

}  // namespace

int run_operator(const OperatorOptions& options) {
  io::Loop loop;
  SignalWatch signals(loop);
  Operator running(loop, options);
  if (auto started = running.start(); !started) {
    fmt::print(stderr, "weir operator: {}\n", started.error().what);
    return 1;
  }
  loop.run();
  return 0;
}

}  // namespace weir::app
