#include "ctld/core/update_job.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/numbers.h"
#include "common/base/switches.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/cancel.h"
#include "ctld/core/control.h"
#include "ctld/core/deadline.h"
#include "ctld/core/dependency.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/job_end.h"
#include "ctld/core/priority.h"
#include "ctld/core/resize.h"
#include "ctld/core/submit.h"
#include "ctld/core/validate.h"

namespace reeve::ctld {
namespace {

// All changes of one call, worked out before any is made.
struct Draft {
  JobSpec spec;
  std::optional<absl::Duration> time_limit;
  std::optional<std::string> account;
  std::optional<std::string> qos;
  std::optional<uint32_t> priority;
  std::optional<uint32_t> array_limit;
  std::optional<std::vector<std::string>> keep_nodes;  // of a running job
  bool dependency_changed = false;
  bool placement_changed = false;  // only while pending
  bool start_time_changed = false;
};

struct Request {
  const Context& context;
  const Job& job;
  const Caller& caller;
};

using Setter = absl::Status (*)(const Request&, Draft&, const std::string& value);

constexpr uint32_t kMaxCount =
    10'000'000;  // of tasks, CPUs: far above any cluster, far from overflow
constexpr int64_t kMaxNice = 2'147'483'645;  // Slurm's

absl::Status BadValue() {
  return absl::InvalidArgumentError("Invalid job update value");
}

absl::StatusOr<uint32_t> Number(std::string_view value) {
  absl::StatusOr<uint64_t> number = ParseUint(value, "value", UINT32_MAX - 2);
  if (!number.ok()) return BadValue();
  return static_cast<uint32_t>(*number);
}

template <auto Member>
absl::Status SetText(const Request&, Draft& draft, const std::string& value) {
  draft.spec.*Member = value;
  return absl::OkStatus();
}
template <auto Member>
absl::Status SetPlacementText(const Request&, Draft& draft, const std::string& value) {
  draft.spec.*Member = value == "(null)" ? "" : value;
  draft.placement_changed = true;
  return absl::OkStatus();
}
template <auto Member>
absl::Status SetPlacementNumber(const Request&, Draft& draft, const std::string& value) {
  absl::StatusOr<uint32_t> number = Number(value);
  if (!number.ok()) return number.status();
  if (*number == 0 || *number > kMaxCount) return BadValue();
  draft.spec.*Member = *number;
  draft.placement_changed = true;
  return absl::OkStatus();
}

absl::Status SetTimeLimit(const Request& request, Draft& draft, const std::string& value) {
  const bool more = value.starts_with("+");
  const bool less = value.size() > 1 && value[0] == '-' && value != "-1";
  absl::StatusOr<absl::Duration> limit =
      ParseTimeLimit(more || less ? std::string_view(value).substr(1) : value);
  if (!limit.ok()) return Refuse(kInvalidTimeLimit);
  absl::Duration wanted = *limit;
  if (more) wanted = request.job.time_limit + *limit;
  if (less) wanted = request.job.time_limit - *limit;
  if (!more && !less && wanted == absl::ZeroDuration()) wanted = absl::InfiniteDuration();
  if (wanted <= absl::ZeroDuration()) return Refuse(kInvalidTimeLimit);
  const bool raises = wanted > request.job.time_limit;
  if (request.job.Active() && raises && !request.caller.is_operator) return Refuse(kAccessDenied);
  draft.spec.time_limit = wanted;
  draft.time_limit = wanted;
  return absl::OkStatus();
}

absl::Status SetPriority(const Request& request, Draft& draft, const std::string& value) {
  absl::StatusOr<uint32_t> number = Number(value);
  if (!number.ok()) return number.status();
  if (!request.caller.is_operator && *number > 0) return Refuse(kAccessDenied);
  draft.priority = *number;
  return absl::OkStatus();
}

absl::Status SetNice(const Request& request, Draft& draft, const std::string& value) {
  int32_t nice = 0;
  if (!absl::SimpleAtoi(value, &nice) || std::abs(int64_t{nice}) > kMaxNice) return BadValue();
  if (nice < 0 && !request.caller.is_operator) return Refuse(kAccessDenied);
  draft.spec.nice = nice;
  return absl::OkStatus();
}

absl::Status SetDependency(const Request&, Draft& draft, const std::string& value) {
  draft.spec.dependency = value == "(null)" ? "" : value;
  draft.dependency_changed = true;
  return absl::OkStatus();
}

absl::Status KeepNodes(Draft& draft, absl::StatusOr<std::vector<std::string>> keep) {
  if (!keep.ok()) return keep.status();
  if (draft.keep_nodes.has_value() && *draft.keep_nodes != *keep) {
    return Refuse(kInvalidNodeCount, "NumNodes and NodeList are other nodes");
  }
  draft.keep_nodes = *std::move(keep);
  return absl::OkStatus();
}

absl::Status SetNodeList(const Request& request, Draft& draft, const std::string& value) {
  if (request.job.Pending()) return SetPlacementText<&JobSpec::req_nodes>(request, draft, value);
  return KeepNodes(draft, NamedNodes(request.job, value));
}

absl::Status SetNumCpus(const Request& request, Draft& draft, const std::string& value) {
  absl::StatusOr<uint32_t> number = Number(value);
  const uint32_t per_task = std::max(request.job.spec->cpus_per_task.value_or(1), 1u);
  if (!number.ok() || *number == 0 || *number > kMaxCount) return BadValue();
  draft.spec.num_tasks = (*number + per_task - 1) / per_task;
  draft.placement_changed = true;
  return absl::OkStatus();
}

template <bool PerCpu>
absl::Status SetMemory(const Request&, Draft& draft, const std::string& value) {
  absl::StatusOr<uint64_t> mb = ParseMemoryMb(value);
  if (!mb.ok()) return BadValue();
  draft.spec.mem_per_node_mb.reset();
  draft.spec.mem_per_cpu_mb.reset();
  (PerCpu ? draft.spec.mem_per_cpu_mb : draft.spec.mem_per_node_mb) = *mb;
  draft.placement_changed = true;
  return absl::OkStatus();
}

absl::Status SetGres(const Request&, Draft& draft, const std::string& value) {
  const bool none = value.empty() || value == "(null)";
  const absl::StatusOr<std::vector<Gres>> list = ParseGres(none ? "none" : value);
  if (!list.ok()) return Refuse(kInvalidGres, Message(list.status()));
  GresSpec gres = draft.spec.gres == nullptr ? GresSpec() : *draft.spec.gres;
  gres.per_node = FormatGres(*list);
  gres.gpus_per_node.clear();
  draft.spec.gres =
      gres == GresSpec() ? nullptr : std::make_shared<const GresSpec>(std::move(gres));
  draft.placement_changed = true;
  return absl::OkStatus();
}

absl::Status SetStartTime(const Request& request, Draft& draft, const std::string& value) {
  absl::StatusOr<absl::Time> time = ParseBegin(value, request.context.now);
  if (!time.ok()) return BadValue();
  draft.spec.begin_time = *time;
  draft.start_time_changed = true;
  return absl::OkStatus();
}

template <typename Change>
void ChangeWishes(Draft& draft, Change change) {
  RareWishes wishes = draft.spec.wishes();
  change(wishes);
  const bool none = wishes == RareWishes();
  draft.spec.rare = none ? nullptr : std::make_shared<const RareWishes>(std::move(wishes));
  draft.placement_changed = true;
}

absl::Status SetNumNodes(const Request& request, Draft& draft, const std::string& value) {
  if (!request.job.Pending()) return KeepNodes(draft, FirstNodes(request.job, value));
  const bool list = value.find_first_of(",:") != value.npos;
  const std::vector<std::string_view> range = Split(value, "-");
  if (list) {
    const absl::StatusOr<IdRanges> counts = ParseNodeCounts(value);
    if (!counts.ok()) return Refuse(kInvalidNodeCount);
    draft.spec.min_nodes = *counts->min();
    draft.spec.max_nodes = *counts->max();
  } else {
    if (range.size() > 2) return Refuse(kInvalidNodeCount);
    absl::StatusOr<uint32_t> least = Number(range[0]);
    absl::StatusOr<uint32_t> most = range.size() == 2 ? Number(range[1]) : least;
    if (!least.ok() || !most.ok() || *least == 0) return Refuse(kInvalidNodeCount);
    draft.spec.min_nodes = *least;
    draft.spec.max_nodes = *most;
  }
  ChangeWishes(draft, [&](RareWishes& wishes) { wishes.node_counts = list ? value : ""; });
  return absl::OkStatus();
}

// The time by which it has to have ended is an operator's to move.
absl::Status SetDeadline(const Request& request, Draft& draft, const std::string& value) {
  if (!request.caller.is_operator) return Refuse(kAccessDenied);
  absl::StatusOr<absl::Time> time = ParseBegin(value, request.context.now);
  if (!time.ok()) return BadValue();
  ChangeWishes(draft, [&](RareWishes& wishes) { wishes.deadline = *time; });
  return absl::OkStatus();
}

absl::Status SetLicenses(const Request&, Draft& draft, const std::string& value) {
  ChangeWishes(draft,
               [&](RareWishes& wishes) { wishes.licenses = value == "(null)" ? "" : value; });
  return absl::OkStatus();
}

template <bool JobSpec::*kField>
absl::Status SetPlacementFlag(const Request&, Draft& draft, const std::string& value) {
  const bool yes = value == "1" || EqualsIgnoreCase(value, "yes");
  if (!yes && value != "0" && !EqualsIgnoreCase(value, "no")) return BadValue();
  draft.spec.*kField = yes;
  draft.placement_changed = true;
  return absl::OkStatus();
}

// "2@00:10:00"; 0: any number.
absl::Status SetSwitches(const Request&, Draft& draft, const std::string& value) {
  const absl::StatusOr<SwitchWish> wish = ParseSwitches(value);
  if (!wish.ok()) return BadValue();
  ChangeWishes(draft, [&](RareWishes& wishes) {
    wishes.switches = wish->count;
    wishes.switches_wait = wish->count > 0 ? wish->wait : std::nullopt;
  });
  return absl::OkStatus();
}

// In seconds.
absl::Status SetSwitchWait(const Request&, Draft& draft, const std::string& value) {
  absl::StatusOr<uint32_t> seconds = Number(value);
  if (!seconds.ok() || draft.spec.wishes().switches == 0) return BadValue();
  ChangeWishes(draft, [&](RareWishes& wishes) { wishes.switches_wait = absl::Seconds(*seconds); });
  return absl::OkStatus();
}

// Sockets, cores and threads; 0: any number.
template <uint32_t CpuWishes::*kField>
absl::Status SetCpuWish(const Request&, Draft& draft, const std::string& value) {
  absl::StatusOr<uint32_t> count = Number(value);
  if (!count.ok()) return BadValue();
  ChangeWishes(draft, [&](RareWishes& wishes) { wishes.cpus.*kField = *count; });
  return absl::OkStatus();
}

absl::Status SetTimeMin(const Request&, Draft& draft, const std::string& value) {
  absl::StatusOr<absl::Duration> least = ParseTimeLimit(value);
  if (!least.ok() || *least == absl::InfiniteDuration()) return Refuse(kInvalidTimeLimit);
  ChangeWishes(draft, [&](RareWishes& wishes) {
    wishes.time_min.reset();
    if (*least > absl::ZeroDuration()) wishes.time_min = *least;
  });
  return absl::OkStatus();
}

absl::Status SetAccount(const Request&, Draft& draft, const std::string& value) {
  draft.account = draft.spec.account = value;
  draft.placement_changed = true;
  return absl::OkStatus();
}
absl::Status SetQos(const Request&, Draft& draft, const std::string& value) {
  draft.qos = draft.spec.qos = value;
  draft.placement_changed = true;
  return absl::OkStatus();
}
absl::Status SetRequeue(const Request&, Draft& draft, const std::string& value) {
  if (value != "0" && value != "1") return BadValue();
  draft.spec.requeue = value == "1";
  return absl::OkStatus();
}
absl::Status SetThrottle(const Request& request, Draft& draft, const std::string& value) {
  if (!request.job.array_job_id) return Refuse(kInvalidArray);
  absl::StatusOr<uint32_t> number = Number(value);
  if (!number.ok()) return number.status();
  draft.array_limit = *number;
  return absl::OkStatus();
}

struct Key {
  std::string_view name;  // lower case
  Setter set;
  bool while_running;
};
constexpr Key kKeys[] = {
    {"timelimit", SetTimeLimit, true},
    {"partition", SetPlacementText<&JobSpec::partition>, false},
    {"partitionname", SetPlacementText<&JobSpec::partition>, false},
    {"priority", SetPriority, false},
    {"nice", SetNice, false},
    {"jobname", SetText<&JobSpec::name>, true},
    {"name", SetText<&JobSpec::name>, true},
    {"comment", SetText<&JobSpec::comment>, true},
    {"dependency", SetDependency, false},
    {"numnodes", SetNumNodes, true},
    {"reqnodes", SetNumNodes, true},
    {"numcpus", SetNumCpus, false},
    {"numtasks", SetPlacementNumber<&JobSpec::num_tasks>, false},
    {"cpus/task", SetPlacementNumber<&JobSpec::cpus_per_task>, false},
    {"cpuspertask", SetPlacementNumber<&JobSpec::cpus_per_task>, false},
    {"reqnodelist", SetNodeList, true},
    {"nodelist", SetNodeList, true},
    {"excnodelist", SetPlacementText<&JobSpec::exc_nodes>, false},
    {"features", SetPlacementText<&JobSpec::features>, false},
    {"reservation", SetPlacementText<&JobSpec::reservation>, false},
    {"reservationname", SetPlacementText<&JobSpec::reservation>, false},
    {"starttime", SetStartTime, false},
    {"eligibletime", SetStartTime, false},
    {"deadline", SetDeadline, false},
    {"timemin", SetTimeMin, false},
    {"mintime", SetTimeMin, false},
    {"licenses", SetLicenses, false},
    {"switches", SetSwitches, false},
    {"reqswitch", SetSwitches, false},
    {"wait-for-switch", SetSwitchWait, false},
    {"reqsockets", SetCpuWish<&CpuWishes::sockets_per_node>, false},
    {"reqcores", SetCpuWish<&CpuWishes::cores_per_socket>, false},
    {"reqthreads", SetCpuWish<&CpuWishes::threads_per_core>, false},
    {"account", SetAccount, false},
    {"qos", SetQos, false},
    {"requeue", SetRequeue, true},
    {"minmemorynode", SetMemory<false>, false},
    {"minmemorycpu", SetMemory<true>, false},
    {"gres", SetGres, false},
    {"trespernode", SetGres, false},
    {"mincpusnode", SetPlacementNumber<&JobSpec::min_cpus_per_node>, false},
    {"stdout", SetText<&JobSpec::std_out>, false},
    {"contiguous", SetPlacementFlag<&JobSpec::contiguous>, false},
    {"oversubscribe", SetPlacementFlag<&JobSpec::oversubscribe>, false},
    {"shared", SetPlacementFlag<&JobSpec::oversubscribe>, false},
    {"stderr", SetText<&JobSpec::std_err>, false},
    {"stdin", SetText<&JobSpec::std_in>, false},
    {"workdir", SetText<&JobSpec::work_dir>, false},
    {"arraytaskthrottle", SetThrottle, true},
};

absl::Status MakeDraft(const Request& request, const KeyValues& changes, Draft& draft) {
  for (const auto& [name, value] : changes) {
    const std::string lower = ToLower(name);
    const Key* key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [&](const Key& k) { return k.name == lower; });
    if (key == std::end(kKeys)) {
      return absl::InvalidArgumentError(
          StrCat("Update of this parameter is not supported: ", name, "=", value));
    }
    if (!request.job.Pending() && !key->while_running) return Refuse(kJobNotPending);
    if (absl::Status status = key->set(request, draft, value); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A pending job is checked as if submitted anew.
absl::Status Replace(Context& context, Job& job, Draft& draft, const Caller& caller) {
  JobSpec checked = draft.spec;
  checked.array.clear();
  checked.priority.reset();
  checked.nice = std::max(checked.nice, 0);
  if (!draft.dependency_changed) checked.dependency.clear();
  const Requester requester{job.owner->uid, caller.is_operator, nullptr, job.owner->user_name};
  // It was let in when it asked for the reservation; which of its groups were meant is not known.
  const bool stays = checked.reservation == job.spec->reservation && !draft.account.has_value();
  if (stays) checked.reservation.clear();
  absl::StatusOr<Validated> validated = Validate(context.state, checked, requester, job.id);
  if (!validated.ok()) return validated.status();
  if (stays) validated->shape.reservation = draft.spec.reservation;
  absl::Status timely = CheckDeadline(checked, validated->time_limit, context.now);
  if (timely.ok() && job.IsComponent()) timely = CheckComponent(validated->shape);
  if (!timely.ok()) return timely;
  if (draft.dependency_changed) {
    absl::Status status = CheckDependency(context.state, validated->dependency, job.id);
    if (!status.ok()) return status;
    job.dependency = FormatDependency(context.state, validated->dependency);
    WatchDependency(context, job);
  }
  job.partition = validated->partition;
  job.time_limit = validated->time_limit;
  job.shape = context.state.shapes.Intern(std::move(validated->shape));
  SetAskedSizes(job);
  return absl::OkStatus();
}

absl::Status Apply(Context& context, Job& job, Draft draft, const Caller& caller) {
  const int32_t old_nice = job.spec->nice;
  if (draft.keep_nodes.has_value()) {
    if (absl::Status status = CheckResizable(job); !status.ok()) return status;
    ShrinkTo(context, job, *draft.keep_nodes);
  }
  if (job.Pending()) {
    if (absl::Status status = Replace(context, job, draft, caller); !status.ok()) return status;
    job.priority = AdjustPriority(job.priority, old_nice, draft.spec.nice);
  } else if (draft.time_limit.has_value()) {
    job.time_limit = *draft.time_limit;
    // A suspended one has what it has run at its suspension.
    const absl::Time end =
        job.start_time + std::min(job.time_limit, absl::Hours(24 * 365)) + job.suspension->total;
    // Whoever is to make room gets no more time for it.
    job.end_time = IsSet(job.rare->preempt_time) ? std::min<absl::Time>(job.end_time, end) : end;
    if (job.Running()) WatchEnd(context.state, job);
    context.EndMoved(job);
    context.effects.schedule = true;
  }
  // Of that the shape says nothing, or not all: its place in the plan is sought anew.
  const RareWishes& before = job.spec->wishes();
  const RareWishes& after = draft.spec.wishes();
  if (before.switches != after.switches && IsSet(job.rare->switches_since)) {
    job.rare.Edit().switches_since = absl::UnixEpoch();
  }
  if (std::tie(before.deadline, before.switches, before.switches_wait) !=
      std::tie(after.deadline, after.switches, after.switches_wait)) {
    context.RemoveReady(job);
  }
  if (!job.Finished()) context.ForgetName(job);
  job.spec = WithSwitchWait(std::make_shared<const JobSpec>(std::move(draft.spec)),
                            context.state.settings.max_switch_wait);
  if (!job.Finished()) context.RememberName(job);
  if (draft.account.has_value()) job.account = *draft.account;
  if (draft.qos.has_value()) job.qos = *draft.qos;
  if (draft.array_limit.value_or(job.array->limit) != job.array->limit) {
    SetArrayLimit(context, job.array_job_id, *draft.array_limit);
  }
  if (draft.start_time_changed) job.eligible_time = absl::UnixEpoch();
  context.Changed(job);
  if (draft.priority.has_value()) {
    if (*draft.priority == 0) {
      Hold(context, job, caller.is_operator);
    } else {
      job.priority = *draft.priority;
      job.priority_fixed = true;
      job.held_by_admin = false;
    }
  }
  if (job.Pending()) Reconsider(context, job);
  context.Account(job);
  return absl::OkStatus();
}

absl::Status Update(Context& context, Job& job, const UpdateJob& event) {
  if (!MayControl(event.caller, job)) return Refuse(kAccessDenied);
  if (job.Finished() || job.Completing()) return Refuse(kAlreadyDone);
  Draft draft{.spec = *job.spec};
  if (absl::Status status = MakeDraft({context, job, event.caller}, event.changes, draft);
      !status.ok()) {
    return status;
  }
  if (job.IsComponent() && job.Pending()) {
    JobSpec first = *job.spec;  // in which reservation and partitions it may be now
    if (absl::Status status = CheckComponent(draft.spec, first, job.het->offset); !status.ok()) {
      return status;
    }
  }
  const bool ranks = draft.priority.value_or(0) > 0 || draft.spec.nice != job.spec->nice;
  if (event.job.het_offset.value_or(0) > 0 && ranks) {
    return Refuse(kNotWholeHetJob);  // the leader's count for all
  }
  if (job.held_by_admin && draft.priority.value_or(0) > 0 && !event.caller.is_operator) {
    return Refuse(kAccessDenied);
  }
  return Apply(context, job, std::move(draft), event.caller);
}

}  // namespace

void HandleUpdateJob(Context& context, const UpdateJob& event) {
  State& state = context.state;
  const bool allowed = MayControlArray(state, event.caller, event.job.job);
  absl::StatusOr<std::vector<JobId>> jobs = ResolvePick(context, event.job, allowed);
  if (!jobs.ok()) return context.Reply(event.call, jobs.status());
  JobResults answer;
  for (JobId id : *jobs) {
    Job& job = *state.FindJob(id);
    if (jobs->size() > 1 && job.Finished()) continue;
    const std::string label = JobLabel(job);
    const absl::Status status = Update(context, job, event);
    if (!status.ok() && jobs->size() == 1) return context.Reply(event.call, status);
    answer.results.push_back({label, id, status.ok() ? "" : WordsOf(status)});
  }
  context.Reply(event.call, std::move(answer));
}

}  // namespace reeve::ctld
