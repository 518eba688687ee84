// SrunProlog and SrunEpilog (srun --prolog, --epilog): programs on srun's own host, as its user,
// before and after the step. Their arguments are those of the step's command.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/os/event_loop.h"

namespace reeve::cli {

struct SrunScript {
  std::string program;  // empty: nothing to run
  std::vector<std::string> command;
  std::vector<std::string> environment;  // of the step
  std::string context;                   // SLURM_SCRIPT_CONTEXT: "prolog_srun"
  uint32_t job_id = 0;
};

// What counts of the two: the option when it was given ("none" stands for no program), else the
// configuration's.
std::string ChooseSrunScript(const std::string& option, const std::string& configured);

// Runs it beside the loop; then `done` with its exit code, 128 + the signal, or 127 when it can't
// be run. At once with 0 when there is none.
void RunSrunScript(std::shared_ptr<os::EventLoop> loop, SrunScript script,
                   std::function<void(int)> done);

}  // namespace reeve::cli
