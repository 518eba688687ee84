// Which environment a job or step gets: the --export rules.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::cli {

struct ExportedEnvironment {
  std::vector<std::string> variables;  // NAME=value
  bool is_partial = false;             // not the whole environment: the node builds the basics
};

// `text`: --export as typed (absent: ALL). NONE passes SLURM_* and SPANK_* on; NIL nothing; a list
// those and the named ones, NAME=value sets, and ALL in it is the whole environment. Quotes ' and "
// keep commas together. SLURM_EXPORT_ENV tells steps of the job what was asked.
ExportedEnvironment ExportEnvironment(const std::vector<std::string>& environment,
                                      const std::optional<std::string>& text);

// Without what an outer job set for itself (SLURM_NTASKS, SLURM_PROCID, ...), which would be taken
// for wishes by the inner job's steps. Unchanged when no SLURM_JOB_ID says that there is one.
std::vector<std::string> WithoutOuterJob(std::vector<std::string> environment);

std::vector<std::string> ProcessEnvironment();

// Replaces or appends.
void SetVariable(std::vector<std::string>* environment, std::string_view name,
                 std::string_view value);

}  // namespace reeve::cli
