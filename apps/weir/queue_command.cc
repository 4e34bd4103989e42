#include "weir/queue_command.h"

#include <set>

#include "components/shared/exporting/disk_queue.h"
#include "components/shared/storage/kept_state.h"
#include "otlp/json.h"
#include "storage/checkpoints.h"

namespace weir::app {
namespace {

using storage::SegmentName;

struct Queue {
  std::string name, directory;
};

struct Totals {
  std::uint64_t requests = 0, items = 0, bytes = 0;
  UnixNanos oldest = 0;
  storage::Skipped skipped;
};

std::vector<io::FileInfo> entries(io::Fs& fs, const std::string& directory) {
  auto found = fs.list(directory);
  return found ? *found : std::vector<io::FileInfo>();
}

bool is_queue(io::Fs& fs, const std::string& directory) {
  return std::ranges::any_of(entries(fs, directory), [](auto& entry) { return SegmentName::parse(entry.name) || (entry.is_directory && entry.name == "dead"); });
}

std::vector<Queue> find_queues(io::Fs& fs, const QueueOptions& options) {
  std::string root = options.directory;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  if (is_queue(fs, root)) return {{root.substr(root.rfind('/') + 1), root}};
  if (auto inside = fs.info(root + "/queues"); inside && *inside && (*inside)->is_directory) root += "/queues";
  std::vector<Queue> out;
  for (auto& entry : entries(fs, root))
    if (entry.is_directory && (options.queue.empty() || options.queue == entry.name) && is_queue(fs, root + "/" + entry.name))
      out.push_back({entry.name, root + "/" + entry.name});
  return out;
}

std::vector<SegmentName> segments(io::Fs& fs, const std::string& directory) {
  std::vector<SegmentName> out;
  for (auto& entry : entries(fs, directory))
    if (auto name = SegmentName::parse(entry.name)) out.push_back(*name);
  return out;  // by name, which is by number
}

std::set<std::uint32_t> settled(io::Fs& fs, const std::string& directory, const SegmentName& name) {
  auto file = fs.open(directory + "/" + name.settled_file(), io::OpenMode::read);
  if (!file) return {};
  std::string bytes((*file)->size(), '\0');
  auto got = (*file)->read_at(0, bytes);
  if (!got) return {};
  auto indexes = storage::decode_settled(std::string_view(bytes).substr(0, *got), name.salt);
  return {indexes.begin(), indexes.end()};
}

// Calls `each` for what is not settled, until it returns false. Errors of the disk are said and count as damage.
Totals walk(io::Fs& fs, const std::string& directory, std::string& out, const std::function<bool(const storage::Record&)>& each) {
  Totals totals;
  for (auto& name : segments(fs, directory)) {
    std::string path = directory + "/" + name.segment_file();
    auto file = fs.open(path, io::OpenMode::read);
    if (!file) {
      out += file.error().what + "\n";
      ++totals.skipped.broken;
      continue;
    }
    totals.bytes += (*file)->size();
    auto done = settled(fs, directory, name);
    storage::SegmentReader reader(**file, name);
    for (;;) {
      auto record = reader.next();
      if (!record) {
        out += record.error().what + "\n";
        ++totals.skipped.broken;
        break;
      }
      if (!*record) break;
      if (done.contains((*record)->head.index)) continue;
      ++totals.requests;
      totals.items += (*record)->head.items;
      if (totals.oldest == 0 || (*record)->head.time < totals.oldest) totals.oldest = (*record)->head.time;
      if (each && !each(**record)) return totals;
    }
    if (reader.skipped().damage() || reader.skipped().torn) out += fmt::format("{}: {}\n", path, reader.skipped().text());
    totals.skipped += reader.skipped();
  }
  return totals;
}

std::string age(UnixNanos oldest, UnixNanos now) {
  if (oldest == 0 || oldest > now) return "-";
  return format_duration(std::chrono::duration_cast<std::chrono::seconds>(Duration(static_cast<std::int64_t>(now - oldest))));
}

// What is changed here must not be in use.
Result<std::shared_ptr<void>> lock(io::Fs& fs, const Queue& queue) {
  std::string parent = queue.directory.substr(0, queue.directory.rfind('/'));
  if (parent.ends_with("/queues")) parent = parent.substr(0, parent.rfind('/'));
  auto token = fs.lock(parent + "/weir.lock", 0s);
  if (!token && token.error().code == Errc::refused) return fail(Errc::refused, "{} is in use: stop weir first", parent);
  return token;
}

int none(const QueueOptions& options, std::string& out) {
  out += fmt::format("no queue is in {}\n", options.directory);
  return 2;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", c);
    else out += c;
  }
  return out + "\"";
}

}  // namespace

