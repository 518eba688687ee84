#include "ctld/record_check.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/text.h"
#include "ctld/core/het_job.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kKnownFlags = kJobFlagCompleting | kJobFlagConfiguring | kJobFlagRequeued |
                                 kJobFlagRequeueHold | kJobFlagSpecialExit;

using Finding = std::pair<bool, const char*>;  // what must not be, and its words

absl::Status First(std::initializer_list<Finding> findings) {
  for (const auto& [wrong, words] : findings) {
    if (wrong) return absl::DataLossError(words);
  }
  return absl::OkStatus();
}

bool AllDistinct(const std::vector<NodeShare>& shares) {
  absl::flat_hash_set<std::string> nodes;
  return std::all_of(shares.begin(), shares.end(), [&](const NodeShare& share) {
    return !share.node.empty() && nodes.insert(share.node).second;
  });
}

bool Inside(const Job& job, const NodeShare& share) {
  return std::any_of(job.shares.begin(), job.shares.end(), [&](const NodeShare& of_job) {
    return of_job.node == share.node && of_job.cores.ContainsAll(share.cores) &&
           ContainsAll(of_job.gres, share.gres);
  });
}

// But for what it had on nodes that the job has given back.
bool AllInside(const Job& job, const Step& step) {
  for (size_t i = 0; i < step.shares.size(); ++i) {
    const bool ended = i < step.parts.size() && step.parts[i] == PartState::kEnded;
    if (!Inside(job, step.shares[i]) && !(ended && IsSet(job.rare->resize_time))) return false;
  }
  return true;
}

bool PartsOver(const Step& step) {
  return std::all_of(step.parts.begin(), step.parts.end(),
                     [](PartState part) { return part == PartState::kEnded; });
}

// Each once.
bool MayBeWarned(const Job& job, const Step& step) {
  const std::vector<uint32_t>& shares = step.unwarned;
  if (shares.empty()) return true;
  return job.rare->warned && shares.back() < step.parts.size() &&
         std::adjacent_find(shares.begin(), shares.end(), std::greater_equal<>()) == shares.end() &&
         std::none_of(shares.begin(), shares.end(),
                      [&](uint32_t share) { return step.parts[share] == PartState::kEnded; });
}

absl::Status CheckStep(const Job& job, const Step& step) {
  const bool over = PartsOver(step);
  absl::Status status = First({
      {step.shares.empty(), "runs on no node"},
      {!AllDistinct(step.shares), "names a node twice"},
      {over != step.Ended(), "has ended, or not, against its parts"},
      {!job.HoldsResources() && !over, "runs without its job"},
      {!AllInside(job, step), "is outside of its job's allocation"},
      {!MayBeWarned(job, step), "is to be warned where it does not run"},
  });
  return Annotate(status, StrCat("step ", step.step_id.value));
}

bool SameResources(const Step& a, const Step& b) {
  for (size_t i = 0; i < a.shares.size(); ++i) {
    for (size_t j = 0; j < b.shares.size(); ++j) {
      if (a.parts[i] == PartState::kEnded || b.parts[j] == PartState::kEnded) continue;
      if (a.shares[i].node != b.shares[j].node) continue;
      if (a.shares[i].cores.Intersects(b.shares[j].cores)) return true;
      if (!Disjoint(a.shares[i].gres, b.shares[j].gres)) return true;
    }
  }
  return false;
}

absl::Status CheckSteps(const Job& job) {
  absl::flat_hash_set<StepId> ids;
  for (const Step& step : job.steps) {
    absl::Status status = CheckStep(job, step);
    if (!status.ok()) return status;
    if (!ids.insert(step.step_id).second) {
      return absl::DataLossError(StrCat("step ", step.step_id.value, " is there twice"));
    }
    for (const Step& other : job.steps) {
      if (&other == &step) break;
      if (step.holds_cpus && other.holds_cpus && SameResources(step, other)) {
        return absl::DataLossError(StrCat("step ", step.step_id.value,
                                          " shares resources with step ", other.step_id.value));
      }
    }
  }
  return absl::OkStatus();
}

IdRanges TasksOf(const Job& job) {
  return job.array_task_id ? IdRanges::Single(*job.array_task_id) : job.array->tasks;
}

