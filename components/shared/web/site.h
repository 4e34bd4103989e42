#pragma once
// A few pages over HTTP, as extensions serve them: small, bounded, independent of how full the pipelines are.
#include "components/shared/auth/auth.h"
#include "components/shared/net_config/server.h"
#include "engine/component.h"
#include "net/server.h"

namespace weir {
class Listeners;
}

namespace weir::web {

// Answers one request, now or later through the responder.
using Page = std::function<void(const net::Request&, net::Responder)>;

net::Response text(std::string body, int status = 200);
net::Response json(std::string body, int status = 200);
net::Response html(std::string body);

std::string escape_html(std::string_view text);
// The value of a parameter, percent-decoded; "" for one without value.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// On the first core. Owned by an extension; its pages must not outlive what they use.
class Site : public net::Handler {
 public:
  // Pages that change nothing answer GET and HEAD; `any_method` is for clients that do not care.
  explicit Site(net_config::HttpServer settings, bool any_method = false)
      : settings_(std::move(settings)), any_method_(any_method) {}

  // An exact path; "/" takes what no other page does.
  void add(std::string path, Page page) { pages_.insert_or_assign(std::move(path), std::move(page)); }
  // A page that is made at once.
  void add(std::string path, std::function<net::Response(const net::Request&)> make);

  // Errc::config when the authenticator is not running before this extension, retryable when the port is taken.
  Result<> start(engine::ExtensionContext& context) { return start(context.host, context.executor); }
  Result<> start(engine::Host& host, io::Executor& executor);
  // For whoever takes this site's place: see engine::Listens.
  void share_listeners();
  // Closes all connections.
  void stop();
  std::string endpoint() const { return server_ ? server_->endpoint() : std::string(); }

  std::optional<net::Answer> on_head(const net::RequestHead& head) override;
  void on_request(net::Request request, net::Responder responder) override;

 private:
  const Page* find(std::string_view path) const;

  net_config::HttpServer settings_;
  bool any_method_;
  std::map<std::string, Page, std::less<>> pages_;
  auth::Server* authenticator_ = nullptr;  // another extension, which lives as long as this one
  std::shared_ptr<Listeners> listeners_;   // shared with the process
  // Its own, so that a full process can still be looked at: 4 MiB is hundreds of idle connections.
  Budget budget_{4 * 1024 * 1024};
  std::unique_ptr<net::Server> server_;
};

}  // namespace weir::web
