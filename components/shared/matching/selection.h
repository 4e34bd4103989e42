#pragma once
// Compiled include and exclude: which items of a scope a processor is to work on.
#include "components/shared/matching/sets.h"

namespace weir::matching {

// One of include and exclude.
class Matcher {
 public:
  static Result<Matcher> make(const Properties& properties, otlp::Signal signal);

  // What is the same for all items of a scope. Items match when this and matches(item) hold.
  bool matches(const otlp::Resource& resource, const otlp::Scope& scope) const;
  bool matches(const otlp::Span& span) const;
  bool matches(const otlp::LogRecord& record) const;
  bool matches(const otlp::Metric& metric) const;
  // False: matches(item) is always true.
  bool looks_at_items() const { return looks_at_items_; }

 private:
  struct Library {
    TextSet name;
    std::optional<TextSet> version;
  };

  TextSet services_, names_, kinds_, bodies_, severity_texts_;  // names: of spans or metrics
  std::optional<SeverityRule> severity_;
  AttributeSet attributes_, resources_;
  std::vector<Library> libraries_;
  bool looks_at_items_ = false;
};

// Both. Exclude wins; without include everything is included. Stays where it is while a Here of it is in use.
class Selection {
 public:
  // Null or absent(): not given.
  static Result<Selection> make(const Properties* include, const Properties* exclude, otlp::Signal signal);

  // The answer for one resource and scope.
  class Here {
   public:
    // Nothing of this scope is selected, or all of it, whatever the items are.
    bool none() const { return none_; }
    bool all() const { return !none_ && include_ == nullptr && exclude_ == nullptr; }
    template <class T>
    bool selects(const T& item) const {
      return !none_ && (include_ == nullptr || include_->matches(item)) && (exclude_ == nullptr || !exclude_->matches(item));
    }

   private:
    friend class Selection;
    bool none_ = false;
    const Matcher* include_ = nullptr;  // still to be asked for each item
    const Matcher* exclude_ = nullptr;
  };
  Here in(const otlp::Resource& resource, const otlp::Scope& scope) const;
  // False: everything is selected.
  bool selective() const { return include_ || exclude_; }

 private:
  std::optional<Matcher> include_, exclude_;
};

}  // namespace weir::matching
