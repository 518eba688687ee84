#include "cli/resize_script.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "cli/command.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

// That depend on which nodes a job has.
constexpr std::string_view kSizes[] = {
    "SLURM_NODELIST",      "SLURM_JOB_NODELIST",      "SLURM_NNODES",
    "SLURM_JOB_NUM_NODES", "SLURM_JOB_CPUS_PER_NODE", "SLURM_TASKS_PER_NODE"};
// What was asked for of tasks may not suit fewer nodes: the next srun is to say.
constexpr std::string_view kGone[] = {"SLURM_NPROCS", "SLURM_NTASKS"};

}  // namespace

ResizeScripts MakeResizeScripts(const std::vector<std::string>& environment) {
  ResizeScripts scripts;
  for (std::string_view name : kSizes) {
    const auto line =
        std::find_if(environment.begin(), environment.end(), [&](const std::string& each) {
          return each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=';
        });
    if (line == environment.end()) continue;
    const std::string value = line->substr(name.size() + 1);
    StrAppend(&scripts.sh, "export ", name, "=\"", value, "\"\n");
    StrAppend(&scripts.csh, "setenv ", name, " \"", value, "\"\n");
  }
  for (std::string_view name : kGone) {
    StrAppend(&scripts.sh, "unset ", name, "\n");
    StrAppend(&scripts.csh, "unsetenv ", name, "\n");
  }
  return scripts;
}

bool ChangesSize(const std::vector<Change>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    return IsKey(change, {"NumNodes", "ReqNodes", "NodeList", "ReqNodeList"});
  });
}

int WriteResizeScripts(ScontrolSession& session, uint32_t job_id) {
  v1::WaitJobRequest request;
  request.set_job_id(job_id);
  request.set_until(v1::WaitJobRequest::UNTIL_ALLOCATED);
  absl::StatusOr<v1::WaitJobResponse> answer =
      session.client()->Call<v1::WaitJobResponse>("Controller/WaitJob", request);
  if (!answer.ok()) return session.Fail("slurm_update error", answer.status());
  if (answer->job().state() != v1::JOB_STATE_RUNNING) return 0;
  const ResizeScripts scripts =
      MakeResizeScripts({answer->environment().begin(), answer->environment().end()});
  const std::string name = StrCat("slurm_job_", job_id, "_resize");
  const std::pair<std::string, const std::string*> files[] = {{name + ".sh", &scripts.sh},
                                                              {name + ".csh", &scripts.csh}};
  for (const auto& [path, text] : files) {
    // The job has been changed all the same.
    if (absl::Status status = os::WriteFile(path, *text, 0700); !status.ok()) {
      PrintError("scontrol", Message(status));
      return 0;
    }
  }
  if (session.settings().quiet) return 0;
  printf(
      "The job's variables for its new size are in these files:\n"
      "  sh, bash:   . ./%s.sh\n"
      "  csh, tcsh:  source ./%s.csh\n",
      name.c_str(), name.c_str());
  return 0;
}

}  // namespace reeve::cli
