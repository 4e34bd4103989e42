// Counters of the kernel's NFS client and server.
#include "base/number.h"
#include "base/text.h"
#include "components/receivers/hostmetrics/scrapers.h"

namespace weir::receivers::hostmetrics {
namespace {

// In the order of their numbers, which is that of the counters in a line. "": not told.
using Names = std::span<const std::string_view>;

constexpr std::string_view v3_procedures[] = {"NULL",  "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ",    "WRITE",       "CREATE", "MKDIR",  "SYMLINK",
                                              "MKNOD", "REMOVE",  "RMDIR",   "RENAME", "LINK",   "READDIR",  "READDIRPLUS", "FSSTAT", "FSINFO", "PATHCONF", "COMMIT"};

constexpr std::string_view v4_client_operations[] = {
    "NULL", "READ", "WRITE", "COMMIT", "OPEN", "OPEN_CONFIRM", "OPEN_NOATTR", "OPEN_DOWNGRADE", "CLOSE", "SETATTR", "FSINFO", "RENEW", "SETCLIENTID", "SETCLIENTID_CONFIRM", "LOCK", "LOCKT", "LOCKU",
    "ACCESS", "GETATTR", "LOOKUP", "LOOKUP_ROOT", "REMOVE", "RENAME", "LINK", "SYMLINK", "CREATE", "PATHCONF", "STATFS", "READLINK", "READDIR", "SERVER_CAPS", "DELEGRETURN", "GETACL", "SETACL",
    "FS_LOCATIONS", "RELEASE_LOCKOWNER", "SECINFO", "FSID_PRESENT", "EXCHANGE_ID", "CREATE_SESSION", "DESTROY_SESSION", "SEQUENCE", "GET_LEASE_TIME", "RECLAIM_COMPLETE", "GETDEVICEINFO", "LAYOUTGET",
    "LAYOUTCOMMIT", "LAYOUTRETURN", "SECINFO_NO_NAME", "TEST_STATEID", "FREE_STATEID", "GETDEVICELIST", "BIND_CONN_TO_SESSION", "DESTROY_CLIENTID", "SEEK", "ALLOCATE", "DEALLOCATE", "LAYOUTSTATS",
    "CLONE", "COPY", "OFFLOAD_CANCEL", "COPY_NOTIFY", "LOOKUPP", "LAYOUTERROR", "GETXATTR", "SETXATTR", "LISTXATTRS", "REMOVEXATTR", "READ_PLUS"};

constexpr std::string_view v4_server_procedures[] = {"NULL", "COMPOUND"};

constexpr std::string_view v4_server_operations[] = {
    "", "", "", "ACCESS", "CLOSE", "COMMIT", "CREATE", "DELEGPURGE", "DELEGRETURN", "GETATTR", "GETFH", "LINK", "LOCK", "LOCKT", "LOCKU", "LOOKUP", "LOOKUPP", "NVERIFY", "OPEN", "OPENATTR",
    "OPEN_CONFIRM", "OPEN_DOWNGRADE", "PUTFH", "PUTPUBFH", "PUTROOTFH", "READ", "READDIR", "READLINK", "REMOVE", "RENAME", "RENEW", "RESTOREFH", "SAVEFH", "SECINFO", "SETATTR", "SETCLIENTID",
    "SETCLIENTID_CONFIRM", "VERIFY", "WRITE", "RELEASE_LOCKOWNER", "BACKCHANNEL_CTL", "BIND_CONN_TO_SESSION", "EXCHANGE_ID", "CREATE_SESSION", "DESTROY_SESSION", "FREE_STATEID", "GET_DIR_DELEGATION",
    "GETDEVICEINFO", "GETDEVICELIST", "LAYOUTCOMMIT", "LAYOUTGET", "LAYOUTRETURN", "SECINFO_NO_NAME", "SEQUENCE", "SET_SSV", "TEST_STATEID", "WANT_DELEGATION", "DESTROY_CLIENTID", "RECLAIM_COMPLETE",
    "ALLOCATE", "COPY", "COPY_NOTIFY", "DEALLOCATE", "IO_ADVISE", "LAYOUTERROR", "LAYOUTSTATS", "OFFLOAD_CANCEL", "OFFLOAD_STATUS", "READ_PLUS", "SEEK", "WRITE_SAME", "CLONE", "GETXATTR", "SETXATTR",
    "LISTXATTRS", "REMOVEXATTR"};

// A line of counters behind a word.
class Line {
 public:
  explicit Line(std::string_view text) : words_(words(text)) {}
  std::string_view name() const { return words_.empty() ? std::string_view() : words_[0]; }
  std::size_t size() const { return words_.empty() ? 0 : words_.size() - 1; }
  std::int64_t operator[](std::size_t i) const { return number(words_[i + 1]); }

