#include "ctld/core/invariants.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {
namespace {

class Checker {
 public:
  explicit Checker(const State& state) : state_(state) {}

  std::vector<std::string> Run() {
    for (const auto& node : state_.nodes) CheckNode(*node);
    state_.jobs.ForEach([&](JobId id, const std::unique_ptr<Job>& job) { CheckJob(id, *job); });
    CheckArrays();
    CheckReady();
    CheckUsage();
    CheckLicenses();
    return std::move(found_);
  }

 private:
  template <typename... Parts>
  void Expect(bool condition, const Parts&... parts) {
    if (!condition) found_.push_back(StrCat(parts...));
  }

  // No CPU twice, sums agree, nothing beyond what there is.
  void CheckNode(const Node& node) {
    CpuSet seen;
    std::vector<GresShare> gres;
    uint32_t sharing = 0, whole = 0, completing = 0, with_cpus = 0;
    uint64_t memory = 0;
    for (const auto& [id, use] : node.jobs) {
      Expect(use.sharing.Shares() || !seen.Intersects(use.cpus), "node ", node.name,
             ": a CPU of job ", id.value, " is taken twice");
      seen.AddAll(use.cpus);
      Expect(node.shrunk || Disjoint(gres, use.gres), "node ", node.name,
             ": a generic resource of job ", id.value, " is taken twice");
      gres.insert(gres.end(), use.gres.begin(), use.gres.end());
      sharing += use.sharing.Shares();
      memory += use.mem_mb;
      whole += use.whole;
      with_cpus += !use.cpus.Empty();
      completing += use.completing;
      const Job* job = state_.FindJob(id);
      Expect(job != nullptr && job->HoldsResources(), "node ", node.name, ": job ", id.value,
             " holds resources in vain");
      if (job == nullptr) continue;
      Expect(job->Completing() == use.completing, "node ", node.name, ": job ", id.value,
             " completing or not?");
    }
    Expect(seen == node.busy, "node ", node.name, ": busy is ", node.busy.ToText(), ", not ",
           seen.ToText());
    Expect(seen.Count() == node.alloc_cpus, "node ", node.name, ": alloc_cpus");
    Expect(sharing == node.sharing_jobs, "node ", node.name, ": sharing_jobs");
    if (sharing > 0) CheckSharing(node);
    Expect(memory == node.alloc_mem_mb, "node ", node.name, ": alloc_mem");
    Expect(whole == node.whole_jobs, "node ", node.name, ": whole_jobs");
    Expect(completing == node.completing_jobs, "node ", node.name, ": completing_jobs");
    Expect(whole == 0 || with_cpus == 1, "node ", node.name, ": exclusive but shared");
    CheckUsers(node);
    GresCounts left = node.stock.all();
    left.Subtract(node.stock.CountsOf(gres));
    Expect(left == node.stock.free(), "node ", node.name,
           ": generic resources: ", node.stock.UsedText(), " in use, not ", GresText(gres));
    if (node.shrunk) return;
    Expect(seen.Count() <= node.cpus, "node ", node.name, ": more CPUs given than there are");
    Expect(!state_.settings.select.memory || memory <= node.real_memory_mb, "node ", node.name,
           ": more memory given than there is");
  }

  // Who shares a CPU does so with jobs of his partition that share too, and with no more of them
  // than any was started with.
  void CheckSharing(const Node& node) {
    for (uint32_t cpu : node.busy.Ids()) {
      std::vector<const Job*> jobs;
      uint32_t most = 1;
      for (const auto& [id, use] : node.jobs) {
        const Job* job = state_.FindJob(id);
        if (job == nullptr || !use.cpus.Contains(cpu)) continue;
        jobs.push_back(job);
        most = std::max(most, job->share_limit);
      }
      Expect(jobs.size() <= most, "node ", node.name, ": ", jobs.size(), " jobs have CPU ", cpu,
             ", not ", most);
      for (const Job* job : jobs) {
        const bool may = job->share_limit > 1 && job->partition == jobs[0]->partition;
        Expect(jobs.size() == 1 || may, "node ", node.name, ": job ", job->id.value, " shares CPU ",
               cpu, " and must not");
      }
    }
  }

