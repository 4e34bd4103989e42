#include <doctest/doctest.h>

#include "base/gates.h"
#include "components/receivers/hostmetrics/scrapers.h"

using namespace weir;
using namespace weir::receivers::hostmetrics;

namespace {

const std::map<std::string, std::string> files = {
    {"/proc/stat", "cpu  300 0 100 1000 50 10 20 0 0 0\ncpu0 100 5 50 500 25 5 10 1 0 0\ncpu1 200 0 50 500 25 5 10 0 0 0\nbtime 1000\nprocesses 77\n"},
    {"/proc/loadavg", "0.50 1.25 2.00 1/100 7\n"},
    {"/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 200 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 300 kB\nSReclaimable: 40 kB\nSUnreclaim: 10 kB\n"},
    {"/proc/diskstats", " 8 0 sda 10 1 200 3000 20 2 400 5000 1 6000 8000 0 0 0 0\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n 8 1 sdb 1 0 2 0 0 0 0 0 0 0 0\n"},
    {"/proc/filesystems", "nodev\tproc\n\text4\nnodev\ttmpfs\n"},
    {"/proc/1/mounts", "/dev/sda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/sda2 /my\\040disk ext4 ro 0 0\n"},
    {"/proc/1/net/dev", "Inter-| Receive\n face |bytes\n  lo: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\neth0: 100 11 0 0 0 0 0 0 200 14 0 0 0 0 0 0\n"},
    {"/proc/1/net/tcp", "  sl  local_address\n   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:1F90 0100007F:8000 01 0\n"},
    {"/proc/swaps", "Filename Type Size Used Priority\n/swap file 100 40 -2\n"},
    {"/proc/vmstat", "pswpin 1\npswpout 2\npgpgin 3\npgpgout 4\npgfault 10\npgmajfault 6\n"},
    {"/proc/net/rpc/nfs", "net 8 843 666 157\nrpc 220 790 662\nproc2 1 5\nproc3 3 191 360 118\nproc4 2 320\n"},
    {"/proc/1/net/rpc/nfsd", "rc 795 819 351\nfh 709 9\nio 111 464\nth 261 0 0.000\nnet 1 430 26 597\nrpc 874 367 960 94 748\nproc3 22 1\nproc4 2 512 878\nproc4ops 5 76 7 8 9 10\nio\n\n"},
    {"/proc/uptime", "123.45 100.00\n"},
    {"/proc/7/stat", "7 (a b) S 1 7 7 0 -1 0 5 0 6 0 150 50 0 0 20 0 3 0 200 8192 2 0\n"},
    {"/proc/7/cmdline", std::string("/bin/a\0-x\0", 10)},
    {"/proc/7/status", "Uid:\t0\t0\t0\t0\nShdPnd:\t0000000000000011\n"},
    {"/proc/7/task/7/status", "voluntary_ctxt_switches:\t4\nnonvoluntary_ctxt_switches:\t5\n"},
    {"/proc/7/io", "rchar: 1\nsyscr: 2\nread_bytes: 30\nwrite_bytes: 40\n"},
};

HostFiles fake() {
  auto read = [](const std::string& path) { auto at = files.find(path); return at == files.end() ? std::string() : at->second; };
  return {.read = read,
          .read_short = read,
          .list = [](const std::string&) { return std::vector<std::string>{"7", "self"}; },
          .link = [](const std::string&) { return std::string("/bin/a"); },
          .space = [](const std::string&, FileSystemSpace& out) { out = {1000, 400, 300, 50, 20}; return true; },
          .owner = [](const std::string&) { return std::optional(0u); },
          .user_name = [](unsigned) { return std::string("root"); },
          .tcp_states = [] { return std::optional<TcpStates>(); }};
}

// "name{attributes} value", sorted.
std::vector<std::string> collected(Scrapers scrapers, int times = 1) {
  auto made = Collector::make({.scrapers = std::move(scrapers)}, fake());
  REQUIRE(made);
  std::vector<std::string> out;
  for (int i = 0; i < times; ++i) {
    out.clear();
    otlp::Batch batch = made->collect(2'000'000'000'000);
    std::size_t points = 0;
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items)
          for (auto& metric = item.read<otlp::Metric>(batch.arena()); auto& p : metric.points) {
            std::string attributes;
            for (auto& [key, value] : p.attributes) attributes += fmt::format("{}{}", attributes.empty() ? "" : ",", otlp::to_text(value));
            out.push_back(fmt::format("{}{{{}}} {}", metric.name, attributes, p.type == otlp::NumberType::integer ? fmt::format("{}", p.integer) : fmt::format("{}", p.real)));
            CHECK(p.time_unix_nano == 2'000'000'000'000);
            ++points;
          }
    CHECK(batch.items() == points);
    batch.settle({});
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool has(const std::vector<std::string>& list, std::string_view line) { return std::find(list.begin(), list.end(), line) != list.end(); }

}  // namespace

TEST_CASE("hostmetrics: cpu and load") {
  auto cpu = collected({.cpu = Scraper{}});
  CHECK(cpu.size() == 9);
  for (auto line : {"system.cpu.time{user} 3", "system.cpu.time{wait} 0.5", "system.cpu.time{steal} 0.01", "system.cpu.logical.count{} 2"}) CHECK(has(cpu, line));
  points::MetricSwitch each{.attributes = {{"cpu", "state"}}}, most{.aggregation_strategy = points::Strategy::maximum, .attributes = {{}}};
  cpu = collected({.cpu = Scraper{.metrics = {{"system.cpu.time", each}}}});
  CHECK(cpu.size() == 17);
  for (auto line : {"system.cpu.time{cpu0,user} 1", "system.cpu.time{cpu0,wait} 0.25", "system.cpu.time{cpu0,steal} 0.01"}) CHECK(has(cpu, line));
  CHECK(collected({.cpu = Scraper{.metrics = {{"system.cpu.time", most}}}}) == std::vector<std::string>{"system.cpu.logical.count{} 2", "system.cpu.time{} 5"});
  CHECK(collected({.load = Scraper{}}) == std::vector<std::string>{"system.cpu.load_average.15m{} 2", "system.cpu.load_average.1m{} 0.5", "system.cpu.load_average.5m{} 1.25"});
}

TEST_CASE("hostmetrics: metrics are switched on and off by name") {
  auto cpu = collected({.cpu = Scraper{.metrics = {{"system.cpu.utilization", {true}}, {"system.cpu.time", {false}}}}}, 2);
  CHECK(has(cpu, "system.cpu.utilization{user} 0"));
  CHECK(cpu.size() == 9);
}

TEST_CASE("hostmetrics: memory, disk, file systems, network, paging") {
  auto memory = collected({.memory = Scraper{}});
  CHECK(memory.size() == 6);
  CHECK(has(memory, "system.memory.usage{used} 409600"));
  CHECK(has(memory, "system.memory.usage{cached} 348160"));
  auto disk = collected({.disk = Scraper{.exclude = Filter{.match_type = "strict", .devices = {"sdb"}}}});
  CHECK(disk.size() == 11);
  for (auto line : {"system.disk.io{sda,read} 102400", "system.disk.io_time{sda} 6", "system.disk.operation_time{sda,write} 5", "system.disk.merged{sda,write} 2"}) CHECK(has(disk, line));
  auto filesystem = collected({.filesystem = Scraper{}});
  CHECK(filesystem.size() == 10);
  for (auto line : {"system.filesystem.usage{/dev/sda1,rw,/,ext4,used} 600", "system.filesystem.usage{/dev/sda2,ro,/my disk,ext4,reserved} 100", "system.filesystem.inodes.usage{/dev/sda1,rw,/,ext4,used} 30"})
    CHECK(has(filesystem, line));
  auto network = collected({.network = Scraper{.include = Filter{.match_type = "regexp", .interfaces = {"^eth"}}}});
  for (auto line : {"system.network.io{eth0,transmit} 200", "system.network.connections{tcp,LISTEN} 1", "system.network.connections{tcp,ESTABLISHED} 1"}) CHECK(has(network, line));
  CHECK(!has(network, "system.network.io{lo,transmit} 20"));
  auto paging = collected({.paging = Scraper{}});
  for (auto line : {"system.paging.usage{/swap,used} 40960", "system.paging.faults{minor} 16384"}) CHECK(has(paging, line));
}

TEST_CASE("hostmetrics: used memory is what is not available, or what is left of the total as in old releases") {
  struct Gates {
    explicit Gates(const char* list) { gates::set({list}); }
    ~Gates() { gates::set({}); }
  } old("-receiver.hostmetricsreceiver.UseLinuxMemAvailable");
  CHECK(has(collected({.memory = Scraper{}}), "system.memory.usage{used} 419840"));
}

TEST_CASE("hostmetrics: nfs, without lines that are not as expected") {
  auto nfs = collected({.nfs = Scraper{}});
  for (auto line : {"nfs.client.net.count{udp} 843", "nfs.client.net.tcp.connection.accepted{} 157", "nfs.client.rpc.authrefresh.count{} 662", "nfs.client.procedure.count{3,GETATTR} 360", "nfs.server.repcache.requests{nocache} 351",
                    "nfs.server.fh.stale.count{} 709", "nfs.server.io{transmit} 464", "nfs.server.thread.count{} 261", "nfs.server.rpc.count{client} 748", "nfs.server.procedure.count{4,COMPOUND} 878", "nfs.server.operation.count{4,CLOSE} 10"})
    CHECK_MESSAGE(has(nfs, line), line);
  CHECK(nfs.size() == 26);
  points::MetricSwitch version{.attributes = {{"onc_rpc.version"}}};
  nfs = collected({.nfs = Scraper{.metrics = {{"nfs.server.procedure.count", version}}}});
  CHECK(has(nfs, "nfs.server.procedure.count{4} 1390"));
}

TEST_CASE("hostmetrics: a root_path has to be there") {
  CHECK(HostFiles::check(""));
  CHECK(HostFiles::check("/"));
  auto none = HostFiles::check("/nowhere/at/all");
  REQUIRE_FALSE(none);
  CHECK(none.error().what == "invalid root_path: /nowhere/at/all: No such file or directory");
}

TEST_CASE("hostmetrics: processes, a process, uptime") {
  CHECK(collected({.processes = Scraper{}}) == std::vector<std::string>{"system.processes.count{sleeping} 1", "system.processes.created{} 77"});
  auto process = collected({.process = Scraper{}});
  for (auto line : {"process.cpu.time{user} 1.5", "process.cpu.time{system} 0.5", "process.memory.virtual{} 8192", "process.disk.io{read} 30"}) CHECK(has(process, line));
  CHECK(collected({.process = Scraper{.include = Filter{.match_type = "strict", .names = {"other"}}}}).empty());
  auto more = collected({.process = Scraper{.metrics = {{"process.cpu.utilization", {true}}, {"process.context_switches", {true}}, {"process.memory.utilization", {true}}, {"process.open_file_descriptors", {true}}, {"process.signals_pending", {true}}}}});
  for (auto line : {"process.context_switches{voluntary} 4", "process.context_switches{involuntary} 5", "process.memory.utilization{} 0.8", "process.open_file_descriptors{} 1", "process.signals_pending{} 2"}) CHECK_MESSAGE(has(more, line), line);
  CHECK(!collected({.process = Scraper{.include = Filter{.match_type = "strict", .names = {"a b"}}}}).empty());
  CHECK(collected({.system = Scraper{}}) == std::vector<std::string>{"system.uptime{} 123.45"});
}
