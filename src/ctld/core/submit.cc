#include "ctld/core/submit.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/deadline.h"
#include "ctld/core/dependency.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/het_job.h"
#include "ctld/core/obstacle.h"
#include "ctld/core/priority.h"
#include "ctld/core/schedule.h"
#include "ctld/core/validate.h"
#include "ctld/core/would_start.h"

namespace reeve::ctld {
namespace {

void SetArray(Job& job, const ArraySpec& array) {
  job.array_job_id = job.id;
  job.array = {array.tasks,        array.limit, *array.tasks.min(),
               *array.tasks.max(), array.step,  static_cast<uint32_t>(array.tasks.count())};
}

void SetPriority(Job& job, uint32_t in_turn, const Caller& caller) {
  const JobSpec& spec = *job.spec;
  job.priority = spec.priority.value_or(in_turn);
  job.priority_fixed = spec.priority.value_or(0) > 0;
  if (spec.hold) job.priority = 0;
  // sbatch -H by anyone, root included, is a user's hold.
  job.held_by_admin = !spec.hold && job.priority == 0 && caller.is_operator;
}

// What was asked for as one job, but for its shape. `in_turn` is its priority if it is given none.
std::unique_ptr<Job> DraftJob(const Context& context, const SubmitJob& event,
                              const Validated& validated, JobId id, uint32_t in_turn) {
  const State& state = context.state;
  auto job = std::make_unique<Job>();
  job->id = id;
  job->owner = std::make_shared<const Owner>(
      Owner{event.caller.uid, event.caller.gid, event.caller.user_name, event.group_name});
  job->spec = WithSwitchWait(event.spec, state.settings.max_switch_wait);
  job->account = event.spec->account;
  job->qos = event.spec->qos.empty() ? "normal" : event.spec->qos;
  job->partition = validated.partition;
  job->submit_time = context.now;
  job->time_limit = validated.time_limit;
  job->script_hash = event.script_hash;
  job->env_hash = event.env_hash;
  SetPriority(*job, in_turn, event.caller);
  job->dependency = FormatDependency(state, validated.dependency);
  return job;
}

Job& MakeJob(Context& context, const SubmitJob& event, Validated validated,
             const HetPart* het = nullptr) {
  State& state = context.state;
  const JobId id = het == nullptr ? state.NextJobId() : JobId{het->leader.value + het->offset};
  std::unique_ptr<Job> job =
      DraftJob(context, event, validated, id, NextPriority(state, event.spec->nice));
  if (het != nullptr) job->het = *het;
  job->shape = state.shapes.Intern(std::move(validated.shape));
  SetAskedSizes(*job);
  if (validated.array.has_value()) SetArray(*job, *validated.array);
  Job& added = context.AddJob(std::move(job));
  WatchDependency(context, added);
  context.Changed(added);
  if (het == nullptr) Reconsider(context, added);
  return added;
}

absl::Status CheckCounts(const State& state, size_t more = 1) {
  if (state.jobs.size() + more <= state.settings.max_job_count) return absl::OkStatus();
  return Refuse(kTooManyJobs);
}

}  // namespace

void SetAskedSizes(Job& job) {
  job.num_cpus = job.shape->TotalCpus();
  job.num_nodes = job.shape->min_nodes;
  job.num_tasks = job.shape->num_tasks;
}

void KeepRequest(Context& context, RequestResult result) {
  if (result.key.request_id.empty()) return;
  State& state = context.state;
  state.requests.Add(result);
  if (state.requests.size() == 1) WatchRequests(context);
  const uint32_t uid = result.key.uid;
  context.effects.requests_kept.push_back(std::move(result));
  // Of a user who asks without end only the latest answers are kept.
  for (RequestKey& key : state.requests.TakeSurplus(uid, state.settings.max_requests_of_user)) {
    context.effects.requests_forgotten.push_back(std::move(key));
  }
}

void WatchRequests(Context& context) {
  State& state = context.state;
  if (const std::optional<absl::Time> oldest = state.requests.oldest()) {
    state.timers.Add(*oldest + state.settings.request_memory, {TimerKind::kRequests, {}, {}, {}});
  }
}

void ForgetOldRequests(Context& context) {
  State& state = context.state;
  for (RequestKey& key : state.requests.TakeUntil(context.now - state.settings.request_memory)) {
    context.effects.requests_forgotten.push_back(std::move(key));
  }
  WatchRequests(context);
}

namespace {

absl::StatusOr<Validated> ValidateNew(const Context& context, const SubmitJob& event,
                                      const JobSpec& spec) {
  const Requester requester{event.caller.uid, event.caller.is_operator, &event.groups,
                            event.caller.user_name};
  absl::StatusOr<Validated> validated = Validate(context.state, spec, requester, JobId{});
  if (!validated.ok()) return validated;
  if (auto late = CheckDeadline(spec, validated->time_limit, context.now); !late.ok()) return late;
  return validated;
}

// What was asked for stands in the queue: one job, or all components of one, the leader first.
absl::StatusOr<SubmitAnswer> Accept(Context& context, const SubmitJob& event,
                                    const std::vector<JobId>& ids) {
  State& state = context.state;
  if (event.immediate) {
    RunSchedule(context, kAnyWork);
    if (state.FindJob(ids[0])->Pending()) {
      for (JobId id : ids) context.RemoveJob(id);
      return Refuse(kNotImmediate);
    }
  }
  std::vector<std::string> notes;
  for (JobId id : ids) {
    Job& job = *state.FindJob(id);
    context.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job), " (", id.value, "): submitted by ",
                                        event.caller.user_name, " to ", job.partition.view()));
    context.Account(job);
    if (!job.Pending()) continue;
    if (std::optional<std::string> note = NoteIfNever(state, job, context.now)) {
      notes.push_back(*std::move(note));
    }
  }
  KeepRequest(context, {event.key, context.now, ids[0], std::nullopt, notes, {}});
  return SubmitAnswer{ids[0], std::move(notes)};
}

