#pragma once
// Test cases beside a configuration or a component: input, the passing of time, expected output. Run on the simulation,
// with the real plan; only receivers and exporters are the test's.
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::app::scenario {

struct Failure {
  std::string name;   // of the case
  std::string place;  // file:line of the step
  std::string text;   // what is wrong, several lines
};

struct Report {
  std::size_t passed = 0;
  std::vector<Failure> failures;
};

// Files as they are, folders as the *.scenario and *.test.yaml files in them. Fails when there is none.
Result<std::vector<std::string>> find_files(const std::vector<std::string>& paths);

// Runs every case of a file. `cores`: for cases that do not say; 0 is 1.
void run_file(const std::string& path, std::size_t cores, Report& report);

// What a file may hold, for --help.
std::string_view format_help();

}  // namespace weir::app::scenario
