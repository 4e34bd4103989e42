#include "components/extensions/pprof/pprof.h"

#include <charconv>
#include <fstream>
#include <sstream>

#include "base/log.h"

namespace weir::extensions::pprof {
namespace {

net_config::HttpServer server_settings(const Config& config) {
  net_config::HttpServer out;
  out.endpoint = config.endpoint;
  return out;
}

constexpr std::string_view index = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>/debug/pprof/</title></head><body>
<h1>/debug/pprof/</h1>
<p><a href="profile">profile</a>: where the CPU's time goes, for 30 seconds or ?seconds=N. Read it with
<code>go tool pprof http://host:1777/debug/pprof/profile</code>.</p>
<p><a href="cmdline">cmdline</a>: how this process was started.</p>
<p><a href="heap">heap</a>, <a href="allocs">allocs</a>: who holds memory, and who asked for it, since this extension began to run.</p>
<p>goroutine, threadcreate, block, mutex, trace: there is
no such thing here.</p>
</body></html>
)";

std::string command_line() {
  std::ifstream file("/proc/self/cmdline");
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// 30 s when absent; nothing when it makes no sense.
std::optional<Duration> seconds_of(std::string_view query) {
  auto text = web::query_value(query, "seconds");
  if (!text) return 30s;
  unsigned n = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
  if (error != std::errc{} || end != text->data() + text->size() || n == 0 || std::chrono::seconds(n) > Pprof::longest) return {};
  return std::chrono::seconds(n);
}

net::Response download(std::string_view name, std::string profile) {
  return {.headers = {{"content-type", "application/octet-stream"}, {"content-disposition", fmt::format("attachment; filename=\"{}\"", name)}},
          .body = Bytes::take(std::move(profile))};
}

}  // namespace

Pprof::Pprof(const Config& config, const engine::ExtensionContext& context, io::Fs& fs)
    : config_(config), context_(context), fs_(fs), site_(server_settings(config)) {
  site_.add("/debug/pprof/", [](const net::Request&) { return web::html(std::string(index)); });
  site_.add("/debug/pprof/cmdline", [](const net::Request&) { return web::text(command_line()); });
  site_.add("/debug/pprof/profile",
            web::Page([this](const net::Request& request, net::Responder responder) { serve_profile(request, std::move(responder)); }));
  for (std::string_view name : {"heap", "allocs"})
    site_.add(fmt::format("/debug/pprof/{}", name), [this](const net::Request&) { return heap_page(); });
}

net::Response Pprof::heap_page() const {
  auto profile = encode_profile(HeapSampler::profile(), executable_mappings(), heap_begun_, Duration::zero());
  return profile ? download("heap", std::move(*profile)) : web::text(profile.error().what + "\n", 500);
}

Result<> Pprof::start() {
  WEIR_TRY(site_.start(context_));
  heap_begun_ = context_.executor.wall();
  heap_.start();
  if (!config_.save_to_file.empty()) WEIR_TRY(begin());
  return {};
}

void Pprof::stop() {
  site_.stop();
  heap_.stop();
  if (recording_ && !config_.save_to_file.empty())
    if (auto saved = save(); !saved) log::error("Saving the CPU profile failed.", {{"error", saved.error().what}});
  for (io::TimerId timer : {drain_timer_, end_timer_})
    if (timer) context_.executor.cancel(timer);
  recording_.reset();
  waiting_ = {};
}

Result<> Pprof::begin() {
  auto recording = std::make_unique<Recording>();
  WEIR_TRY(recording->sampler.start());
  recording->begun = context_.executor.wall();
  recording->since = context_.executor.now();
  recording_ = std::move(recording);
  drain_regularly();
  return {};
}

// The sampler has room for about a second of two busy cores.
void Pprof::drain_regularly() {
  recording_->sampler.drain(recording_->stacks);
  drain_timer_ = context_.executor.at(context_.executor.now() + 100ms, [this] { drain_regularly(); });
}

Result<std::string> Pprof::end() {
  context_.executor.cancel(std::exchange(drain_timer_, 0));
  auto recording = std::exchange(recording_, nullptr);
  recording->sampler.stop();
  recording->sampler.drain(recording->stacks);
  if (auto lost = recording->sampler.lost()) log::warn("Some stacks were not noted.", {{"lost", lost}});
  return encode_profile(cpu_profile(recording->stacks), executable_mappings(), recording->begun, context_.executor.now() - recording->since);
}

void Pprof::serve_profile(const net::Request& request, net::Responder responder) {
  auto length = seconds_of(request.query());
  if (!length) return responder.respond(web::text("seconds must be between 1 and 600\n", 400));
  if (recording_) return responder.respond(web::text("the CPU is being profiled already\n", 503));
  if (auto begun = begin(); !begun) return responder.respond(web::text(begun.error().what + "\n", 503));
  waiting_ = std::move(responder);
  end_timer_ = context_.executor.at(context_.executor.now() + *length, [this] {
    end_timer_ = 0;
    auto profile = end();
    auto to = std::exchange(waiting_, {});
    if (!profile) return to.respond(web::text(profile.error().what + "\n", 500));
    to.respond(download("profile", std::move(*profile)));
  });
}

Result<> Pprof::save() {
  WEIR_ASSIGN(std::string profile, end());
  WEIR_ASSIGN(auto file, fs_.open(config_.save_to_file, io::OpenMode::replace, 0644));
  std::string_view bytes = profile;
  return file->append(std::span(&bytes, 1));
}

}  // namespace weir::extensions::pprof
