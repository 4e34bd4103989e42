#include "base/text.h"
#include "components/shared/scrape/exposition/text_parser.h"

namespace weir::exposition {
namespace {

bool is_media_type(std::string_view text) {
  auto slash = text.find('/');
  if (slash == 0 || slash == text.npos || slash + 1 == text.size()) return false;
  return text.find_first_of(" \t\"(),:<=>?@[\\]{}") == text.npos && text.find('/', slash + 1) == text.npos;
}

}  // namespace

Result<Format> format_of(std::string_view content_type, std::optional<Format> fallback) {
  std::string media = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  if (is_media_type(media)) {
    if (media == "text/plain") return Format::text;
    if (media == "application/openmetrics-text") return Format::openmetrics;
    if (media == "application/vnd.google.protobuf") return Format::protobuf;
  }
  if (fallback) return *fallback;
  if (content_type.empty()) return weir::fail(Errc::invalid, "the target sends no Content-Type, and there is no fallback_scrape_protocol");
  return weir::fail(Errc::invalid, "the target sends Content-Type {}, which is not known, and there is no fallback_scrape_protocol", quote_json(content_type.substr(0, 200)));
}

std::unique_ptr<Parser> make_parser(Format format, std::string_view body, const Options& options) {
  if (format == Format::protobuf) return make_protobuf_parser(body, options);
  auto parser = format == Format::text ? make_text_parser(body) : make_openmetrics_parser(body, options.start_timestamps);
  return options.convert_classic ? make_converting_parser(std::move(parser), options.keep_classic) : std::move(parser);
}

}  // namespace weir::exposition