absl::Status CheckArrays(const std::vector<Job>& jobs) {
  struct Part {
    IdRanges::Range tasks;
    JobId job;
  };
  absl::flat_hash_map<JobId, std::vector<Part>> arrays;
  for (const Job& job : jobs) {
    if (!job.array_job_id) continue;
    std::vector<Part>& parts = arrays[job.array_job_id];
    const IdRanges tasks = TasksOf(job);
    for (const IdRanges::Range& range : tasks.ranges()) parts.push_back({range, job.id});
  }
  for (auto& [array, parts] : arrays) {
    std::sort(parts.begin(), parts.end(),
              [](const Part& a, const Part& b) { return a.tasks.first < b.tasks.first; });
    for (size_t i = 1; i < parts.size(); ++i) {
      if (parts[i].tasks.first > parts[i - 1].tasks.last) continue;
      return absl::DataLossError(StrCat("job ", parts[i].job.value, ": has task ",
                                        parts[i].tasks.first, " of array ", array.value, " as job ",
                                        parts[i - 1].job.value, " has"));
    }
  }
  return absl::OkStatus();
}

// Fewer may be left of an array: tasks that ended are forgotten.
absl::Status CheckArraySizes(const std::vector<Job>& jobs) {
  absl::flat_hash_map<JobId, uint64_t> sizes;
  for (const Job& job : jobs) {
    if (job.array_job_id) sizes[job.array_job_id] += TasksOf(job).count();
  }
  for (const Job& job : jobs) {
    if (!job.array_job_id || sizes[job.array_job_id] <= job.array->task_count) continue;
    return absl::DataLossError(StrCat("job ", job.id.value, ": array ", job.array_job_id.value,
                                      " has ", sizes[job.array_job_id], " tasks, not ",
                                      job.array->task_count));
  }
  return absl::OkStatus();
}

bool MayShare(const Job& a, const Job& b) {
  return a.share_limit > 1 && b.share_limit > 1 && a.partition == b.partition;
}

// No more jobs have a CPU than one of them allows.
absl::Status CheckLoads(const std::string& node,
                        const std::vector<std::pair<const Job*, const CpuSet*>>& jobs) {
  absl::flat_hash_map<uint32_t, std::pair<uint32_t, uint32_t>> loads;  // jobs, and the most of them
  for (const auto& [job, cores] : jobs) {
    if (job->share_limit <= 1) continue;
    for (uint32_t cpu : cores->Ids()) {
      auto& [load, most] = loads[cpu];
      load++;
      most = std::max(most, job->share_limit);
    }
  }
  for (const auto& [cpu, load] : loads) {
    if (load.first <= load.second) continue;
    return absl::DataLossError(
        StrCat("node ", node, ": ", load.first, " jobs have CPU ", cpu, ", not ", load.second));
  }
  return absl::OkStatus();
}

