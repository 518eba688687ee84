#include "tests/sim/oracle.h"

#include "ctld/core/invariants.h"
#include "ctld/core/license_pool.h"
#include "ctld/core/shape.h"

namespace reeve::sim {

Oracle::Brief Oracle::BriefOf(const ctld::Job& job) {
  return {job.state, job.flags, job.restarts, job.exit_status, job.end_time};
}

Oracle::Brief Oracle::BriefOf(const v1::Job& job) {
  return {static_cast<JobState>(job.state()), job.flags(), job.restarts(), job.exit_status(),
          absl::FromUnixSeconds(job.end_time())};
}

std::string Oracle::ToString(const Brief& brief) {
  return StrCat(LongName(brief.state), (brief.flags & kJobFlagCompleting) != 0 ? "+COMPLETING" : "",
                (brief.flags & kJobFlagRequeued) != 0 ? "+REQUEUED" : "", " attempt ",
                brief.restarts, " exit ", brief.exit_status);
}

// ---- the controller ---------------------------------------------------------------------------

void Oracle::OnRestored(const ctld::Controller& core, const Disk& disk) {
  seen_.clear();
  nodes_.clear();
  core.ForEachJob([&](const ctld::Job& job) { seen_[job.id] = BriefOf(job); });
  for (const auto& [id, bytes] : disk.jobs) {
    // Whoever is old enough goes at once.
    if (core.FindJob(id) == nullptr && !durable_[id].Over()) {
      scene_->Violation("vanished", "job ", id.value, " is in the store and was not restored");
    }
  }
  for (const auto& [item, submission] : clients_->submissions()) {
    if (!submission.job.has_value() || disk.jobs.contains(*submission.job)) continue;
    if (forgotten_.contains(*submission.job)) continue;
    scene_->Violation("vanished", "job ", submission.job->value, " was acknowledged to #", item,
                      " and is not in the store");
  }
}

void Oracle::OnEffects(const ctld::Controller& core, const ctld::Effects& effects) {
  // A heartbeat moves nothing that the rest looks at.
  if (!effects.NeedsCommit() && effects.jobs_changed.empty() && effects.commands.empty()) return;
  for (const std::string& wrong : ctld::CheckInvariants(core)) {
    scene_->Violation("invariant", wrong);
  }
  for (const ctld::AccountingRecord& record : effects.accounting) {
    const auto* job = std::get_if<std::shared_ptr<const ctld::Job>>(&record);
    if (job == nullptr || !BriefOf(**job).Over()) continue;
    (*job)->IsComponent() ? CheckEndOfComponent(core, **job) : CheckEnd(**job);
  }
  for (JobId id : effects.jobs_removed) CheckRemoved(core, id);
  for (JobId id : effects.jobs_changed) {
    if (const ctld::Job* job = core.FindJob(id)) CheckChange(core, *job);
  }
}

bool Oracle::Legal(const Brief& before, const Brief& after, bool component) {
  const bool completing = (before.flags & kJobFlagCompleting) != 0;
  const bool completing_now = (after.flags & kJobFlagCompleting) != 0;
  if (after.restarts == before.restarts + 1) {
    // Back in the queue, or over at once there: its dependency or its deadline can never be met.
    // A component's leader may have failed for good with its node.
    const bool over = after.state == JobState::kCancelled || after.state == JobState::kDeadline ||
                      (component && after.state == JobState::kNodeFail);
    return before.state != JobState::kPending &&
           (after.state == JobState::kPending || (over && !completing_now));
  }
  if (after.restarts != before.restarts) return false;
  if (before.state == JobState::kPending) {
    const bool over = after.state == JobState::kCancelled || after.state == JobState::kDeadline;
    return after.state == JobState::kPending || after.state == JobState::kRunning ||
           (over && !completing_now);
  }
  if (IsActive(before.state)) return after.state != JobState::kPending;
  if (completing) {
    // On its way back into the queue it may be cancelled for good.
    return after.state == before.state || (before.flags & kJobFlagRequeued) != 0;
  }
  return after.state == before.state && after.exit_status == before.exit_status && !completing_now;
}

void Oracle::CheckChange(const ctld::Controller& core, const ctld::Job& job) {
  const Brief now = BriefOf(job);
  const auto seen = seen_.find(job.id);
  const Brief before = seen == seen_.end() ? Brief{.restarts = job.restarts} : seen->second;
  if (!Legal(before, now, job.IsComponent())) {
    scene_->Violation("transition", "job ", job.id.value, " went from ", ToString(before), " to ",
                      ToString(now));
  }
  const bool moved = seen == seen_.end() || ToString(before) != ToString(now);
  if (moved && scene_->report.tracing()) {
    scene_->Trace("    job ", ctld::JobLabel(job), " (", job.id.value, ") is ", ToString(now), ", ",
                  ctld::ReasonText(job));
  }
  if (before.state == JobState::kPending && job.Running()) CheckStart(core, job);
  if (ctld::IsSet(job.rare->preempt_time)) CheckPreempted(core, job);
  if (job.Running()) CheckTimeLimit(job);
  const bool suspended = moved && job.Suspended();
  if (suspended && job.suspension->for_others) CheckStandsStill(core, job);
  if (before.state == JobState::kSuspended && job.Running()) CheckSharing(core, job);
  if (job.Active()) CheckNodes(job);
  seen_[job.id] = now;
}

void Oracle::CheckLicenses(const ctld::Controller& core, const ctld::Job& job) {
  const auto of = [](const ctld::Job& one) {
    return *ParseLicenses(one.spec->wishes().licenses);  // what was taken can be read
  };
  for (const License& asked : of(job)) {
    uint64_t there = 0, taken = 0;
    for (const License& license : core.settings().licenses) {
      if (license.name == asked.name) there = license.count;
    }
    core.ForEachJob([&](const ctld::Job& other) {
      if (!other.HoldsResources()) return;
      for (const License& license : of(other))
        taken += license.name == asked.name ? license.count : 0;
    });
    if (taken > there) {
      scene_->Violation("licences", "job ", job.id.value, " started with ", taken, " of licence ",
                        asked.name, " in use, there are ", there);
    }
  }
}

// What it asks of its nodes together.
void Oracle::CheckChoice(const ctld::Controller& core, const ctld::Job& job) {
  std::vector<uint32_t> order;
  size_t a = 0, b = 0;
  for (const ctld::NodeShare& share : job.shares) {
    const ctld::Node& node = *core.FindNode(share.node);
    order.push_back(node.order);
    a += node.HasFeature("a");
    b += node.HasFeature("b");
  }
  std::sort(order.begin(), order.end());
  if (job.spec->contiguous && order.back() - order.front() + 1 != order.size()) {
    scene_->Violation("contiguous", "job ", job.id.value, " started on nodes with gaps");
  }
  const std::string& asked = job.spec->features;
  const size_t all = job.shares.size();
  const bool good = asked.empty() || (asked == "a" && a == all) ||
                    (asked == "[a|b]" && (a == all || b == all)) || (asked == "b*1" && b > 0) ||
                    (asked == "[a*1&b*1]" && a > 0 && b > 0 && a + b == all);
  if (!good) {
    scene_->Violation("features", "job ", job.id.value, " asks for ", asked, " and got ", a,
                      " of a and ", b, " of b");
  }
}

// No job is on two trees, nor on more leaf switches than it asks for before it has waited.
void Oracle::CheckSwitches(const ctld::Controller& core, const ctld::Job& job) {
  const ctld::Settings& settings = core.settings();
  if (settings.topology == nullptr) return;
  std::set<ctld::LeafIndex> leaves;
  std::set<size_t> roots;
  for (const ctld::NodeShare& share : job.shares) {
    const auto is_it = [&](const ctld::Node& node) { return node.name == share.node; };
    const auto place = std::find_if(settings.nodes.begin(), settings.nodes.end(), is_it);
    const auto index = static_cast<ctld::NodeIndex>(place - settings.nodes.begin());
    const ctld::LeafIndex leaf = settings.topology->LeafOf(index);
    leaves.insert(leaf);
    roots.insert(settings.topology->RootOf(leaf));
  }
  if (roots.size() > 1) {
    scene_->Violation("switches", "job ", job.id.value, " started on two trees");
  }
  const ctld::RareWishes& wishes = job.spec->wishes();
  if (wishes.switches == 0 || leaves.size() <= wishes.switches) return;
  const absl::Duration wait = wishes.switches_wait.value_or(settings.max_switch_wait);
  const bool waited = wait == absl::ZeroDuration() ||
                      (ctld::IsSet(job.rare->switches_since) &&
                       job.rare->switches_since + wait <= absl::Time(job.start_time));
  if (!waited) {
    scene_->Violation("switches", "job ", job.id.value, " started on ", leaves.size(),
                      " leaf switches before it had waited ", absl::FormatDuration(wait), " for ",
                      wishes.switches);
  }
}

// Whoever shares nodes with his own jobs alone does, and so do the others.
void Oracle::CheckUsers(const ctld::Controller& core, const ctld::Job& job) {
  const auto is_sole = [](const ctld::Job& one) { return one.spec->wishes().exclusive_user; };
  for (const ctld::NodeShare& share : job.shares) {
    for (const auto& [id, use] : core.FindNode(share.node)->jobs) {
      const ctld::Job* other = core.FindJob(id);
      if (other == nullptr || other->owner->uid == job.owner->uid) continue;
      if (!is_sole(job) && !is_sole(*other)) continue;
      scene_->Violation("users", "job ", job.id.value, " started on ", share.node, " beside job ",
                        id.value, " of another user");
    }
  }
}

// On nodes that have the sockets, with CPUs that take its tasks, counted by hand.
void Oracle::CheckLayout(const ctld::Controller& core, const ctld::Job& job) {
  const ctld::CpuWishes& asked = job.spec->wishes().cpus;
  if (asked == ctld::CpuWishes()) return;
  const uint32_t each = job.shape->cpus_per_task;  // CPUs of its GPUs outweigh what it asks for
  for (const ctld::NodeShare& share : job.shares) {
    const ctld::Node& node = *core.FindNode(share.node);
    if (node.sockets < asked.sockets_per_node) {
      scene_->Violation("sockets", "job ", job.id.value, " started on ", share.node);
    }
    std::map<uint32_t, uint32_t> of_core, on_socket;
    for (uint32_t cpu : share.cores.Ids()) of_core[cpu / node.threads_per_core]++;
    for (auto [core_id, cpus] : of_core) {
      if (asked.threads_per_core > 0) cpus = std::min(cpus, asked.threads_per_core);
      if (each == 1 && asked.ntasks_per_core > 0) cpus = std::min(cpus, asked.ntasks_per_core);
      on_socket[core_id / node.cores_per_socket] += cpus;
    }
    uint32_t tasks = 0, all = 0;
    for (const auto& [socket, cpus] : on_socket) {
      all += cpus;
      tasks += std::min(cpus / each, asked.ntasks_per_socket);
    }
    if (asked.ntasks_per_socket == 0) tasks = all / each;
    if (tasks < share.tasks) {
      scene_->Violation("layout", "job ", job.id.value, " started ", share.tasks, " tasks on CPUs ",
                        share.cores.ToText(), " of ", share.node, ", which take ", tasks);
    }
  }
}

// All components start together, each on nodes of its own.
void Oracle::CheckTogether(const ctld::Controller& core, const ctld::Job& job) {
  std::set<std::string> nodes;
  for (uint32_t i = 0; i < job.het->size; ++i) {
    const ctld::Job* other = core.FindJob(JobId{job.het->leader.value + i});
    if (other == nullptr || !other->Running() || other->start_time != job.start_time) {
      return scene_->Violation("together", "job ", ctld::JobLabel(job),
                               " started without component ", i);
    }
    for (const ctld::NodeShare& share : other->shares) {
      if (nodes.insert(share.node).second) continue;
      scene_->Violation("together", "job ", ctld::JobLabel(job), " shares ", share.node,
                        " with another component");
    }
  }
}

void Oracle::CheckStart(const ctld::Controller& core, const ctld::Job& job) {
  if (job.IsComponent()) CheckTogether(core, job);
  CheckLicenses(core, job);
  CheckLayout(core, job);
  CheckChoice(core, job);
  CheckSwitches(core, job);
  CheckUsers(core, job);
  CheckSharing(core, job);
  CheckReservations(core, job);
  CheckKeptLicenses(core, job);
  if (job.array->limit > 0) {
    uint32_t running = 0;
    for (JobId id : core.ArrayMembers(job.array_job_id))
      running += core.FindJob(id)->HoldsResources();
    if (running > job.array->limit) {
      scene_->Violation("array limit", running, " tasks of array ", job.array_job_id.value,
                        " run, the limit is ", job.array->limit);
    }
  }
  if (job.spec->begin_time > scene_->clock.now()) {
    scene_->Violation("begin", "job ", job.id.value, " started before its time");
  }
  const ctld::RareWishes& wishes = job.spec->wishes();
  if (ctld::IsSet(wishes.deadline) && job.end_time > wishes.deadline) {
    scene_->Violation("deadline", "job ", job.id.value, " started too late");
  }
  if (wishes.time_min.has_value() &&
      job.time_limit < std::min(*wishes.time_min, *job.spec->time_limit)) {
    scene_->Violation("time limit", "job ", job.id.value, " was given too little time");
  }
  const Submission* submission = SubmissionOf(job);
  if (submission == nullptr || !submission->item->dependency_on.has_value() ||
      job.spec->dependency.empty()) {
    return;
  }
  const Submission* on = clients_->Find(*submission->item->dependency_on);
  const std::string& kind = submission->item->dependency_kind;
  const ctld::Job* target = on->job.has_value() ? core.FindJob(*on->job) : nullptr;
  // A job that was over once may run again since.
  if (target == nullptr || target->array_job_id || on->requeue_asked || kind == "after") return;
  const bool good = target->state == JobState::kCompleted;
  const bool fits = kind == "afterany" || (kind == "afternotok" ? !good : good);
  if (!BriefOf(*target).Over() || !fits) {
    scene_->Violation("dependency", "job ", job.id.value, " started ", kind, " job ",
                      target->id.value, ", which is ", ToString(BriefOf(*target)));
  }
}

void Oracle::CheckRemoved(const ctld::Controller& core, JobId id) {
  const auto seen = seen_.find(id);
  if (seen == seen_.end()) return;  // refused after all
  const Brief& before = seen->second;
  // One that has waited for its nodes longer than MinJobAge goes when the last of them is clear.
  const bool over = IsFinished(before.state) && (before.flags & kJobFlagRequeued) == 0;
  if (!over || before.end_time + core.settings().min_job_age > scene_->clock.now()) {
    scene_->Violation("vanished", "job ", id.value, " was forgotten while ", ToString(before));
  }
  seen_.erase(seen);
}

// ---- the store --------------------------------------------------------------------------------

void Oracle::OnDurable(const ctld::Batch& batch) {
  for (const ctld::OutboxRecord& record : batch.outbox) {
    v1::AccountingRecord parsed;
    parsed.ParseFromString(record.bytes);
    if (parsed.has_job()) accounted_[JobId{parsed.job().job_id()}] = BriefOf(parsed.job());
  }
  for (const auto& [id, bytes] : batch.jobs) {
    v1::Job parsed;
    parsed.ParseFromString(bytes);
    const Brief brief = BriefOf(parsed);
    durable_[id] = brief;
    if (!brief.Over()) continue;
    const auto told = accounted_.find(id);
    if (told == accounted_.end() || told->second.state != brief.state ||
        told->second.restarts != brief.restarts || told->second.exit_status != brief.exit_status) {
      scene_->Violation("outbox", "job ", id.value, " is stored as ", ToString(brief),
                        ", accounting was told ",
                        told == accounted_.end() ? "nothing" : ToString(told->second));
    }
  }
  for (JobId id : batch.removed_jobs) {
    const auto known = durable_.find(id);
    if (known == durable_.end()) continue;
    // Its end and its removal may be one transaction, see CheckRemoved.
    const Brief& last = known->second;
    if (!IsFinished(last.state) || (last.flags & kJobFlagRequeued) != 0) {
      scene_->Violation("vanished", "job ", id.value, " left the store while ",
                        ToString(known->second));
    }
    forgotten_.insert(id);
  }
}

// ---- the end ----------------------------------------------------------------------------------

std::string Oracle::Unrest(const ctld::Controller& core, const Disk& disk) const {
  std::string why;
  core.ForEachJob([&](const ctld::Job& job) {
    if (!why.empty() || BriefOf(job).Over()) return;
    if (job.Pending()) {
      switch (job.reason) {
        case ctld::Reason::kJobHeldUser:
        case ctld::Reason::kJobHeldAdmin:
        case ctld::Reason::kDependencyNeverSatisfied:
        case ctld::Reason::kDependency:  // on one of these
        case ctld::Reason::kPartitionConfig:
        case ctld::Reason::kBadConstraints:
        case ctld::Reason::kReservationDeleted:
          return;
        case ctld::Reason::kLicenses: {
          const std::vector<License>& there = core.settings().licenses;
          if (!ctld::MissingLicenses(job.shape->licenses, there).empty()) return;
          break;
        }
        default:
          break;
      }
      // Or another component of its job.
      for (uint32_t i = 0; i < job.het->size; ++i) {
        const ctld::Job* other = core.FindJob(JobId{job.het->leader.value + i});
        if (other == nullptr) continue;
        const bool lacks =
            !ctld::MissingLicenses(other->shape->licenses, core.settings().licenses).empty();
        if (other->Held() || !other->dependency.empty() || lacks) return;
      }
    }
    why = StrCat("job ", job.id.value, " is ", ToString(BriefOf(job)), " (", ctld::ReasonText(job),
                 job.pending_nodes.empty() ? "" : " waits for " + job.pending_nodes[0], ")");
  });
  if (!why.empty()) return why;
  for (const ctld::Node* node : core.Nodes()) {
    if (!node->Idle() || node->State() != ctld::NodeState::kIdle) {
      return StrCat("node ", node->name, " is ", ctld::NodeStateText(*node), " with ",
                    node->jobs.size(), " jobs");
    }
  }
  if (!disk.outbox.empty()) return StrCat(disk.outbox.size(), " records in the outbox");
  if (truth_->HasLiveRuns()) return StrCat("something runs still:", truth_->Describe());
  return "";
}

void Oracle::CheckAccounting(const ModelDbd& dbd) {
  std::map<JobId, Brief> rows;  // of the last attempt
  const v1::Job* previous = nullptr;
  for (const auto& [key, row] : dbd.rows()) {
    const JobId id{row.job_id()};
    if (previous != nullptr && previous->job_id() == row.job_id()) {
      if (previous->restarts() == row.restarts()) {
        scene_->Violation("accounting", "job ", id.value, " attempt ", row.restarts(),
                          " has two rows");
      }
      if (!IsFinished(static_cast<JobState>(previous->state()))) {
        scene_->Violation("accounting", "job ", id.value, " attempt ", previous->restarts(),
                          " was never ended");
      }
    }
    previous = &row;
    rows[id] = BriefOf(row);
  }
  for (const auto& [id, brief] : durable_) {
    const auto row = rows.find(id);
    if (row == rows.end()) {
      // An array's record that has no task split off, and tasks never started, have one as well.
      if (accounted_.contains(id)) scene_->Violation("accounting", "job ", id.value, " has no row");
      continue;
    }
    if (row->second.state != brief.state || row->second.restarts != brief.restarts ||
        row->second.exit_status != brief.exit_status) {
      scene_->Violation("accounting", "job ", id.value, " is ", ToString(brief), ", its row says ",
                        ToString(row->second));
    }
  }
  for (const auto& [item, submission] : clients_->submissions()) {
    if (submission.job.has_value() && !rows.contains(*submission.job)) {
      scene_->Violation("accounting", "job ", submission.job->value, " of #", item, " has no row");
    }
  }
}

}  // namespace reeve::sim
