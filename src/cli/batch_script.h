// The script that sbatch sends: where it comes from and what is wrong with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::cli {

inline constexpr size_t kMaxScriptBytes = 4 << 20;

struct BatchScript {
  std::string text;
  std::string path;  // absolute; empty for --wrap and standard input
  std::string default_job_name;
};

// InvalidArgument with Slurm's words, one line of the message a line for the user, for a script
// that is empty, has no interpreter line, NUL bytes or DOS line ends.
absl::Status CheckScript(std::string_view text);

// `name` as typed: looked for in the current folder, then in $PATH.
absl::StatusOr<BatchScript> LoadScript(const std::string& name);
absl::StatusOr<BatchScript> LoadScriptFromStdin();
BatchScript WrapCommand(std::string_view command);

}  // namespace reeve::cli