int list_queues(io::Fs& fs, const QueueOptions& options, UnixNanos now, std::string& out) {
  auto queues = find_queues(fs, options);
  if (queues.empty()) return none(options, out);
  std::string said;
  out += fmt::format("{:<40} {:>10} {:>12} {:>14} {:>10} {:>12}\n", "queue", "requests", "items", "bytes", "oldest", "dead letters");
  for (auto& queue : queues) {
    Totals waiting = walk(fs, queue.directory, said, nullptr), dead = walk(fs, queue.directory + "/dead", said, nullptr);
    out += fmt::format("{:<40} {:>10} {:>12} {:>14} {:>10} {:>12}\n", queue.name, waiting.requests, waiting.items, waiting.bytes, age(waiting.oldest, now), dead.requests);
  }
  out += said;
  return 0;
}

int show_queue(io::Fs& fs, const QueueOptions& options, std::string& out) {
  auto queues = find_queues(fs, options);
  if (queues.empty()) return none(options, out);
  std::size_t left = options.limit;
  std::string said;
  for (auto& queue : queues)
    walk(fs, options.dead ? queue.directory + "/dead" : queue.directory, said, [&](const storage::Record& record) {
      if (left == 0) return false;
      --left;
      auto request = exporting::decode_request(record.payload);
      auto batch = request ? otlp::Batch::parse(request->facts.signal, request->body) : Result<otlp::Batch>(std::unexpected(request.error()));
      out += fmt::format(R"({{"queue":{},"time":"{}","items":{})", json_text(queue.name), format_rfc3339(record.head.time), record.head.items);
      if (request && !request->facts.error.empty()) out += fmt::format(R"(,"error":{})", json_text(request->facts.error));
      if (batch) out += fmt::format(R"(,"signal":"{}","request":{}}})", to_string(request->facts.signal), otlp::to_json(*batch));
      else out += fmt::format(R"(,"unreadable":{}}})", json_text(batch.error().what));
      out += '\n';
      return left > 0;
    });
  out += said;
  return 0;
}

namespace {

bool is_request(const storage::Record& record) {
  auto request = exporting::decode_request(record.payload);
  return request && otlp::Batch::parse(request->facts.signal, request->body);
}

// What was looked at, and whether all of it is as it was written.
struct Checked {
  std::size_t places = 0;
  bool damaged = false;

  void log(io::Fs& fs, const std::string& directory, std::string_view what, bool requests, bool also_empty, std::string& out) {
    std::uint64_t unreadable = 0;
    Totals totals = walk(fs, directory, out, [&](const storage::Record& record) {
      unreadable += requests && !is_request(record);
      return true;
    });
    damaged |= totals.skipped.damage() || unreadable > 0;
    bool empty = totals.requests == 0 && !totals.skipped.damage();
    if (empty && !also_empty) return;
    ++places;
    out += fmt::format("{}: {} {} with {} items are whole, {} damaged, {} of a later version, {} not OTLP\n", directory, totals.requests - unreadable, what, totals.items,
                       totals.skipped.broken, totals.skipped.unknown, unreadable);
  }

