// sacct's command line: what it asks the accounting daemon, and what it does with the answer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "cli/sacct_values.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::cli {

struct NumberRange {
  uint64_t min = 0;
  uint64_t max = UINT64_MAX;
  bool Contains(uint64_t value) const { return min <= value && value <= max; }
};

struct SacctOptions {
  enum class Action { kShow, kHelp, kUsage, kVersion, kFieldList };
  enum class Style { kAligned, kParsable, kParsable2 };

  Action action = Action::kShow;
  v1::QueryAccountingRequest request;  // complete but for the clusters, see `clusters`
  std::vector<std::string> clusters;   // of -M; empty: the configuration's own
  bool all_clusters = false;

  std::string format;
  Style style = Style::kAligned;
  std::string delimiter = "|";
  bool header = true;
  UnitOptions units;
  bool expand_patterns = false;
  bool use_local_uid = false;
  std::string time_format;        // SLURM_TIME_FORMAT
  size_t array_text_length = 64;  // of a pending array's task list; 0: no limit

  bool allocations = false;    // -X: no steps
  bool expand_arrays = false;  // --array: one row for each task, also of those still pending
  // -T: times outside of the window are moved to its ends.
  bool truncate = false;
  int64_t window_start = 0;  // as typed or by default; request has 0 where there is no bound
  int64_t window_end = 0;

  // What the daemon does not filter by.
  std::optional<NumberRange> nodes, cpus, limit_minutes;
  std::vector<std::string> reasons;
  std::vector<std::string> constraints;  // all of them

  std::vector<std::string> notes;  // for stderr with -v
};

// Wrong options: lines for stderr as they are to be printed; exit code 1.
struct SacctFault {
  std::vector<std::string> lines;
};

struct SacctEnvironment {
  std::function<const char*(const char* name)> variable;
  uint32_t uid = 0;
  absl::Time now;
};

// getopt_long reports unknown options itself, on stderr; the fault is then without lines.
std::variant<SacctOptions, SacctFault> ParseSacctOptions(int argc, char** argv,
                                                         const SacctEnvironment& environment);

}  // namespace reeve::cli
