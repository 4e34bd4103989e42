// Simulates targets that Prometheus exporters would be: each an address of its own in 127.0.0.0/8, all on one port, each with the same
// number of series whose values change. `--sd FILE` writes the addresses for file_sd_configs; GET /count on any of them tells how many samples
// were scraped from all.
#include <CLI/CLI.hpp>

#include <fstream>

#include "net/server.h"

using namespace weir;

namespace {

// The text of an answer with places for values: eight digits each, written anew for every scrape.
class Exposition {
 public:
  Exposition(std::size_t target, std::size_t series) : seed_(target) {
    for (std::size_t n = 0; series_ < series; ++n) {
      if (n % 4 == 3) histogram(n);
      else metric(n, n % 4 == 2 ? "gauge" : "counter");
    }
  }

  std::size_t series() const { return series_; }

  Bytes render(std::uint64_t scrape) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      std::uint64_t value = 10'000'000 + (scrape * (1 + (i + seed_) % 7) + i * 31) % 89'999'999;
      for (std::size_t digit = 8; digit-- > 0; value /= 10) text_[places_[i] + digit] = static_cast<char>('0' + value % 10);
    }
    return Bytes::copy_of(text_);
  }

 private:
  void sample(std::string_view name, std::string_view labels) {
    text_ += fmt::format("{}{{{}}} ", name, labels);
    places_.push_back(text_.size());
    text_ += "00000000\n";
    ++series_;
  }

  std::string start(std::size_t n, std::string_view type) {
    std::string name = fmt::format("shop_subsystem_{}_{}", n, type == "counter" ? "requests_total" : type == "gauge" ? "queue_length" : "duration_seconds");
    text_ += fmt::format("# HELP {} What the simulated program counts here, in about as many words as usual.\n# TYPE {} {}\n", name, name, type);
    return name;
  }

  void metric(std::size_t n, std::string_view type) {
    std::string name = start(n, type);
    for (int i = 0; i < 8; ++i) sample(name, fmt::format("method=\"{}\",code=\"{}\",handler=\"/api/v1/orders/{}\"", i % 2 ? "GET" : "POST", 200 + 100 * (i % 4), i));
  }

  // The +Inf bucket and the count have one value; buckets need not grow here.
  void histogram(std::size_t n) {
    std::string name = start(n, "histogram");
    for (auto bound : {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"}) sample(name + "_bucket", fmt::format("handler=\"/api/v1/orders\",le=\"{}\"", bound));
    sample(name + "_sum", "handler=\"/api/v1/orders\"");
    sample(name + "_count", "handler=\"/api/v1/orders\"");
  }

  std::size_t seed_, series_ = 0;
  std::string text_;
  std::vector<std::size_t> places_;
};

struct Counts {
  std::uint64_t series = 0, samples = 0;
};

class Target : public net::Handler {
 public:
  Target(std::size_t index, std::size_t series, Counts& counts) : exposition_(index, series), counts_(counts) { counts_.series += exposition_.series(); }

  void on_request(net::Request request, net::Responder responder) override {
    if (request.path() == "/count")
      return responder.respond(net::Response{.body = Bytes::take(fmt::format(R"({{"series":{},"samples":{}}})", counts_.series, counts_.samples))});
    counts_.samples += exposition_.series();
    responder.respond(net::Response{.headers = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}, .body = exposition_.render(++scrape_)});
  }

 private:
  Exposition exposition_;
  std::uint64_t scrape_ = 0;
  Counts& counts_;
};

std::string address_of(std::size_t index, int port) { return fmt::format("127.66.{}.{}:{}", index / 250, 1 + index % 250, port); }

}  // namespace

int main(int argc, char** argv) {
  std::size_t targets = 1000, series = 500;
  int port = 9100;
  std::string sd;
  CLI::App app{"Simulated targets for scraping."};
  app.add_option("--targets", targets, "How many");
  app.add_option("--series", series, "Series of each, at least");
  app.add_option("--port", port, "The port of all of them");
  app.add_option("--sd", sd, "Write the addresses into this file, for file_sd_configs");
  CLI11_PARSE(app, argc, argv);
  io::Loop loop;
  Budget budget;
  Counts counts;
  std::vector<std::unique_ptr<Target>> handlers;
  std::vector<std::unique_ptr<net::Server>> servers;
  std::string list;
  for (std::size_t i = 0; i < targets; ++i) {
    handlers.push_back(std::make_unique<Target>(i, series, counts));
    net::ServerSettings settings;
    settings.endpoint = address_of(i, port);
    settings.idle_timeout = 5min;
    settings.backlog = 16;
    auto server = net::Server::listen(loop, settings, budget, *handlers.back());
    if (!server) {
      fmt::print(stderr, "{}: {}\n", settings.endpoint, server.error().what);
      return 1;
    }
    servers.push_back(std::move(*server));
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", settings.endpoint);
  }
  if (!sd.empty()) std::ofstream(sd) << "[{\"targets\": [" << list << "]}]\n";
  fmt::print("ready\n");
  std::fflush(stdout);
  loop.run();
}