  // Of a file that is read as a whole.
  void file(io::Fs& fs, const std::string& path, Result<> (*check)(std::string_view), std::string& out) {
    ++places;
    auto result = [&]() -> Result<> {
      WEIR_ASSIGN(auto file, fs.open(path, io::OpenMode::read));
      if (file->size() > largest) return fail(Errc::corrupt, "it has {} bytes", file->size());
      std::string bytes(file->size(), '\0');
      WEIR_ASSIGN(std::size_t got, file->read_at(0, bytes));
      return check(std::string_view(bytes).substr(0, got));
    }();
    damaged |= !result;
    out += result ? path + ": whole\n" : fmt::format("{}: damaged: {}\n", path, result.error().what);
  }

 private:
  static constexpr std::uint64_t largest = 256u << 20;
};

Result<> check_checkpoints(std::string_view bytes) {
  WEIR_TRY(storage::decode_checkpoints(bytes));
  return {};
}

// What components keep beside queues: spans that wait, decisions, counts, positions of receivers.
void check_others(io::Fs& fs, std::string root, Checked& checked, std::string& out) {
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  for (auto& stage : entries(fs, root + "/held")) {
    if (!stage.is_directory) continue;
    std::string held = root + "/held/" + stage.name;
    checked.log(fs, held, "requests", true, false, out);
    checked.log(fs, held + "/decisions", "lists of decisions", false, false, out);
  }
  for (auto& entry : entries(fs, root + "/state"))
    if (!entry.is_directory && !entry.name.ends_with(".new")) checked.file(fs, root + "/state/" + entry.name, storage::check_kept_state, out);
  for (auto& entry : entries(fs, root))
    if (!entry.is_directory && entry.name.starts_with("receiver_") && (entry.name.ends_with(".0") || entry.name.ends_with(".1")))
      checked.file(fs, root + "/" + entry.name, check_checkpoints, out);
}

}  // namespace

int check_queues(io::Fs& fs, const QueueOptions& options, std::string& out) {
  Checked checked;
  for (auto& queue : find_queues(fs, options)) {
    checked.log(fs, queue.directory, "requests", true, true, out);
    checked.log(fs, queue.directory + "/dead", "requests", true, false, out);
  }
  if (options.queue.empty()) check_others(fs, options.directory, checked, out);
  if (checked.places == 0) return none(options, out);
  return checked.damaged ? 1 : 0;
}

int replay_queues(io::Fs& fs, const QueueOptions& options, std::string& out) {
  auto queues = find_queues(fs, options);
  if (queues.empty()) return none(options, out);
  for (auto& queue : queues) {
    auto token = lock(fs, queue);
    if (!token) return out += token.error().what + "\n", 1;
    std::uint64_t number = 1;
    for (auto& name : segments(fs, queue.directory)) number = std::max(number, name.number + 1);
    std::string dead = queue.directory + "/dead";
    std::size_t moved = 0;
    for (auto& name : segments(fs, dead)) {
      SegmentName fresh{number++, name.salt};
      if (auto ok = fs.rename(dead + "/" + name.segment_file(), queue.directory + "/" + fresh.segment_file()); !ok) return out += ok.error().what + "\n", 1;
      (void)fs.remove(dead + "/" + name.settled_file());
      ++moved;
    }
    if (moved) (void)fs.sync_directory(queue.directory);
    out += fmt::format("{}: {} files with dead letters are sent again at the next start\n", queue.name, moved);
  }
  return 0;
}

int drop_queues(io::Fs& fs, const QueueOptions& options, std::string& out) {
  auto queues = find_queues(fs, options);
  if (queues.empty()) return none(options, out);
  for (auto& queue : queues) {
    auto token = lock(fs, queue);
    if (!token) return out += token.error().what + "\n", 1;
    std::string directory = options.dead ? queue.directory + "/dead" : queue.directory;
    std::string said;
    Totals totals = walk(fs, directory, said, nullptr);
    for (auto& name : segments(fs, directory)) {
      if (auto ok = fs.remove(directory + "/" + name.segment_file()); !ok) return out += ok.error().what + "\n", 1;
      (void)fs.remove(directory + "/" + name.settled_file());
    }
    out += fmt::format("{}: {} requests with {} items dropped\n", queue.name, totals.requests, totals.items);
  }
  return 0;
}

}  // namespace weir::app
