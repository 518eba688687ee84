#include "cli/srun_het.h"

#include <cstdlib>
#include <string_view>

#include "cli/job_query.h"
#include "common/base/text.h"

namespace reeve::cli {

GetVariable VariablesOfComponent(uint32_t offset, GetVariable environment) {
  return [offset, environment](const char* name) -> const char* {
    const std::string of_group = StrCat(name, "_HET_GROUP_");
    const bool is_the_leaders = std::string_view(name) == "SLURM_JOB_ID";
    if (is_the_leaders) return environment(name);
    if (const char* own = environment(StrCat(of_group, offset).c_str())) return own;
    // Another component may have been told it: then this one has not asked for it.
    const char* size = environment("SLURM_HET_SIZE");
    const int components = size == nullptr ? 0 : atoi(size);
    for (int i = 0; i < components; ++i) {
      if (environment(StrCat(of_group, i).c_str()) != nullptr) return nullptr;
    }
    return environment(name);
  };
}

absl::StatusOr<uint32_t> ComponentJobId(const ControllerClient& client, uint32_t leader,
                                        uint32_t offset) {
  pb::QueryJobsRequest request;
  pb::JobSelector* selector = request.add_jobs();
  selector->set_job_id(leader);
  selector->set_het_offset(offset);
  absl::StatusOr<JobsAnswer> answer = QueryJobs(client, request);
  if (!answer.ok()) return answer.status();
  for (const pb::Job& job : answer->jobs) {
    if (job.het_job_id() == leader && job.het_job_offset() == offset) return job.job_id();
  }
  return absl::NotFoundError(StrCat("job ", leader, " has no component ", offset));
}

}  // namespace reeve::cli
