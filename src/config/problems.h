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

// The collector of problems; knows the path of what is being read, so that those who report need not.
// Keeps the first 200 and counts the rest.
class Problems {
 public:
  void error(const Mark& mark, std::string message) { add(mark, std::move(message), false); }
  void warning(const Mark& mark, std::string message) { add(mark, std::move(message), true); }

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

  const std::string& path() const { return path_; }
  // Inside of a secret setting: messages must not carry its value.
  bool secret() const { return secret_; }

 private:
  void add(const Mark& mark, std::string message, bool warning);

  std::vector<Problem> all_;
  std::string path_;
  bool secret_ = false;
  std::size_t errors_ = 0, warnings_ = 0;
};

}  // namespace weir::config
