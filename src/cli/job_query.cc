#include "cli/job_query.h"

#include <algorithm>

namespace reeve::cli {

absl::StatusOr<JobsAnswer> QueryJobs(const ControllerClient& client,
                                     const pb::QueryJobsRequest& request) {
  JobsAnswer answer;
  auto take = [&answer](std::string_view bytes) {
    pb::QueryJobsResponse message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    for (pb::Job& job : *message.mutable_jobs()) answer.jobs.push_back(std::move(job));
    if (message.time() != 0) answer.time = message.time();
    return true;
  };
  auto again = [&answer] { answer = JobsAnswer(); };
  absl::Status status =
      client.CallRaw("Controller/QueryJobs", request, absl::Seconds(60), take, again);
  if (!status.ok()) return status;
  if (answer.time == 0) answer.time = absl::ToUnixSeconds(absl::Now());
  return answer;
}

ViewContext MakeContext(const ControllerClient& client, const JobsAnswer& answer) {
  ViewContext context;
  context.now = answer.time;
  context.array_text_max = ArrayTextMax();
  context.default_requeue = client.config().job_requeue;
  context.cluster = client.config().cluster_name;
  const PreemptConfig& preempt = client.config().preempt;
  if (preempt.by_tier) {
    context.preempt_exempt_time = absl::ToInt64Seconds(preempt.exempt_time);
  }
  for (const PartitionConfig& partition : client.config().partitions) {
    uint64_t smallest = 0;
    for (const std::string& name : partition.nodes) {
      const NodeConfig* node = client.config().FindNode(name);
      if (node == nullptr) continue;
      smallest = smallest == 0 ? node->real_memory_mb : std::min(smallest, node->real_memory_mb);
    }
    context.partition_memory_mb[partition.name] = smallest;
  }
  return context;
}

}  // namespace reeve::cli