  // Who asks for nodes without other users has them. (A partition may be set to that at any time.)
  void CheckUsers(const Node& node) {
    uint32_t sole = 0;
    for (const auto& [id, use] : node.jobs) {
      sole += use.sole_user != 0;
      const Job* job = state_.FindJob(id);
      if (job == nullptr || job->shape == nullptr || !job->shape->exclusive_user) continue;
      for (const auto& [other, other_use] : node.jobs) {
        const Job* neighbour = state_.FindJob(other);
        Expect(neighbour == nullptr || neighbour->owner->uid == job->owner->uid, "node ", node.name,
               ": job ", id.value, " shares it with job ", other.value, " of another user");
      }
    }
    Expect(sole == node.sole_jobs, "node ", node.name, ": sole_jobs");
  }

  // Fair share counts the CPUs that are in use, user by user.
  void CheckUsage() {
    absl::flat_hash_map<uint32_t, uint32_t> cpus;
    for (JobId id : state_.active) {
      const Job* job = state_.FindJob(id);
      if (job != nullptr && job->Running()) cpus[job->owner->uid] += job->num_cpus;
    }
    for (const auto& [uid, jobs] : state_.jobs_of_user) {
      Expect(state_.fair_share.RunningCpus(uid) == cpus[uid], "user ", uid, ": fair share counts ",
             state_.fair_share.RunningCpus(uid), " CPUs, not ", cpus[uid]);
    }
  }

  // Those that jobs have and no others, and no more than there are.
  void CheckLicenses() {
    for (const LicensePool::Entry& entry : state_.licenses.entries()) {
      uint32_t used = 0;
      for (JobId id : state_.active) {
        const Job* job = state_.FindJob(id);
        if (job == nullptr) continue;
        for (const License& license : job->shape->licenses) {
          used += license.name == entry.name ? license.count : 0;
        }
      }
      Expect(used == entry.used, "licence ", entry.name, ": ", entry.used, " in use, not ", used);
      Expect(entry.shrunk || entry.used <= entry.total, "licence ", entry.name,
             ": more given than there are");
    }
  }

  void CheckJob(JobId id, const Job& job) {
    const std::string name = StrCat("job ", id.value, " ");
    Expect(job.id == id, name, "is filed wrongly");
    Expect(job.shape != nullptr && job.spec != nullptr && job.owner != nullptr, name, "is hollow");
    Expect(id.value < state_.counters.next_job_id, name, "is beyond the next id");
    Expect(!job.IsArrayRecord() || !job.HoldsResources(), name, "runs as a whole array");
    Expect(state_.active.contains(id) == job.HoldsResources(), name, "active or not?");
    Expect(!job.array_job_id || state_.arrays.contains(job.array_job_id), name, "lost its array");
    CheckComponent(name, job);
    const bool ready = state_.backlog.Contains(id);
    Expect(!ready || (job.Pending() && !job.Held()), name, "must not be in the ready queue");
    if (job.Pending()) {
      Expect(job.shares.empty() && job.steps.empty() && !job.Completing(), name,
             "pending with an allocation");
    }
    Expect(!job.Finished() || IsSet(job.end_time), name, "ended without a time");
    Expect(job.Completing() == !job.pending_nodes.empty(), name, "completing without nodes");
    Expect(!job.Completing() || job.Finished(), name, "completing and not ended");
    Expect(job.Active() || job.rare->unprepared_nodes.empty(), name, "waits for prologs");
    Expect(!job.Pending() || !IsSet(job.rare->preempt_time), name, "makes room while it waits");
    Expect(!job.Pending() || !IsSet(job.rare->resize_time), name, "was resized before it started");
    Expect(!job.Pending() || !job.rare->warned, name, "was warned of its end before it started");
    Expect(job.state != JobState::kPreempted || IsSet(job.rare->preempt_time), name,
           "is preempted for nobody");
    if (job.Active()) CheckRunning(name, job);
    CheckSuspension(name, job);
    for (const Step& step : job.steps) CheckStep(name, job, step);
  }

