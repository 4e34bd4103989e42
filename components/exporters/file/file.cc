#include "components/exporters/file/file.h"

#include "base/log.h"
#include "components/exporters/file/files.h"
#include "components/shared/exporting/exporting.h"
#include "net/compression.h"
#include "otlp/json.h"

namespace weir::exporters::file {
namespace {

using engine::Out;
using engine::Reason;
using otlp::Batch;

// Network byte order.
std::array<char, 4> length_prefix(std::size_t size) {
  return {static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
}

// A record in pieces: a line of JSON, or a length and so many bytes.
class Record {
 public:
  static Result<Record> of(Batch& batch, const Config& config) {
    Record out;
    if (config.format == Format::json)
      out.body_ = {Bytes::take(otlp::to_json(batch))};
    else
      out.body_ = batch.encode();
    if (config.compression == Compression::zstd) {
      WEIR_ASSIGN(std::string small, net::compress(net::Compression::zstd, out.body_, config.compression_params.level));
      out.body_ = {Bytes::take(std::move(small))};
    }
    std::size_t size = 0;
    for (auto& piece : out.body_) size += piece.size();
    bool line = config.format == Format::json && config.compression == Compression::none;
    if (!line) {
      if (size > UINT32_MAX) return fail(Errc::permanent, "a request of {} bytes is too large for a record", size);
      out.prefix_ = length_prefix(size);
    }
    out.line_ = line;
    return out;
  }

  std::vector<std::string_view> pieces() const {
    std::vector<std::string_view> out;
    if (!line_) out.emplace_back(prefix_.data(), prefix_.size());
    for (auto& piece : body_) out.push_back(piece.view());
    if (line_) out.emplace_back("\n");
    return out;
  }

 private:
  std::vector<Bytes> body_;
  std::array<char, 4> prefix_{};
  bool line_ = true;
};

class FileExporter : public engine::Stage {
 public:
  FileExporter(const Config& config, const engine::StageContext& context, std::shared_ptr<Files> files)
      : config_(config), id_(context.id.to_string()), files_(std::move(files)), counters_(exporting::SentCounters::of(context)) {}

  Result<> start(Out&) override { return files_->start(); }

  void process(Batch batch, Out& out) override {
    if (config_.group_by.enabled) return split_up(std::move(batch), out);
    write(std::move(batch), "", out);
  }

 private:
  void write(Batch batch, std::string_view segment, Out& out) {
    std::size_t items = batch.items();
    if (auto written = try_write(batch, segment, out.wall()); !written) return failed(std::move(batch), written.error(), out);
    counters_.sent.add(items);
    out.delivered(std::move(batch));
  }

  Result<> try_write(Batch& batch, std::string_view segment, UnixNanos now) {
    WEIR_ASSIGN(Record record, Record::of(batch, config_));
    return files_->write(segment, record.pieces(), now);
  }

  // What may pass goes back to who still has the data; the rest is lost, and counted as such.
  void failed(Batch batch, const Error& error, Out& out) {
    long long more = 0;
    bool give_back = error.code == Errc::retryable && batch.refusable();
    if (lines_.allow(more))
      log::error(give_back ? "Writing failed. Rejecting data." : "Writing failed. Dropping data.",
                 {{"exporter", id_}, {"error", error.what}, {"items", batch.items()}, {"suppressed", more}});
    counters_.failed.add(batch.items());
    if (give_back)
      out.refuse(std::move(batch), error);
    else
      out.drop(std::move(batch), Reason::permanent_error, error);
  }

  // Cuts by the value of the attribute; part 0 has none.
  void split_up(Batch batch, Out& out) {
    auto& groups = batch.groups();
    std::map<std::string, std::size_t, std::less<>> numbers;
    std::vector<std::size_t> part_of;
    for (auto& group : groups) {
      auto segment = segment_of(group, batch.arena());
      part_of.push_back(segment ? numbers.try_emplace(std::string(*segment), numbers.size() + 1).first->second : 0);
    }
    auto* first = groups.data();
    auto parts = batch.partition(numbers.size() + 1, [&](const otlp::ResourceGroup& group, auto&, auto&) {
      return part_of[static_cast<std::size_t>(&group - first)];
    });
    if (!parts[0].empty()) out.drop(std::move(parts[0]), Reason::unroutable);
    for (auto& [segment, number] : numbers)
      if (!parts[number].empty()) write(std::move(parts[number]), segment, out);
  }

  std::optional<std::string_view> segment_of(otlp::ResourceGroup& group, Arena& arena) const {
    auto* value = group.resource.read(arena).attributes.find(config_.group_by.resource_attribute);
    bool usable = value && value->is(otlp::ValueType::string) && value->text.find('\0') == std::string_view::npos;
    if (!usable) return {};
    return value->text;
  }

  Config config_;
  std::string id_;
  std::shared_ptr<Files> files_;  // shared with this exporter's other cores and signals
  exporting::SentCounters counters_;
  log::RateLimit lines_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context, io::Fs& fs) {
  // Settings are part of the name: after a reload with other settings it is another set of files.
  std::string name = fmt::format("files of {} {}", context.id.to_string(), config::to_json(config::to_value(config)));
  auto files = std::static_pointer_cast<Files>(context.host.shared(name, [&] { return std::make_shared<Files>(config, fs); }));
  return std::make_unique<FileExporter>(config, context, std::move(files));
}

}  // namespace weir::exporters::file
