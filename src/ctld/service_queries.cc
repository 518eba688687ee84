// What is answered from the snapshot or the configuration, on the RPC's own thread.
#include <unistd.h>

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/convert.h"
#include "ctld/service.h"
#include "reeve_version.h"

namespace reeve::ctld {
namespace {

constexpr int kJobsPerMessage = 500;

std::string HostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

bool IsFinal(const pb::Job& job) {
  return IsFinished(static_cast<JobState>(job.state())) &&
         (job.flags() & pb::JOB_FLAG_COMPLETING) == 0;
}

// A selector means the job itself or, of an array, all that belongs to it.
bool Selects(const pb::JobSelector& selector, const pb::Job& job) {
  if (job.job_id() != selector.job_id() && job.array_job_id() != selector.job_id()) return false;
  if (selector.array_tasks().empty()) return true;
  absl::StatusOr<IdRanges> wanted = IdRanges::Parse(selector.array_tasks());
  if (!wanted.ok()) return false;
  if (job.has_array_task_id()) return wanted->Contains(job.array_task_id());
  absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job.array_tasks());
  return tasks.ok() && tasks->Intersects(*wanted);
}

class JobQuery {
 public:
  explicit JobQuery(const pb::QueryJobsRequest& request)
      : request_(request),
        uids_(request.uids().begin(), request.uids().end()),
        partitions_(request.partitions().begin(), request.partitions().end()) {}

  bool Matches(const pb::Job& job) const {
    if (!request_.with_finished() && request_.jobs().empty() && IsFinal(job)) return false;
    if (!uids_.empty() && !uids_.contains(job.uid())) return false;
    if (!partitions_.empty() && !partitions_.contains(job.partition())) return false;
    if (request_.jobs().empty()) return true;
    return std::any_of(request_.jobs().begin(), request_.jobs().end(),
                       [&job](const pb::JobSelector& selector) { return Selects(selector, job); });
  }

  pb::Job Shown(const pb::Job& job) const {
    pb::Job shown = job;
    if (!request_.with_steps()) shown.clear_steps();
    return shown;
  }

 private:
  const pb::QueryJobsRequest& request_;
  absl::flat_hash_set<uint32_t> uids_;
  absl::flat_hash_set<std::string> partitions_;
};

}  // namespace

void Service::Ping(const CallPtr& call) {
  pb::PingResponse out;
  out.set_host(HostName());
  out.set_version(REEVE_VERSION);
  out.set_time(absl::ToUnixSeconds(absl::Now()));
  out.set_cluster(parts_.config->Get()->cluster_name);
  call->Reply(out);
}

void Service::GetConfig(const CallPtr& call) {
  pb::GetConfigResponse out;
  out.set_text(parts_.config->Get()->text);
  call->Reply(out);
}

void Service::ShowConfig(const CallPtr& call) {
  std::shared_ptr<const Config> config = parts_.config->Get();
  std::vector<std::pair<std::string, std::string>> entries = config->entries;
  auto set = [&entries](std::string_view key, std::string value) {
    auto found = std::find_if(entries.begin(), entries.end(), [key](const auto& entry) {
      return EqualsIgnoreCase(entry.first, key);
    });
    if (found != entries.end()) {
      found->second = std::move(value);
      return;
    }
    auto place = std::find_if(entries.begin(), entries.end(), [key](const auto& entry) {
      return ToLower(entry.first) > ToLower(key);
    });
    entries.insert(place, {std::string(key), std::move(value)});
  };
  set("BOOT_TIME", FormatTimestamp(parts_.boot_time));
  set("NEXT_JOB_ID", StrCat(parts_.next_job_id()));
  set("SLURM_CONF", config->path);
  set("SLURM_VERSION", REEVE_SLURM_VERSION);
  for (auto [key, user] : {std::pair{"SlurmUser", &config->slurm_user},
                           std::pair{"SlurmdUser", &config->slurmd_user}}) {
    absl::StatusOr<uid_t> uid = UidOf(*user);
    if (uid.ok()) set(key, StrCat(UserName(*uid), "(", *uid, ")"));
  }
  pb::ShowConfigResponse out;
  for (const auto& [key, value] : entries) {
    pb::ConfigEntry* entry = out.add_entries();
    entry->set_key(key);
    entry->set_value(value);
  }
  call->Reply(out);
}

void Service::Reconfigure(const CallPtr& call) {
  std::shared_ptr<const Config> before = parts_.config->Get();
  absl::StatusOr<Config> after = LoadConfig(before->path);
  if (!after.ok()) return call->Finish(after.status());
  ConfigChanges changes = ConfigDiff(*before, *after);
  pb::ReconfigureResponse out;
  for (const std::string& line : changes.after_restart) out.add_needs_restart(line);
  parts_.config->Set(*after);
  parts_.loop->Post([this, call, config = *std::move(after), out] {
    parts_.reconfigure(config);
    call->Reply(out);
  });
}

void Service::QueryJobs(const CallPtr& call) {
  pb::QueryJobsRequest request;
  if (!call->Parse(&request)) return;
  std::shared_ptr<const PublishedState> snapshot = parts_.publisher->Take();
  JobQuery query(request);
  pb::QueryJobsResponse out;
  out.set_time(absl::ToUnixSeconds(absl::Now()));
  size_t found = 0;
  auto visit = [&](const pb::Job& job) {
    if (!query.Matches(job)) return true;
    ++found;
    *out.add_jobs() = query.Shown(job);
    if (out.jobs_size() == kJobsPerMessage) {
      call->Write(out);
      out.clear_jobs();
    }
    return !call->cancelled();
  };
  // One plain job needs no walk through the queue.
  std::shared_ptr<const pb::Job> single;
  if (request.jobs_size() == 1) single = snapshot->FindJob(request.jobs(0).job_id());
  if (single != nullptr && single->array_job_id() == 0) {
    visit(*single);
  } else {
    snapshot->ForEachJob(visit);
  }
  if (found == 0 && request.jobs_size() == 1) {
    return call->Finish(absl::NotFoundError("Invalid job id specified"));
  }
  call->Reply(out);
}

void Service::QueryCluster(const CallPtr& call) {
  std::shared_ptr<const PublishedState> snapshot = parts_.publisher->Take();
  pb::QueryClusterResponse out;
  for (const auto& node : snapshot->nodes()) *out.add_nodes() = *node;
  for (const auto& partition : snapshot->partitions()) *out.add_partitions() = *partition;
  out.set_time(absl::ToUnixSeconds(absl::Now()));
  call->Reply(out);
}

void Service::GetJobScript(const CallPtr& call) {
  pb::GetJobScriptRequest request;
  if (!call->Parse(&request)) return;
  std::shared_ptr<const pb::Job> job = parts_.publisher->Take()->FindJob(request.job_id());
  if (job == nullptr) return call->Finish(absl::NotFoundError("Invalid job id specified"));
  if (job->uid() != call->identity().uid && call->role() < rpc::Role::kOperator) {
    return call->Finish(absl::PermissionDeniedError("Access/permission denied"));
  }
  if (job->script_hash().empty()) {
    return call->Finish(absl::NotFoundError("job script retrieval failed: the job has none"));
  }
  absl::StatusOr<std::string> script = parts_.blobs->Get(job->script_hash());
  if (!script.ok()) return call->Finish(script.status());
  pb::GetJobScriptResponse out;
  out.set_script(*std::move(script));
  call->Reply(out);
}

}  // namespace reeve::ctld