// All components or none.
absl::StatusOr<SubmitAnswer> SubmitTogether(Context& context, const SubmitJob& event) {
  State& state = context.state;
  std::vector<SubmitJob> parts(1, event);
  parts[0].components.clear();
  parts.resize(1 + event.components.size(), parts[0]);
  if (absl::Status refusal = CheckCounts(state, parts.size()); !refusal.ok()) return refusal;
  std::vector<Validated> validated;
  for (uint32_t i = 0; i < parts.size(); ++i) {
    if (i > 0) parts[i].spec = event.components[i - 1];
    absl::Status refusal = CheckComponent(*parts[i].spec, *parts[0].spec, i);
    if (!refusal.ok()) return refusal;
    absl::StatusOr<Validated> one = ValidateNew(context, event, *parts[i].spec);
    if (!one.ok()) return one.status();
    if (refusal = CheckComponent(one->shape); !refusal.ok()) return refusal;
    validated.push_back(*std::move(one));
  }

  const auto size = static_cast<uint32_t>(parts.size());
  const JobId leader = NextHetJobId(state, size);
  if (!leader) return Refuse(kTooManyJobs);
  std::vector<JobId> ids;
  for (uint32_t i = 0; i < size; ++i) {
    const HetPart part{leader, i, size};
    ids.push_back(MakeJob(context, parts[i], std::move(validated[i]), &part).id);
  }
  // Now that all are there: whoever cannot run at all ends the others too.
  for (JobId id : ids) {
    Job& job = *state.FindJob(id);
    if (job.Pending()) Reconsider(context, job);
  }
  return Accept(context, event, ids);
}

absl::StatusOr<Validated> ValidateOne(const Context& context, const SubmitJob& event) {
  absl::StatusOr<Validated> validated = ValidateNew(context, event, *event.spec);
  if (!validated.ok()) return validated;
  if (absl::Status refusal = CheckCounts(context.state); !refusal.ok()) return refusal;
  return validated;
}

// As it would be submitted; an array as one of its tasks.
absl::StatusOr<SubmitAnswer> Test(Context& context, const SubmitJob& event) {
  if (!event.components.empty()) {
    return Refuse(kUnsupported, "--test-only of a heterogeneous job is not supported yet");
  }
  absl::StatusOr<Validated> validated = ValidateOne(context, event);
  if (!validated.ok()) return validated.status();
  BringUpToDate(context);  // which may take ids
  const State& state = context.state;
  const std::unique_ptr<Job> job = DraftJob(context, event, *validated, state.PeekJobId(),
                                            PeekPriority(state, event.spec->nice));
  job->shape = std::make_shared<const Shape>(std::move(validated->shape));
  SetAskedSizes(*job);
  return WouldStart(context, std::move(*job));
}

absl::StatusOr<SubmitAnswer> Submit(Context& context, const SubmitJob& event) {
  State& state = context.state;
  if (event.test_only) return Test(context, event);
  if (std::optional<RequestResult> known = state.requests.Find(event.key)) {
    if (known->step.has_value()) {
      return absl::InvalidArgumentError("request id was used for another kind of request");
    }
    return SubmitAnswer{known->job, std::move(known->notes)};
  }
  if (!event.components.empty()) return SubmitTogether(context, event);
  absl::StatusOr<Validated> validated = ValidateOne(context, event);
  if (!validated.ok()) return validated.status();
  return Accept(context, event, {MakeJob(context, event, *std::move(validated)).id});
}

}  // namespace

void HandleSubmit(Context& context, const SubmitJob& event) {
  context.Reply(event.call, Submit(context, event));
}

void HandleSubmit(Context& context, const SubmitJobs& event) {
  SubmitAnswers answers;
  for (const SubmitJob& job : event.jobs) answers.answers.push_back(Submit(context, job));
  context.Reply(event.call, std::move(answers));
}

}  // namespace reeve::ctld
