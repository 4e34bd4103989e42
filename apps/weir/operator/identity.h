#pragma once
// The certificate that all replicas of the operator share, in a Secret, and the webhook configuration that trusts it.
#include "kube/transport.h"
#include "weir/operator/certificates.h"

namespace weir::app {

struct IdentitySettings {
  std::string name_space, service = "weir-operator", secret = "weir-operator-webhook", webhook = "weir-operator";
  std::string url;  // in place of the service: for operators outside of the cluster
  bool collectors = false;  // OpenTelemetryCollector resources are checked, too
};

// One core. Looks again each hour; makes a new certificate a month before the old one ends.
class Identity {
 public:
  using Told = std::function<void(const Certificates&)>;
  Identity(IdentitySettings settings, kube::Transport& transport, io::Executor& executor) : settings_(std::move(settings)), transport_(transport), executor_(executor) {}
  ~Identity() { executor_.cancel(timer_); }
  // First when there is a certificate that the API server was told of, then with each new one.
  void start(Told told);

  static constexpr Duration valid = std::chrono::hours(24 * 365);
  static constexpr Duration renew_before = std::chrono::hours(24 * 30);

 private:
  void look();
  void found(const net::HttpResponse& response);
  void make(const std::string& version);
  void publish(Certificates certificates);
  void again(Duration wait, const std::string& why);
  std::string names() const;
  std::string webhooks(const std::string& ca_pem) const;

  IdentitySettings settings_;
  kube::Transport& transport_;
  io::Executor& executor_;
  Told told_;
  std::string in_use_;  // the certificate
  io::TimerId timer_ = 0;
};

}  // namespace weir::app
