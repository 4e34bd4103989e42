#include "components/shared/exporting/disk_queue.h"

#include "base/log.h"
#include "components/shared/storage/log_access.h"
#include "otlp/wire.h"

namespace weir::exporting {
namespace {

using otlp::Reader;
using otlp::WireType;
using otlp::Writer;

constexpr std::uint8_t request_kind = 1;

// Of what was read, taken in one turn: checking it takes 0.1 ms.
constexpr std::size_t slice_bytes = 512 * 1024;

// Fields of the facts, in protobuf, so that later versions can add some.
enum : std::uint32_t { signal_field = 1, peer_field = 2, metadata_field = 3, auth_field = 4, error_field = 5 };

void encode_context(const otlp::Context& context, Writer& out) {
  for (auto& [key, value] : context.auth) {
    std::size_t mark = out.size();
    out.bytes(2, value);
    out.bytes(1, key);
    out.close(auth_field, mark);
  }
  for (auto& [key, values] : context.metadata) {
    std::size_t mark = out.size();
    for (auto value = values.rbegin(); value != values.rend(); ++value) out.bytes(2, *value);
    out.bytes(1, key);
    out.close(metadata_field, mark);
  }
  out.put_bytes(peer_field, context.peer);
}

struct Entry {
  std::string key;
  std::vector<std::string> values;
};

Entry decode_entry(std::string_view message) {
  Entry out;
  Reader reader(message);
  while (reader.next()) {
    if (!reader.is(WireType::bytes)) reader.skip();
    else if (reader.field() == 1) out.key = reader.bytes();
    else if (reader.field() == 2) out.values.emplace_back(reader.bytes());
    else reader.skip();
  }
  return out;
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << 8 * i;
  return out;
}

storage::LogSettings log_settings(const DiskSettings& settings, std::uint16_t shards) {
  // Room for several segments of each core in the quota, so that freeing one frees a part of it.
  std::uint64_t share = settings.max_bytes / (8 * std::uint64_t{shards});
  return {.sync = settings.sync,
          .interval = settings.sync_interval,
          .segment_bytes = std::clamp<std::uint64_t>(share, 64 * 1024, 16 * 1024 * 1024),
          .newest_first = settings.newest_first,
          .claims = settings.claims};
}

}  // namespace

Bytes encode_facts(const RequestFacts& facts) {
  Writer out(256);
  out.put_bytes(error_field, facts.error);
  if (facts.context) encode_context(*facts.context, out);
  out.number(signal_field, static_cast<std::uint64_t>(facts.signal));
  auto size = static_cast<std::uint32_t>(out.size());
  char length[4];
  for (std::size_t i = 0; i < 4; ++i) length[i] = static_cast<char>(size >> 8 * i & 0xFF);
  out.raw({length, 4});
  return out.finish();
}

Result<DecodedRequest> decode_request(const Bytes& payload) {
  std::string_view all = payload.view();
  if (all.size() < 4 || little_endian(all) > all.size() - 4) return fail(Errc::corrupt, "a stored request of {} bytes has no facts", all.size());
  std::size_t size = little_endian(all);
  DecodedRequest out;
  out.body = payload.slice(all.substr(4 + size));
  otlp::Context context;
  bool has_context = false;
  Reader reader(all.substr(4, size));
  while (reader.next()) {
    if (reader.field() == signal_field && reader.is(WireType::varint)) {
      std::uint64_t signal = reader.varint();
      if (signal >= otlp::all_signals.size()) return fail(Errc::corrupt, "a stored request has signal {}", signal);
      out.facts.signal = static_cast<engine::Signal>(signal);
    } else if (!reader.is(WireType::bytes)) {
      reader.skip();
    } else if (reader.field() == error_field) {
      out.facts.error = reader.bytes();
    } else if (reader.field() == peer_field) {
      context.peer = reader.bytes();
      has_context = true;
    } else if (reader.field() == metadata_field || reader.field() == auth_field) {
      bool auth = reader.field() == auth_field;
      Entry entry = decode_entry(reader.bytes());
      has_context = true;
      if (!auth) context.metadata[entry.key] = std::move(entry.values);
      else if (!entry.values.empty()) context.auth[entry.key] = std::move(entry.values.front());
    } else {
      reader.skip();
    }
  }
  if (!reader.ok()) return fail(Errc::corrupt, "the facts of a stored request are not protobuf");
  if (has_context) out.facts.context = std::make_shared<const otlp::Context>(std::move(context));  // shared by the batches cut from it
  return out;
}

std::string queue_directory_name(std::string_view exporter, engine::Signal signal, std::string_view endpoint) {
  std::string out = storage::file_name_of(exporter) + "-" + std::string(to_string(signal));
  if (!endpoint.empty()) out += "-" + storage::file_name_of(endpoint);
  return out;
}

Result<std::unique_ptr<DiskQueue>> DiskQueue::open(const DiskSettings& settings, const engine::StageContext& context) {
  WEIR_ASSIGN(auto files, storage::shared_log_files(context.host, settings.directory));
  WEIR_ASSIGN(auto dead, storage::shared_log_files(context.host, settings.directory + "/dead"));
  return std::unique_ptr<DiskQueue>(new DiskQueue(settings, std::move(files), std::move(dead), context));
}

DiskQueue::DiskQueue(const DiskSettings& settings, std::shared_ptr<storage::LogFiles> files, std::shared_ptr<storage::LogFiles> dead,
                     const engine::StageContext& context)
    : settings_(settings),
      id_(context.id.to_string()),
      signal_(context.signal),
      executor_(context.executor),
      files_(std::move(files)),
      dead_files_(std::move(dead)),
      log_(files_, log_settings(settings, context.shards), context.executor, context.rng.next(), storage::offloads_to(context.host.workers(), context.executor)),
      dead_(dead_files_, {.sync = settings.sync, .interval = settings.sync_interval, .segment_bytes = std::clamp<std::uint64_t>(settings.dead_letter_bytes / 8, 64 * 1024, 16 * 1024 * 1024), .claims = false},
            context.executor, context.rng.next(), storage::offloads_to(context.host.workers(), context.executor)),
      damaged_(context.host.metrics().counter("weir_queue_damaged_records", "Records of sending queues on disk that could not be read.", {{"exporter", id_}})),
      write_failures_(context.host.metrics().counter("weir_queue_write_failures", "Writes to sending queues on disk that failed.", {{"exporter", id_}})),
      sync_failures_(context.host.metrics().counter("weir_queue_sync_failures", "Syncs of sending queues on disk that failed.", {{"exporter", id_}})),
      dead_items_(context.host.metrics().counter("weir_queue_dead_letter_items", "Items put aside because a backend refused them for good.", {{"exporter", id_}})) {
  log_.on_damage = [this](const std::string& file, const storage::Skipped& skipped) {
    // A record that was being written when the process ended was not answered: nothing is lost.
    if (skipped.damage()) log::error("A queue on disk is damaged; everything else in it is delivered", {{"exporter", id_}, {"file", file}, {"skipped", skipped.text()}});
    else log::info("The last record of a queue's file is not whole: it was being written at the end of a process", {{"exporter", id_}, {"file", file}});
  };
  if (context.shard == 0) export_metrics(context);
}

void DiskQueue::export_metrics(const engine::StageContext& context) {
  telemetry::Labels labels = {{"exporter", id_}, {"data_type", std::string(to_string(signal_))}};
  auto max = static_cast<double>(settings_.max_bytes);
  gauges_ = context.host.metrics().add_source([labels, max, files = files_, dead = dead_files_](std::vector<telemetry::Family>& out) {
    auto gauge = [&](std::string name, std::string help, double value) {
      out.push_back({std::move(name), std::move(help), "", telemetry::Type::gauge, {{.labels = labels, .value = value}}});
    };
    gauge("weir_queue_disk_bytes", "Bytes of a sending queue on disk.", static_cast<double>(files->bytes()));
    gauge("weir_queue_disk_capacity_bytes", "Bytes that a sending queue may have on disk.", max);
    gauge("weir_queue_dead_letter_bytes", "Bytes on disk of requests that a backend refused for good.", static_cast<double>(dead->bytes()));
  });
}

// Counters follow the logs'.
void DiskQueue::count() {
  auto add = [](telemetry::Counter& counter, std::uint64_t& told, std::uint64_t now) {
    if (now > told) counter.add(now - told);
    told = now;
  };
  auto& now = log_.counts();
  add(write_failures_, told_.write_failures, now.write_failures);
  add(sync_failures_, told_.sync_failures, now.sync_failures);
  add(damaged_, told_.skipped.broken, now.skipped.broken + now.skipped.unknown);
}

void DiskQueue::put(const otlp::Batch& batch, std::vector<Bytes> encoded, Kept done) {
  encoded.insert(encoded.begin(), encode_facts({signal_, batch.context, {}}));
  log_.append({std::move(encoded), static_cast<std::uint32_t>(batch.items()), request_kind}, [this, done = std::move(done)](Result<storage::Place> place) mutable {
    if (!place) count();
    done(std::move(place));
  });
}

// A worker reads much at a time, and the core takes a little of it in each turn of its loop: live requests wait for that.
void DiskQueue::read(std::size_t bytes, std::move_only_function<void(std::vector<Stored>)> done) {
  busy_ = true;
  if (!unread_.empty())
    return executor_.post([this, done = std::move(done), alive = std::weak_ptr(alive_)]() mutable {
      if (alive.expired()) return;
      busy_ = false;
      done(next_slice());
    });
  log_.read(bytes, [this, done = std::move(done)](std::vector<storage::ReadRecord> records) mutable {
    count();
    std::ranges::move(records, std::back_inserter(unread_));
    busy_ = false;
    done(next_slice());
  });
}

std::vector<Stored> DiskQueue::next_slice() {
  std::vector<Stored> out;
  for (std::size_t bytes = 0; !unread_.empty() && bytes < slice_bytes;) {
    storage::ReadRecord record = std::move(unread_.front());
    unread_.pop_front();
    bytes += record.payload.size();
    if (auto request = to_request(std::move(record))) out.push_back(std::move(*request));
  }
  return out;
}

std::optional<Stored> DiskQueue::to_request(storage::ReadRecord record) {
  auto lost = [&](bool too_old) {
    log_.settle(record.place);
    if (on_lost) on_lost(record.items, too_old);
    return std::nullopt;
  };
  if (settings_.max_age > 0s && executor_.wall() > record.time && executor_.wall() - record.time > static_cast<UnixNanos>(settings_.max_age.count())) return lost(true);
  auto request = decode_request(record.payload);
  if (!request || request->facts.signal != signal_) return lost(false);
  std::vector<Bytes> encoded = {request->body};
  // What this process has written was checked when it came; a file from elsewhere may hold anything.
  auto batch = record.recovered ? otlp::Batch::parse(signal_, request->body) : Result<otlp::Batch>(otlp::Batch::trusted(signal_, request->body, record.items));
  if (!batch || batch->empty()) return lost(false);
  batch->context = request->facts.context;
  return Stored{record.place, std::move(*batch), std::move(encoded), record.time, record.recovered};
}

bool DiskQueue::discard_oldest(std::move_only_function<void(std::size_t items)> done) {
  return log_.discard_oldest([done = std::move(done)](std::uint64_t, std::uint64_t, std::uint64_t items) mutable { done(items); });
}

void DiskQueue::store_dead_letter(const otlp::Batch& batch, std::vector<Bytes> encoded, const Error& error, io::Task done) {
  if (settings_.dead_letter_bytes == 0) return done();
  if (dead_files_->bytes() > settings_.dead_letter_bytes) (void)dead_.discard_oldest([](auto...) {});
  std::size_t items = batch.items();
  encoded.insert(encoded.begin(), encode_facts({signal_, batch.context, error.what}));
  dead_.append({std::move(encoded), static_cast<std::uint32_t>(items), request_kind}, [this, items, done = std::move(done)](Result<storage::Place> place) mutable {
    if (place) dead_items_.add(items);
    done();
  });
}

}  // namespace weir::exporting
