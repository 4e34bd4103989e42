#include "weir/operator/status.h"

#include "base/text.h"
#include "inject/inject.h"
#include "kube/json.h"
#include "kube/transport.h"
#include "weir/operator/connect.h"

namespace weir::app {

using config::Value;
using inject::text_at;

namespace {

// Languages that the pod's annotations ask for. Those of its namespace are not looked at: the pods may be older.
std::vector<std::string> asked_for(const Value& pod) {
  std::vector<std::string> out;
  for (auto& language : inject::languages()) {
    std::string value = inject::entry_of(pod, "metadata::annotations", fmt::format("{}inject-{}", inject::annotation_prefix, language.word));
    if (!value.empty() && !equal_ignore_case(value, "false")) out.emplace_back(language.word);
  }
  return out;
}

// One request at a time, on a loop of its own.
class Client {
 public:
  explicit Client(std::unique_ptr<kube::Transport> transport, io::Loop& loop) : transport_(std::move(transport)), loop_(loop) {}

  Result<Value> get(const std::string& target) {
    std::optional<Result<net::HttpResponse>> answer;
    transport_->send("GET", target, "", "", [&](Result<net::HttpResponse> response) { answer = std::move(response); });
    if (!loop_.run_until([&] { return answer.has_value(); }, 35s)) return fail(Errc::retryable, "the API server does not answer");
    if (!*answer) return fail(std::move(*answer).error());
    if ((*answer)->status != 200) return fail(Errc::permanent, "{}: status {}: {}", target, (*answer)->status, (*answer)->body.substr(0, 300));
    return kube::parse_json((*answer)->body);
  }

 private:
  std::unique_ptr<kube::Transport> transport_;
  io::Loop& loop_;
};

Result<Fleet> look_at_pods(Client& client) {
  Fleet out;
  std::string next;
  do {
    WEIR_ASSIGN(Value page, client.get(fmt::format("/api/v1/pods?limit=200{}{}", next.empty() ? "" : "&continue=", next)));
    add_pods(page, out);
    next = text_at(page, "metadata::continue");
  } while (!next.empty());
  return out;
}

void print_list(const Value& list, std::string_view what, std::string_view detail) {
  const Value* items = list.get("items");
  fmt::print("{} {}\n", items ? items->size() : 0, what);
  for (std::size_t i = 0; items && i < items->items().size(); ++i) {
    auto& item = items->items()[i];
    fmt::print("  {}/{}  {}\n", text_at(item, "metadata::namespace"), text_at(item, "metadata::name"), text_at(item, detail));
  }
}

}  // namespace

void add_pods(const Value& list, Fleet& fleet) {
  const Value* items = list.get("items");
  for (std::size_t i = 0; items && i < items->items().size(); ++i) {
    auto& pod = items->items()[i];
    auto asked = asked_for(pod);
    if (asked.empty()) continue;
    ++fleet.asking;
    if (inject::is_injected(pod)) {
      ++fleet.instrumented;
      continue;
    }
    std::string words;
    for (auto& word : asked) words += (words.empty() ? "" : ", ") + word;
    fleet.missing.push_back(fmt::format("{}/{}: asks for {}", text_at(pod, "metadata::namespace"), text_at(pod, "metadata::name"), words));
  }
}

int operator_status(const OperatorOptions& options) {
  io::Loop loop;
  auto show = [&]() -> Result<> {
    WEIR_ASSIGN(auto connection, connect(options));
    WEIR_ASSIGN(auto transport, kube::make_transport(loop, std::move(connection), io::system_fs(), 64 * 1024 * 1024));
    Client client(std::move(transport), loop);
    WEIR_ASSIGN(Value instrumentations, client.get("/apis/opentelemetry.io/v1alpha1/instrumentations"));
    print_list(instrumentations, "Instrumentations", "spec::exporter::endpoint");
    if (auto collectors = client.get("/apis/opentelemetry.io/v1beta1/opentelemetrycollectors")) print_list(*collectors, "collectors", "status::conditions::0::message");
    WEIR_ASSIGN(Fleet fleet, look_at_pods(client));
    fmt::print("{} pods ask for instrumentation, {} have it\n", fleet.asking, fleet.instrumented);
    for (auto& line : fleet.missing) fmt::print("  {}\n", line);
    return {};
  };
  if (auto shown = show(); !shown) {
    fmt::print(stderr, "weir operator status: {}\n", shown.error().what);
    return 1;
  }
  return 0;
}

}  // namespace weir::app
