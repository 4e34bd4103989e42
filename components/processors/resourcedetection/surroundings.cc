#include "components/processors/resourcedetection/surroundings.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>

namespace weir::processors::resourcedetection {
namespace {

constexpr std::size_t longest_answer = 1024 * 1024;

// A request under way, and the client made for it. Of the core.
struct Call {
  std::unique_ptr<net::HttpClient> client;
  std::promise<Result<net::HttpResponse>> answer;
};

class Real : public Surroundings {
 public:
  Real(const Config& config, io::Executor& executor, io::Fs& fs)
      : settings_(config.client.settings()), timeout_(config.timeout), executor_(executor), fs_(fs) {
    settings_.max_response_body = longest_answer;
  }

  std::optional<std::string> env(const std::string& name) override {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  }

  Result<std::string> read_file(const std::string& path) override {
    WEIR_ASSIGN(auto file, fs_.open(path, io::OpenMode::read));
    std::string out(longest_answer, '\0');  // files of /proc say that their size is 0
    WEIR_ASSIGN(std::size_t got, file->read_at(0, out));
    out.resize(got);
    return out;
  }

  Result<net::HttpResponse> fetch(net::HttpRequest request) override { return fetch(std::move(request), settings_.tls); }

  Result<net::HttpResponse> fetch(net::HttpRequest request, const net::TlsClientSettings& tls) override {
    request.timeout = timeout_;
    request.compress = false;
    net::HttpClientSettings settings = settings_;
    settings.tls = tls;
    auto call = std::make_shared<Call>();  // shared by the core and this thread: either may be the last to let go
    auto answer = call->answer.get_future();
    executor_.post([&executor = executor_, call, settings, request = std::move(request)]() mutable { begin(executor, call, std::move(settings), std::move(request)); });
    // The client keeps the time; this one is for a core that runs no more.
    if (answer.wait_for(timeout_ + 1s) != std::future_status::ready) return fail(Errc::retryable, "no answer");
    return answer.get();
  }

  Result<std::string> fetch_unix(const std::string& socket, const std::string& path) override;

 private:
  static void begin(io::Executor& executor, std::shared_ptr<Call> call, net::HttpClientSettings settings, net::HttpRequest request) {
    auto client = net::HttpClient::make(executor, std::move(settings));
    if (!client) return call->answer.set_value(std::unexpected(client.error()));
    call->client = std::move(*client);
    call->client->send(std::move(request), [&executor, call](Result<net::HttpResponse> response) {
      call->answer.set_value(std::move(response));
      executor.post([call] { call->client.reset(); });  // not from within its own callback
    });
  }

  net::HttpClientSettings settings_;
  Duration timeout_;
  io::Executor& executor_;
  io::Fs& fs_;
};

struct Socket {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

// HTTP/1.0, so that the answer ends with the connection and comes in one piece.
Result<std::string> Real::fetch_unix(const std::string& path_of_socket, const std::string& path) {
  Socket socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_of_socket.size() >= sizeof address.sun_path) return fail(Errc::config, "{}: too long a name for a socket", path_of_socket);
  std::memcpy(address.sun_path, path_of_socket.data(), path_of_socket.size());
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout_);
  timeval limit{.tv_sec = std::max<long>(1, seconds.count()), .tv_usec = 0};
  setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(socket.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail(Errc::retryable, "{}: {}", path_of_socket, std::strerror(errno));
  std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  if (::send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    return fail(Errc::retryable, "{}: {}", path_of_socket, std::strerror(errno));
  std::string answer;
  char buffer[16 * 1024];
  for (ssize_t got; (got = ::recv(socket.fd, buffer, sizeof buffer, 0)) != 0;) {
    if (got < 0) return fail(Errc::retryable, "{}: {}", path_of_socket, std::strerror(errno));
    answer.append(buffer, static_cast<std::size_t>(got));
    if (answer.size() > longest_answer) return fail(Errc::invalid, "{} answers with more than 1 MiB", path_of_socket);
  }
  auto head = answer.find("\r\n\r\n");
  bool good = answer.starts_with("HTTP/1.") && answer.substr(8, 5) == " 200 " && head != answer.npos;
  if (!good) return fail(Errc::retryable, "{}{} answers '{}'", path_of_socket, path, answer.substr(0, answer.find('\r')));
  return answer.substr(head + 4);
}

}  // namespace

std::unique_ptr<Surroundings> real_surroundings(const Config& config, io::Executor& executor, io::Fs& fs) {
  return std::make_unique<Real>(config, executor, fs);
}

}  // namespace weir::processors::resourcedetection