  // All components wait for room together, and start together.
  void CheckComponent(const std::string& name, const Job& job) {
    if (!job.IsComponent()) return;
    Expect(job.id.value == job.het->leader.value + job.het->offset, name, "has another one's id");
    Expect(job.het->offset < job.het->size, name, "is beyond its job's components");
    const bool queued = state_.backlog.Contains(job.het->leader);
    Expect(!queued || (job.Pending() && !job.Held()), name, "is not ready, its leader is");
    Expect(job.het->offset == 0 || !state_.backlog.Contains(job.id), name, "is queued by itself");
    const Job* leader = state_.FindJob(job.het->leader);
    const bool led = leader != nullptr && leader->het->leader == job.het->leader;
    if (job.Pending()) {
      Expect(led, name, "has lost its leader");
      Expect(!led || !leader->Active(), name, "waits while its leader runs");
    }
    if (!job.Active()) return;
    Expect(led && leader->Active(), name, "runs without its leader");
    Expect(!led || leader->start_time == job.start_time, name, "has not started with its leader");
    if (!led || job.het->offset == 0) return;
    for (const NodeShare& share : job.shares) {
      const bool shared =
          std::any_of(leader->shares.begin(), leader->shares.end(),
                      [&](const NodeShare& other) { return other.node == share.node; });
      Expect(!shared, name, "shares a node with its leader");
    }
  }

  void CheckSuspension(const std::string& name, const Job& job) {
    const bool without_cpus = job.suspension->cpus_given_up;
    Expect(!job.Suspended() || without_cpus, name, "is suspended and has its CPUs");
    Expect(!job.Running() || !without_cpus, name, "runs without CPUs");
    Expect(!job.Pending() || !job.suspension.IsThere(), name, "was suspended before it started");
    Expect(!job.suspension->for_others || job.Suspended(), name, "stands still and runs");
    Expect(job.Suspended() && job.suspension->for_others
               ? state_.preemption.standing.contains(job.id)
               : true,
           name, "stands still and nobody knows");
    Expect(!job.Suspended() || !IsSet(job.rare->preempt_time), name,
           "makes room while it is suspended");
    Expect(job.suspension->total >= absl::ZeroDuration(), name, "was suspended for less than none");
  }

  void CheckRunning(const std::string& name, const Job& job) {
    Expect(!job.shares.empty(), name, "runs nowhere");
    for (const NodeShare& share : job.shares) {
      const auto index = state_.node_index.find(share.node);
      if (index == state_.node_index.end()) {
        found_.push_back(name + "runs on an unknown node");
        continue;
      }
      const auto use = state_.nodes[index->second]->jobs.find(job.id);
      const CpuSet cores = job.suspension->cpus_given_up ? CpuSet() : share.cores;
      Expect(use != state_.nodes[index->second]->jobs.end() && use->second.cpus == cores, name,
             "and node ", share.node, " disagree");
      Expect(use == state_.nodes[index->second]->jobs.end() || use->second.gres == share.gres, name,
             "and node ", share.node, " disagree about generic resources");
      Expect(share.cpus == share.cores.Count() && share.cpus > 0, name, "has a hollow share");
    }
    const uint32_t nodes = static_cast<uint32_t>(job.shares.size());
    Expect(job.shape->node_counts.empty() || job.shape->node_counts.Contains(nodes), name,
           "has a number of nodes that it does not list");
    Expect(nodes >= job.shape->min_nodes && nodes <= job.shape->max_nodes, name,
           "has the wrong number of nodes");
    CheckGres(name, job);
  }

  void CheckStep(const std::string& name, const Job& job, const Step& step) {
    const std::string label = StrCat(name, "step ", step.step_id.value, " ");
    Expect(step.parts.size() == step.shares.size(), label, "has parts missing");
    const bool parts_over = std::all_of(step.parts.begin(), step.parts.end(),
                                        [](PartState part) { return part == PartState::kEnded; });
    Expect(parts_over == IsSet(step.end_time), label, "over or not?");
    Expect(job.HoldsResources() || parts_over, label, "outlives its job");
    for (uint32_t share : step.unwarned) {
      Expect(job.rare->warned, label, "is to be warned and its job is not");
      Expect(share < step.parts.size() && step.parts[share] != PartState::kEnded, label,
             "has a part to be warned that is not there");
    }
    for (size_t i = 0; i < std::min(step.shares.size(), step.parts.size()); ++i) {
      const NodeShare& share = step.shares[i];
      // Nodes that it had may have been given back.
      if (IsSet(job.rare->resize_time) && step.parts[i] == PartState::kEnded) continue;
      const bool inside = std::any_of(job.shares.begin(), job.shares.end(), [&](const auto& s) {
        return s.node == share.node && s.cores.ContainsAll(share.cores) &&
               ContainsAll(s.gres, share.gres);
      });
      Expect(inside, label, "is outside of its allocation");
    }
    if (!step.holds_cpus || parts_over) return;
    for (const Step& other : job.steps) {
      if (other.step_id >= step.step_id || !other.holds_cpus) continue;
      CheckDisjoint(label, step, other);
    }
  }

