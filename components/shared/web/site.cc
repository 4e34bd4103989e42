#include "components/shared/web/site.h"

#include "base/text.h"
#include "components/shared/listeners/listeners.h"

namespace weir::web {
namespace {

net::Response made(std::string_view type, std::string body, int status) {
  return {.status = status,
          .headers = {{"content-type", type}, {"x-content-type-options", "nosniff"}, {"cache-control", "no-store"}},
          .body = Bytes::take(std::move(body))};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

net::Response text(std::string body, int status) { return made("text/plain; charset=utf-8", std::move(body), status); }
net::Response json(std::string body, int status) { return made("application/json", std::move(body), status); }
net::Response html(std::string body) {
  net::Response out = made("text/html; charset=utf-8", std::move(body), 200);
  // Nothing on our pages comes from elsewhere or runs.
  out.headers.add("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  for (auto part : split(query, '&')) {
    auto equals = part.find('=');
    if (decode_percent(part.substr(0, equals)) == name)
      return equals == part.npos ? std::string() : decode_percent(part.substr(equals + 1));
  }
  return {};
}

void Site::add(std::string path, std::function<net::Response(const net::Request&)> make) {
  add(std::move(path), Page([make = std::move(make)](const net::Request& request, net::Responder responder) {
        responder.respond(make(request));
      }));
}

Result<> Site::start(engine::Host& host, io::Executor& executor) {
  WEIR_ASSIGN(authenticator_, auth::find_server(host, settings_.auth));
  net::ServerSettings settings = settings_.settings();
  settings.max_request_body_size = 64 * 1024;
  listeners_ = Listeners::of(host);
  settings.share_port = listeners_->shares_port(settings_.endpoint);
  int inherited = listeners_->take(settings_.endpoint, 0);
  auto server = net::Server::listen(executor, std::move(settings), budget_, *this, inherited);
  WEIR_ASSIGN(server_, std::move(server));
  return {};
}

void Site::share_listeners() {
  if (server_) listeners_->leave(settings_.endpoint, 0, server_->share_listener());
}

void Site::stop() { server_.reset(); }

const Page* Site::find(std::string_view path) const {
  auto at = pages_.find(path);
  if (at == pages_.end()) at = pages_.find("/");
  return at == pages_.end() ? nullptr : &at->second;
}

std::optional<net::Answer> Site::on_head(const net::RequestHead& head) {
  if (authenticator_)
    if (auto known = authenticator_->authenticate(head.headers); !known) return net::error_answer(head, known.error());
  if (find(head.path()) == nullptr) return text("404 page not found\n", 404);
  if (!any_method_ && head.method() != "GET" && head.method() != "HEAD") return text("405 method not allowed\n", 405);
  return std::nullopt;
}

void Site::on_request(net::Request request, net::Responder responder) {
  (*find(request.path()))(request, std::move(responder));
}

}  // namespace weir::web
