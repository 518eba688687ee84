// What sinfo was asked for, by its options and its environment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/format_spec.h"
#include "cli/view_field.h"

namespace reeve::cli {

struct SinfoOptions {
  bool header = true;
  bool by_node = false;  // --Node: a line for each node and partition
  bool summary = false;  // --summarize
  bool long_listing = false;
  bool reasons = false;  // --list-reasons
  bool exact = false;
  bool all_partitions = false;
  bool future = false;
  bool only_dead = false;
  bool only_responding = false;
  bool reservations = false;
  bool verbose = false;
  uint32_t iterate_seconds = 0;

  std::vector<std::string> nodes;  // each list: empty is no restriction
  std::vector<std::string> partitions;
  bool by_nodes = false;  // `nodes` restricts
  // Any of these; each is states that must all hold ("drain&no_respond").
  std::vector<std::vector<std::string>> states;
  std::string sort;  // never empty

  FormatSpec format;
  bool format_of_all = false;
  FieldNaming naming = FieldNaming::kLetter;
};

std::optional<int> ReadSinfoOptions(int argc, char** argv, SinfoOptions* options);

}  // namespace reeve::cli
