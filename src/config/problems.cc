#include "config/problems.h"

#include "base/mask.h"

namespace weir::config {
namespace {

constexpr std::size_t kept = 200;
constexpr std::size_t shown_columns = 120;

// Whether one of two paths is the other, or stands above it.
bool related(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.empty() || b.size() == a.size() || b.substr(a.size()).starts_with("::"));
}

// "   14 |   num_traces: 0" and a caret below the column.
void append_excerpt(std::string& out, const Mark& mark) {
  if (!mark.source || mark.source->hidden || mark.line == 0) return;
  auto line = mask_line(mark.source->text, mark.line);
  std::size_t column = mark.column == 0 ? 0 : mark.column - 1;
  if (line.empty() || column >= shown_columns) return;
  column = std::min(column, line.size());
  std::string shown = line.substr(0, shown_columns), below;
  for (std::size_t i = 0; i < column && i < shown.size(); ++i) {
    if ((shown[i] & 0xC0) == 0x80) continue;
    below += shown[i] == '\t' ? '\t' : ' ';
  }
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = '?';
  out += fmt::format("{:5} | {}\n      | {}^\n", mark.line, shown, below);
}

}  // namespace

void Problems::add(const Mark& mark, std::string message, bool warning) {
  if (unused_ && !warning && purpose_ == Purpose::check) {
    warning = true;
    message += " (nothing uses this component: only a warning here, but a start refuses it)";
  }
  ++(warning ? warnings_ : errors_);
  // Errors are what the user came for: they still fit when warnings have filled half.
  if (all_.size() >= (warning ? kept / 2 : kept)) return;
  all_.push_back(Problem{mark, path_, std::move(message), warning, secret_});
}

void Problems::machine_error(const Mark& mark, std::string message) { add(mark, std::move(message), purpose_ == Purpose::check); }

bool Problems::failed_at(std::string_view path, std::size_t from, std::size_t to) const {
  for (std::size_t i = from; i < to; ++i)
    if (!all_[i].warning && related(all_[i].path, path)) return true;
  return false;
}

void Problems::refer(const Mark& mark, std::string id, std::string_view role) {
  if (!unused_) references_.push_back({mark, path_, std::move(id), role});
}

std::string Problems::to_string() const {
  std::string out;
  for (auto& problem : all_) {
    auto place = problem.mark.to_string();
    out += place.empty() ? "" : place + ": ";
    out += problem.warning ? "warning: " : "error: ";
    if (!problem.path.empty()) out += problem.path + ": ";
    out += problem.message + "\n";
    if (!problem.secret) append_excerpt(out, problem.mark);
  }
  if (auto left = errors_ + warnings_ - all_.size(); left != 0) out += fmt::format("... and {} more\n", left);
  return out;
}

Result<> Problems::result() const {
  if (!failed()) return {};
  std::string out;
  for (auto& problem : all_) {
    if (problem.warning) continue;
    if (!out.empty()) out += '\n';
    auto place = problem.mark.to_string();
    out += problem.path;
    if (!place.empty()) out += problem.path.empty() ? place : " (" + place + ")";
    out += out.empty() || out.back() == '\n' ? "" : ": ";
    out += problem.message;
  }
  return fail(Errc::config, "{}", out);
}

Problems::Scope::Scope(Problems& problems, std::string_view step, bool secret)
    : problems_(problems), length_(problems.path_.size()), secret_(problems.secret_) {
  if (!problems.path_.empty() && !step.empty()) problems.path_ += "::";
  problems.path_ += step;
  problems.secret_ |= secret;
}

Problems::Scope::~Scope() {
  problems_.path_.resize(length_);
  problems_.secret_ = secret_;
}

}  // namespace weir::config
