// What a scenario's pipelines cost without the network: requests go through the real plan on one virtual core, and are
// encoded where an exporter would send them. Nanoseconds of CPU an item; quieter than bench/compare.
//   weir_stages bench/scenarios/20_edit.yaml [items]
// Where the scenario's load has new trace ids in every request, so have these, and time goes on as with 100,000 spans a second.
#include <malloc.h>

#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bench/bodies.h"
#include "engine/testing.h"
#include "weir/load.h"

using namespace weir;

namespace {

constexpr std::size_t bodies = 16;

std::string configuration(const char* path, bool& fresh_ids) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::string out = text.str();
  fresh_ids = out.contains("--fresh-ids");
  int port = 4317;
  for (std::size_t at; (at = out.find("\"@")) != out.npos;) out.replace(at, out.find('"', at + 1) - at + 1, fmt::format("localhost:{}", port++));
  return out;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::cerr << "weir_stages SCENARIO [items]\n", 2;
  mallopt(M_MMAP_THRESHOLD, 8 * 1024 * 1024);  // as weir does
  mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
  std::size_t items = count > 2 ? std::stoull(arguments[2]) : 1'000'000;
  config::Problems problems;
  bool fresh_ids = false;
  auto loaded = app::load({.uris = {"yaml:" + configuration(arguments[1], fresh_ids)}}, problems);
  if (!loaded) return std::cerr << problems.to_string() << "\n", 1;
  bench::Shape shape{.signal = loaded->spec.pipelines.front().signal};
  Rng rng(1);
  std::vector<Bytes> requests;
  std::vector<bench::TraceIds> ids;
  for (std::size_t i = 0; i < bodies; ++i) {
    requests.push_back(bench::make_request(shape, rng));
    if (fresh_ids) ids.push_back(bench::find_trace_ids(requests.back().view()));
  }

  engine::testing::World world(1, 1);
  std::size_t sent = 0;
  for (auto& exporter : loaded->spec.exporters)
    world.rule(exporter.id.to_string(), [&](const otlp::Batch& batch) {
      for (auto& piece : batch.encode()) sent += piece.size();
      return Outcome(Error{Errc::permanent, "seen", {}});  // so that the sink keeps nothing
    });
  std::string receiver = loaded->spec.pipelines.front().receivers.front().to_string();
  world.use(std::move(loaded->spec));
  world.start();
  auto sought = world.sought(receiver, shape.signal);
  double begun = cpu_seconds();
  for (std::size_t done = 0; done < items; done += static_cast<std::size_t>(shape.items)) {
    std::size_t i = done / static_cast<std::size_t>(shape.items) % bodies;
    Bytes request = fresh_ids ? bench::with_fresh_ids(requests[i].view(), ids[i], rng.next()) : Bytes::copy_of(requests[i].view());
    auto batch = otlp::Batch::parse(shape.signal, std::move(request), {}, sought);
    world.push_to(receiver, std::move(*batch));
    if (done % 8000 == 0) world.advance(fresh_ids ? 80ms : 10ms);
  }
  double took = cpu_seconds() - begun;
  fmt::print("{:.0f} ns an item, {:.0f} bytes sent for each\n", took / static_cast<double>(items) * 1e9, static_cast<double>(sent) / static_cast<double>(items));
}
