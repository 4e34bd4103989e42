#pragma once
// Everything that is wrong with a configuration, collected so that the user sees all of it at once.
#include <span>

#include "config/value.h"

namespace weir::config {

struct Problem {
  Mark mark;
  std::string path;  // "processors::tail_sampling::num_traces"
  std::string message;
  bool warning = false;
  bool secret = false;  // the source line may hold a secret and is not shown
};

// A setting that names an extension. Whether there is one is known when the whole configuration has been read.
struct ExtensionReference {
  Mark mark;
  std::string path, id;
  std::string_view role;  // see engine::Factory::offers
};

// The collector of problems; knows the path of what is being read, so that those who report need not.
// Keeps the first 200 and counts the rest.
class Problems {
 public:
  // A start refuses everything that is wrong. A check refuses what can never start; what another machine might take
  // (files, ports), and what nothing uses, are warnings.
  enum class Purpose : std::uint8_t { start, check };
  explicit Problems(Purpose purpose = Purpose::start) : purpose_(purpose) {}

  void error(const Mark& mark, std::string message) { add(mark, std::move(message), false); }
  void warning(const Mark& mark, std::string message) { add(mark, std::move(message), true); }
  // What depends on the machine: an error of a start, a warning of a check.
  void machine_error(const Mark& mark, std::string message);

  Purpose purpose() const { return purpose_; }
  // True when one of the problems [from, to) is an error at `path`, or above or below it.
  bool failed_at(std::string_view path, std::size_t from, std::size_t to) const;

  void refer(const Mark& mark, std::string id, std::string_view role);
  const std::vector<ExtensionReference>& references() const { return references_; }

  bool failed() const { return errors_ != 0; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return warnings_; }
  const std::vector<Problem>& all() const { return all_; }

  // One block for each problem: "file:line:column: error: path: message", the line and a caret.
  std::string to_string() const;
  // The errors alone as one error value, each as "path (file:line:column): message".
  Result<> result() const;

  // Problems reported while it lives are about `step` below the current path. Steps with their own "::" are fine.
  class Scope {
   public:
    Scope(Problems& problems, std::string_view step, bool secret = false);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Problems& problems_;
    std::size_t length_;
    bool secret_;
  };

  // Problems reported while it lives are about a component that nothing uses.
  class Unused {
   public:
    explicit Unused(Problems& problems) : problems_(problems), before_(std::exchange(problems.unused_, true)) {}
    ~Unused() { problems_.unused_ = before_; }
    Unused(const Unused&) = delete;
    Unused& operator=(const Unused&) = delete;

   private:
    Problems& problems_;
    bool before_;
  };

  const std::string& path() const { return path_; }
  // Inside of a secret setting: messages must not carry its value.
  bool secret() const { return secret_; }

 private:
  void add(const Mark& mark, std::string message, bool warning);

  Purpose purpose_;
  std::vector<Problem> all_;
  std::vector<ExtensionReference> references_;
  std::string path_;
  bool secret_ = false, unused_ = false;
  std::size_t errors_ = 0, warnings_ = 0;
};

}  // namespace weir::config