 private:
  std::vector<std::string_view> words_;
};

// The first counter of such a line says how many follow.
void calls(Points& out, const Line& line, std::string_view metric, std::string_view attribute, std::int64_t version, Names names) {
  if (line.size() < 2 || static_cast<std::uint64_t>(line[0]) != line.size() - 1) return;
  for (std::size_t i = 0; i < std::min(names.size(), line.size() - 1); ++i)
    if (!names[i].empty()) out.add(metric, line[i + 1], {{.key = "onc_rpc.version", .number = version}, {attribute, names[i]}});
}

void procedures(Points& out, const Line& line, std::string_view metric, std::int64_t version, Names names) { calls(out, line, metric, "onc_rpc.procedure.name", version, names); }
void operations(Points& out, const Line& line, std::string_view metric, Names names) { calls(out, line, metric, "nfs.operation.name", 4, names); }

void client(Points& out, const Line& line) {
  if (line.name() == "net" && line.size() >= 4) {
    out.add("nfs.client.net.count", line[1], {{"network.transport", "udp"}});
    out.add("nfs.client.net.count", line[2], {{"network.transport", "tcp"}});
    out.add("nfs.client.net.tcp.connection.accepted", line[3]);
  } else if (line.name() == "rpc" && line.size() >= 3) {
    out.add("nfs.client.rpc.count", line[0]);
    out.add("nfs.client.rpc.retransmit.count", line[1]);
    out.add("nfs.client.rpc.authrefresh.count", line[2]);
  } else if (line.name() == "proc3") {
    procedures(out, line, "nfs.client.procedure.count", 3, v3_procedures);
  } else if (line.name() == "proc4") {  // parts of compound procedures
    operations(out, line, "nfs.client.operation.count", v4_client_operations);
  }
}

void server(Points& out, const Line& line) {
  std::string_view name = line.name();
  std::size_t size = line.size();
  if (name == "rc" && size >= 3) {
    constexpr std::string_view states[] = {"hit", "miss", "nocache"};
    for (std::size_t i = 0; i < 3; ++i) out.add("nfs.server.repcache.requests", line[i], {{"nfs.server.repcache.status", states[i]}});
  } else if (name == "fh" && size >= 1) {
    out.add("nfs.server.fh.stale.count", line[0]);
  } else if (name == "io" && size >= 2) {
    out.add("nfs.server.io", line[0], {{"network.io.direction", "receive"}});
    out.add("nfs.server.io", line[1], {{"network.io.direction", "transmit"}});
  } else if (name == "th" && size >= 1) {
    out.add("nfs.server.thread.count", line[0]);
  } else if (name == "net" && size >= 4) {
    out.add("nfs.server.net.count", line[1], {{"network.transport", "udp"}});
    out.add("nfs.server.net.count", line[2], {{"network.transport", "tcp"}});
    out.add("nfs.server.net.tcp.connection.accepted", line[3]);
  } else if (name == "rpc" && size >= 5) {
    constexpr std::string_view errors[] = {"format", "auth", "client"};
    for (std::size_t i = 0; i < 3; ++i) out.add("nfs.server.rpc.count", line[i + 2], {{"error.type", errors[i]}});
  } else if (name == "proc3") {
    procedures(out, line, "nfs.server.procedure.count", 3, v3_procedures);
  } else if (name == "proc4") {
    procedures(out, line, "nfs.server.procedure.count", 4, v4_server_procedures);
  } else if (name == "proc4ops") {
    operations(out, line, "nfs.server.operation.count", v4_server_operations);
  }
}

}  // namespace

void Collector::nfs(Points& out) const {
  auto each_line = [&](std::string_view name, void (*work)(Points&, const Line&)) {
    std::string text = files_.read(fmt::format("/proc/1/net/rpc/{}", name));
    if (text.empty()) text = files_.read(fmt::format("/proc/net/rpc/{}", name));
    for (std::string_view line : split(text, '\n')) work(out, Line(line));
  };
  each_line("nfs", client);
  each_line("nfsd", server);
}

}  // namespace weir::receivers::hostmetrics