absl::Status CheckShares(const std::vector<Job>& jobs) {
  struct Use {
    std::vector<GresShare> gres;
    std::vector<std::pair<const Job*, const CpuSet*>> jobs;
  };
  absl::flat_hash_map<std::string, Use> nodes;
  for (const Job& job : jobs) {
    if (!job.HoldsResources()) continue;
    for (const NodeShare& share : job.shares) {
      if (job.ClearOf(share.node)) continue;
      Use& use = nodes[share.node];
      const bool has_cpus = !job.suspension->cpus_given_up;
      for (const auto& [other, cores] : use.jobs) {
        if (!has_cpus || !cores->Intersects(share.cores)) continue;
        if (MayShare(job, *other)) continue;
        return absl::DataLossError(StrCat("job ", job.id.value, ": has CPUs of job ",
                                          other->id.value, " on ", share.node));
      }
      if (!Disjoint(use.gres, share.gres)) {
        return absl::DataLossError(
            StrCat("job ", job.id.value, ": has generic resources of another job on ", share.node));
      }
      use.gres.insert(use.gres.end(), share.gres.begin(), share.gres.end());
      if (!has_cpus) continue;
      use.jobs.emplace_back(&job, &share.cores);
    }
  }
  for (const auto& [name, use] : nodes) {
    if (absl::Status status = CheckLoads(name, use.jobs); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool IsComponentRecord(const Job& job) {
  const HetPart& part = *job.het;
  return part.leader && part.size > 1 && part.size <= kMostComponents && part.offset < part.size &&
         uint64_t{part.leader.value} + part.offset == job.id.value && !job.array_job_id;
}

// Those that wait or run have all their fellows; of what is over some may have been forgotten.
absl::Status CheckComponents(const std::vector<Job>& jobs) {
  absl::flat_hash_map<JobId, const Job*> by_id;
  for (const Job& job : jobs) by_id[job.id] = &job;
  for (const Job& job : jobs) {
    if (!job.IsComponent()) continue;
    for (uint32_t i = 0; i < job.het->size; ++i) {
      const auto found = by_id.find(JobId{job.het->leader.value + i});
      const bool known = found != by_id.end() && found->second->het->leader == job.het->leader;
      const Job* other = known ? found->second : nullptr;
      const bool matches = other != nullptr && other->het->size == job.het->size;
      const bool alike = other == nullptr || (matches && !(job.Pending() && other->Active()));
      const bool with_leader = !job.Active() || i > 0 || (other != nullptr && other->Active());
      if (alike && with_leader && (other != nullptr || job.Finished())) continue;
      return absl::DataLossError(
          StrCat("job ", job.id.value, ": its job ", job.het->leader.value, " is not whole"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRecord(const Job& job) {
  const bool hollow = std::any_of(job.shares.begin(), job.shares.end(), [](const NodeShare& share) {
    return share.cpus == 0 || share.cpus != share.cores.Count();
  });
  const bool strangers =
      std::any_of(job.pending_nodes.begin(), job.pending_nodes.end(), [&](const std::string& node) {
        return std::none_of(job.shares.begin(), job.shares.end(),
                            [&](const NodeShare& share) { return share.node == node; });
      });
  absl::Status status = First({
      {job.id.value == 0 || job.id.value > kMaxJobId, "is no number of a job"},
      {(job.flags & ~kKnownFlags) != 0, "has unknown flags"},
      {job.IsComponent() && !IsComponentRecord(job), "is a component that its job cannot have"},
      {job.IsArrayRecord() && (!job.array_job_id || job.array_task_id.has_value()),
       "is an array's record and is not"},
      {job.array_task_id.has_value() && !job.array_job_id, "is a task of no array"},
      {job.array_job_id && !job.array_task_id && !job.IsArrayRecord(),
       "is of an array and none of its tasks"},
      {job.array_job_id.value > kMaxJobId, "is of an array without a number"},
      {job.Pending() && (!job.shares.empty() || !job.steps.empty()), "waits and has nodes"},
      {job.Pending() && IsSet(job.rare->preempt_time), "waits and makes room for another"},
      {job.Pending() && IsSet(job.rare->resize_time), "waits and has given nodes back"},
      {job.Pending() && job.rare->warned, "waits and was warned of its end"},
      {job.Active() && job.shares.empty(), "runs nowhere"},
      {job.HoldsResources() && job.IsArrayRecord(), "runs as a whole array"},
      {job.HoldsResources() && hollow, "has a hollow share"},
      {!AllDistinct(job.shares), "names a node twice"},
      {job.Finished() && !IsSet(job.end_time), "ended without a time"},
      {job.Completing() && !job.Finished(), "is completing and has not ended"},
      {job.Completing() == job.pending_nodes.empty(), "is completing, or not, against its nodes"},
      {strangers, "waits for nodes that are not its own"},
      {!job.Active() && !job.rare->unprepared_nodes.empty(), "waits for prologs and does not run"},
      {job.Suspended() != job.suspension->cpus_given_up && job.Active(),
       "has its CPUs, or not, against its state"},
      {job.Pending() && job.suspension.IsThere(), "waits and was suspended"},
      {job.suspension->total < absl::ZeroDuration(), "was suspended for less than no time"},
      {job.Suspended() && IsSet(job.rare->preempt_time), "is suspended and makes room for another"},
      {job.suspension->for_others && !job.Suspended(), "stands still for others and runs"},
  });
  return status.ok() ? CheckSteps(job) : status;
}

absl::Status CheckTogether(const std::vector<Job>& jobs) {
  absl::Status status = CheckShares(jobs);
  if (status.ok()) status = CheckArrays(jobs);
  if (status.ok()) status = CheckComponents(jobs);
  return status.ok() ? CheckArraySizes(jobs) : status;
}

}  // namespace reeve::ctld