  void CheckDisjoint(const std::string& label, const Step& a, const Step& b) {
    for (size_t i = 0; i < a.shares.size(); ++i) {
      for (size_t j = 0; j < b.shares.size(); ++j) {
        if (a.parts[i] == PartState::kEnded || b.parts[j] == PartState::kEnded) continue;
        if (a.shares[i].node != b.shares[j].node) continue;
        Expect(!a.shares[i].cores.Intersects(b.shares[j].cores), label, "shares CPUs with step ",
               b.step_id.value);
        Expect(Disjoint(a.shares[i].gres, b.shares[j].gres), label,
               "shares generic resources with step ", b.step_id.value);
      }
    }
  }

  // It has got what it asked for.
  void CheckGres(const std::string& name, const Job& job) {
    const GresRequest& asked = job.shape->gres;
    uint32_t gpus = 0;
    for (const NodeShare& share : job.shares) {
      gpus += CountOf(share.gres, kGpu);
      for (const Gres& gres : asked.per_node) {
        Expect(Available(gres, share.gres) >= gres.count, name, "lacks ", gres.name, " on ",
               share.node);
      }
      if (!asked.per_task) continue;
      Expect(CountOf(share.gres, kGpu) >= asked.per_task->count * share.tasks, name,
             "lacks GPUs for its tasks on ", share.node);
    }
    if (asked.per_job) Expect(gpus >= asked.per_job->count, name, "has ", gpus, " GPUs only");
  }

  void CheckArrays() {
    size_t members = 0;
    for (const auto& [array, group] : state_.arrays) {
      members += group.size();
      uint32_t running = 0;
      IdRanges seen;
      for (JobId id : group.Members()) {
        const Job* job = state_.FindJob(id);
        Expect(job != nullptr && job->array_job_id == array, "array ", array.value,
               ": foreign member ", id.value);
        if (job == nullptr) continue;
        running += job->HoldsResources();
        Expect(job->Pending() == group.pending().contains(id), "array ", array.value, ": member ",
               id.value, " waits, or not, against its list");
        Expect(!job->array_task_id || group.FindTask(*job->array_task_id) == id, "array ",
               array.value, ": member ", id.value, " is filed wrongly");
        const IdRanges tasks =
            job->array_task_id ? IdRanges::Single(*job->array_task_id) : job->array->tasks;
        Expect(!seen.Intersects(tasks), "array ", array.value, ": a task exists twice");
        for (const IdRanges::Range& range : tasks.ranges()) seen.Insert(range.first, range.last);
        Expect(job->array->limit == 0 || !job->Pending() || running <= job->array->task_count,
               "array ", array.value, ": limit");
      }
      Expect(running == group.running, "array ", array.value, ": ", group.running,
             " counted as running, not ", running);
    }
    size_t of_arrays = 0;
    state_.jobs.ForEach([&](JobId, const std::unique_ptr<Job>& job) {
      if (job->array_job_id) of_arrays++;
    });
    Expect(members == of_arrays, "arrays know ", members, " members of ", of_arrays);
  }

  void CheckReady() {
    size_t keys = 0;
    for (JobId id : state_.backlog.Jobs()) {
      keys += state_.backlog.KeysOf(id).size();
      for (const ReadyKey& key : state_.backlog.KeysOf(id)) {
        Expect(state_.backlog.by_rank().contains(key), "job ", id.value,
               " is missing in the ready queue");
      }
    }
    Expect(keys == state_.backlog.by_rank().size(), "the ready queue has strangers in it");
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) {
      Expect(state_.plan.Follows(*state_.nodes[i], i), "the plan has missed a change of node ",
             state_.nodes[i]->name);
    }
    state_.plan.planned().ForEach([&](JobId id, const auto&) {
      Expect(state_.backlog.Contains(id), "job ", id.value, " has a place in the plan in vain");
    });
  }

  const State& state_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> CheckInvariants(const Controller& controller) {
  return Checker(controller.state()).Run();
}

}  // namespace reeve::ctld
