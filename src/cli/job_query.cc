#include "cli/job_query.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace reeve::cli {
namespace {

// A listing of more jobs than this is worth a good while of a CPU.
constexpr size_t kManyJobs = 2000;
constexpr int kYield = 10;

// From now on this thread lets those go first who have less to do: while many watch a long queue,
// the next sbatch or srun of the same machine is not to wait for all of them.
void YieldToOthers() {
  static bool yields = false;
  if (std::exchange(yields, true)) return;
  setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + kYield);
}

// The answer in parts as they come; the memory of one serves the next.
absl::Status ForEachPart(const ControllerClient& client, const pb::QueryJobsRequest& request,
                         const std::function<void(pb::QueryJobsResponse& part)>& on_part,
                         const std::function<void()>& again) {
  pb::QueryJobsResponse part;
  auto take = [&](std::string_view bytes) {
    if (!part.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    on_part(part);
    return true;
  };
  return client.CallRaw("Controller/QueryJobs", request, absl::Seconds(60), take, again);
}

}  // namespace

absl::StatusOr<JobsAnswer> QueryJobs(const ControllerClient& client,
                                     const pb::QueryJobsRequest& request) {
  JobsAnswer answer;
  auto take = [&answer](pb::QueryJobsResponse& part) {
    for (pb::Job& job : *part.mutable_jobs()) answer.jobs.push_back(std::move(job));
    if (part.time() != 0) answer.time = part.time();
  };
  auto again = [&answer] { answer = JobsAnswer(); };
  absl::Status status = ForEachPart(client, request, take, again);
  if (!status.ok()) return status;
  if (answer.time == 0) answer.time = absl::ToUnixSeconds(absl::Now());
  return answer;
}

absl::Status VisitJobs(const ControllerClient& client, const pb::QueryJobsRequest& request,
                       const std::function<void(int64_t time)>& on_begin,
                       const std::function<void(const pb::Job& job)>& on_job) {
  bool begun = false;
  size_t count = 0;
  auto begin = [&](int64_t time) {
    if (!begun) on_begin(time != 0 ? time : absl::ToUnixSeconds(absl::Now()));
    begun = true;
  };
  auto take = [&](const pb::QueryJobsResponse& part) {
    begin(part.time());
    for (const pb::Job& job : part.jobs()) {
      on_job(job);
      if (++count == kManyJobs) YieldToOthers();
    }
  };
  auto again = [&begun] { begun = false; };
  absl::Status status = ForEachPart(client, request, take, again);
  if (status.ok()) begin(0);
  return status;
}

ViewContext MakeContext(const ControllerClient& client, int64_t now) {
  ViewContext context;
  context.now = now;
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
