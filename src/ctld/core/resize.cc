#include "ctld/core/resize.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_end.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/steps.h"
#include "ctld/core/wait_status.h"

namespace reeve::ctld {
namespace {

using Names = absl::flat_hash_set<std::string_view>;

Names NodesOf(const std::vector<NodeShare>& shares) {
  Names names;
  for (const NodeShare& share : shares) names.insert(share.node);
  return names;
}

// The script stays where it is.
absl::StatusOr<std::vector<std::string>> WithBatchHost(const Job& job,
                                                       std::vector<std::string> keep) {
  if (!job.spec->batch || Contains(keep, job.batch_host())) return keep;
  return Refuse(kInvalidNodeName, StrCat("node ", job.batch_host(), " runs the script of the job"));
}

// A step that has all of its nodes there has been killed; of another the rest goes on.
void EndParts(Context& context, Job& job, const Names& left) {
  for (size_t i = 0; i < job.steps.size(); ++i) {
    Step& step = job.steps[i];
    const bool goes_on =
        std::any_of(step.shares.begin(), step.shares.end(),
                    [&](const NodeShare& share) { return !left.contains(share.node); });
    for (size_t share = 0; share < step.shares.size(); ++share) {
      if (!left.contains(step.shares[share].node) || step.parts[share] == PartState::kEnded) {
        continue;
      }
      if (!goes_on) step.exit_status = WorseStatus(step.exit_status, SIGKILL);
      EndPart(context, job, step, share);
    }
  }
}

// What ran there, or was to be made ready there, is cleared away before anybody else comes.
void Leave(Context& context, const Job& job, const std::string& name, bool any_step) {
  context.Vacate(job, name);
  const Settings& settings = context.state.settings;
  const bool scripts =
      settings.has_epilog || (settings.has_prolog && settings.prolog_at_allocation);
  Node* node = context.state.FindNode(name);
  // One that is not there tells at its registration what it has.
  if (node == nullptr || !node->connected || !(scripts || any_step)) return;
  uint32_t& attempt = node->clearing[job.id];
  attempt = std::max(attempt, job.restarts);
  context.Shown(*node);
  context.Send(name, TerminationOf(job, settings));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FirstNodes(const Job& job, std::string_view count) {
  const absl::StatusOr<uint64_t> number = ParseUint(count, "NumNodes", UINT32_MAX);
  if (!number.ok() || *number == 0) return Refuse(kInvalidNodeCount);
  if (*number > job.shares.size()) {
    return Refuse(kInvalidNodeCount,
                  StrCat("the job has ", job.shares.size(),
                         " nodes; that a running job gets more is not supported"));
  }
  std::vector<std::string> keep;
  for (size_t i = 0; i < *number; ++i) keep.push_back(job.shares[i].node);
  return keep;
}

absl::StatusOr<std::vector<std::string>> NamedNodes(const Job& job, std::string_view hostlist) {
  const absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(hostlist);
  if (!names.ok() || names->empty()) return Refuse(kInvalidNodeName);
  std::vector<std::string> keep;
  const Names named(names->begin(), names->end());
  for (const NodeShare& share : job.shares) {
    if (named.contains(share.node)) keep.push_back(share.node);
  }
  const Names has = NodesOf(job.shares);
  for (const std::string& name : *names) {
    if (!has.contains(name)) {
      return Refuse(kInvalidNodeName, StrCat("node ", name, " is not one of the job's"));
    }
  }
  return WithBatchHost(job, std::move(keep));
}

absl::Status CheckResizable(const Job& job) {
  if (!job.Running() || job.IsComponent()) return Refuse(kDisabled);
  // Its prolog still runs on some of them.
  if ((job.flags & kJobFlagConfiguring) != 0) return Refuse(kNotNow);
  return absl::OkStatus();
}

void FitToShares(Shape& shape, const Job& job) {
  const auto nodes = static_cast<uint32_t>(job.shares.size());
  shape.min_nodes = std::min(shape.min_nodes, nodes);
  shape.max_nodes = std::max(shape.max_nodes, nodes);
  if (!shape.node_counts.empty()) shape.node_counts.Insert(nodes);
  if (!shape.gres.per_job || !IsSet(job.rare->resize_time)) return;
  uint32_t gpus = 0;
  for (const NodeShare& share : job.shares) gpus += CountOf(share.gres, kGpu);
  shape.gres.per_job->count = std::min(shape.gres.per_job->count, gpus);
}

void ShrinkTo(Context& context, Job& job, const std::vector<std::string>& keep) {
  if (keep.size() == job.shares.size()) return;
  UsageEnded(context, job);
  std::vector<NodeShare> kept;
  std::vector<std::string> left;
  const Names stay(keep.begin(), keep.end());
  job.num_cpus = job.num_tasks = 0;
  for (const NodeShare& share : job.shares) {
    if (!stay.contains(share.node)) {
      left.push_back(share.node);
      continue;
    }
    job.num_cpus += share.cpus;
    job.num_tasks += share.tasks;
    kept.push_back(share);
  }
  job.shares = std::move(kept);
  job.num_nodes = static_cast<uint32_t>(job.shares.size());
  job.rare.Edit().resize_time = context.now;
  Shape shape = *job.shape;
  FitToShares(shape, job);
  job.shape = context.state.shapes.Intern(std::move(shape));
  UsageBegan(context, job, context.now);
  StoreUsage(context, job);
  Names of_steps;
  for (const Step& step : job.steps) of_steps.merge(NodesOf(step.shares));
  for (const std::string& node : left) Leave(context, job, node, of_steps.contains(node));
  EndParts(context, job, Names(left.begin(), left.end()));
  context.Account(job);
  context.Log(LogLevel::kInfo,
              StrCat("job ", JobLabel(job), " (", job.id.value, "): gives back ",
                     CompressHostlist(left), ", has ", job.num_nodes, " nodes left"));
  RetryWaitingSteps(context, job);
}

}  // namespace reeve::ctld
