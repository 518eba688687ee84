// slurm.conf's grammar: text to lines of key=value pairs. What keys mean is not known here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/config.h"
#include "common/base/config_problems.h"

namespace reeve {

struct ConfigPair {
  std::string key;  // as written
  std::string value;
};

// A logical line: continuations joined, comment and escapes removed, never empty.
struct ConfigLine {
  SourceLine source;  // of its first physical line
  std::vector<ConfigPair> pairs;
};

struct LexedConfig {
  std::vector<ConfigLine> lines;
  std::string text;  // includes spliced in
};

// Rules, from slurm.conf(5): "#" starts a comment unless a backslash precedes it; a line that ends
// in a backslash goes on; blanks separate pairs, also around "="; a value may stand in double
// quotes; "include FILE" is relative to the file that holds it, with "%c" for the cluster's name if
// given before. Includes nest 8 deep at most; the whole is limited to 64 MiB.
LexedConfig LexConfig(std::string_view text, std::string_view name, const IncludeReader& reader,
                      ConfigProblems& problems);

}  // namespace reeve
