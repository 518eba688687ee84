// Jobs, their specs and steps.
#include "absl/strings/str_split.h"
#include "common/base/text.h"
#include "ctld/convert.h"
#include "ctld/convert_files.h"

namespace reeve::ctld {
namespace {

int64_t Seconds(absl::Time time) {
  return absl::ToUnixSeconds(time);
}
absl::Time Time(int64_t seconds) {
  return absl::FromUnixSeconds(seconds);
}
int64_t Seconds(absl::Duration duration) {
  return duration == absl::InfiniteDuration() ? -1 : absl::ToInt64Seconds(duration);
}
absl::Duration Duration(int64_t seconds) {
  return seconds < 0 ? absl::InfiniteDuration() : absl::Seconds(seconds);
}

template <class Field>
std::vector<std::string> Strings(const Field& field) {
  return {field.begin(), field.end()};
}
template <class Target>
void Fill(const std::vector<std::string>& values, Target* target) {
  for (const std::string& value : values) *target->Add() = value;
}

pb::Usage ToProto(const Usage& usage) {
  pb::Usage out;
  out.set_user_usec(usage.user_usec);
  out.set_system_usec(usage.system_usec);
  out.set_max_rss_kb(usage.max_rss_kb);
  out.set_max_rss_node(usage.max_rss_node);
  out.set_max_rss_task(usage.max_rss_task);
  return out;
}
Usage FromProto(const pb::Usage& usage) {
  return {usage.user_usec(), usage.system_usec(), usage.max_rss_kb(), usage.max_rss_node(),
          usage.max_rss_task()};
}

absl::StatusOr<NodeShare> FromProto(const pb::NodeShare& share) {
  absl::StatusOr<CpuSet> cores = CpuSet::Parse(share.cores());
  if (!cores.ok()) return cores.status();
  NodeShare out;
  out.node = share.node();
  out.cpus = share.cpus();
  out.usable_cpus = share.usable_cpus();
  out.mem_mb = share.mem_mb();
  out.tasks = share.tasks();
  out.cores = *std::move(cores);
  for (const pb::GresShare& gres : share.gres()) {
    absl::StatusOr<CpuSet> ids = CpuSet::Parse(gres.ids());
    if (!ids.ok()) return ids.status();
    out.gres.push_back({gres.name(), gres.type(), *std::move(ids)});
  }
  return out;
}

pb::Step ToProto(const Step& step) {
  pb::Step out;
  out.set_step_id(step.step_id.value);
  out.set_name(step.name);
  out.set_state(static_cast<pb::JobState>(step.state));
  for (const NodeShare& share : step.shares) *out.add_shares() = ctld::ToProto(share);
  for (const auto& ids : step.task_ids)
    out.add_task_ids()->mutable_ids()->Assign(ids.begin(), ids.end());
  for (PartState part : step.parts) out.add_parts(static_cast<uint32_t>(part));
  out.set_num_tasks(step.num_tasks);
  out.set_cpus_per_task(step.cpus_per_task);
  out.set_start_time(Seconds(step.start_time));
  out.set_end_time(Seconds(step.end_time));
  out.set_exit_status(step.exit_status);
  *out.mutable_usage() = ToProto(step.usage);
  if (step.kill_uid) out.set_kill_uid(*step.kill_uid);
  out.set_submit_host(step.submit_host);
  out.set_srun_pid(step.srun_pid);
  out.set_submit_line(step.submit_line);
  out.set_dist(step.distribution);
  out.set_holds_cpus(step.holds_cpus);
  out.set_any_started(step.any_started);
  if (step.time_limit != absl::InfiniteDuration()) out.set_time_limit(Seconds(step.time_limit));
  out.set_suspended_usec(absl::ToInt64Microseconds(step.suspended));
  Fill(step.PendingNodes(), out.mutable_pending_nodes());
  for (uint32_t share : step.unwarned) out.add_unwarned(share);
  return out;
}

absl::StatusOr<Step> FromProto(const pb::Step& in) {
  Step step;
  step.step_id = StepId{in.step_id()};
  step.name = in.name();
  step.state = static_cast<JobState>(in.state());
  for (const pb::NodeShare& share : in.shares()) {
    absl::StatusOr<NodeShare> parsed = FromProto(share);
    if (!parsed.ok()) return parsed.status();
    step.shares.push_back(*std::move(parsed));
  }
  for (const pb::TaskList& list : in.task_ids())
    step.task_ids.emplace_back(list.ids().begin(), list.ids().end());
  if (!pb::JobState_IsValid(in.state())) {
    return absl::DataLossError(StrCat("step ", in.step_id(), " has state ", in.state()));
  }
  for (uint32_t part : in.parts()) step.parts.push_back(static_cast<PartState>(std::min(part, 2u)));
  if (step.parts.size() != step.shares.size() || step.task_ids.size() != step.shares.size()) {
    return absl::DataLossError(
        StrCat("step ", in.step_id(), " with parts that do not match its nodes"));
  }
  step.num_tasks = in.num_tasks();
  step.cpus_per_task = in.cpus_per_task();
  step.start_time = Time(in.start_time());
  step.end_time = Time(in.end_time());
  step.exit_status = in.exit_status();
  step.usage = FromProto(in.usage());
  if (in.has_kill_uid()) step.kill_uid = in.kill_uid();
  step.submit_host = in.submit_host();
  step.srun_pid = in.srun_pid();
  step.submit_line = in.submit_line();
  step.distribution = in.dist();
  step.holds_cpus = in.holds_cpus();
  step.any_started = in.any_started();
  if (in.has_time_limit()) step.time_limit = Duration(in.time_limit());
  step.suspended = absl::Microseconds(in.suspended_usec());
  for (uint32_t share : in.unwarned()) step.unwarned.push_back(share);
  return step;
}

void PutArray(const Job& job, pb::Job* out) {
  out->set_array_job_id(job.array_job_id.value);
  if (job.array_task_id) out->set_array_task_id(*job.array_task_id);
  out->set_array_tasks(job.array->tasks.ToString());
  out->set_array_limit(job.array->limit);
  out->set_array_task_min(job.array->task_min);
  out->set_array_task_max(job.array->task_max);
  out->set_array_task_step(job.array->task_step);
  out->set_array_task_count(job.array->task_count);
}

void PutHet(const Job& job, pb::Job* out) {
  if (!job.IsComponent()) return;
  out->set_het_job_id(job.het->leader.value);
  out->set_het_job_offset(job.het->offset);
  out->set_het_job_size(job.het->size);
}

absl::Status GetArray(const pb::Job& in, Job* job) {
  job->array_job_id = JobId{in.array_job_id()};
  if (in.has_array_task_id()) job->array_task_id = in.array_task_id();
  absl::StatusOr<IdRanges> tasks = IdRanges::Parse(in.array_tasks(), kHighestTask);
  if (!tasks.ok()) return tasks.status();
  if (!job->array_job_id && tasks->empty()) return absl::OkStatus();
  job->array = {*std::move(tasks),   in.array_limit(),     in.array_task_min(),
                in.array_task_max(), in.array_task_step(), in.array_task_count()};
  return absl::OkStatus();
}

void PutTimes(const Job& job, pb::Job* out) {
  out->set_submit_time(Seconds(job.submit_time));
  out->set_eligible_time(Seconds(job.eligible_time));
  out->set_accrue_time(Seconds(job.accrue_time));
  out->set_start_time(Seconds(job.start_time));
  out->set_end_time(Seconds(job.end_time));
  out->set_last_sched_time(Seconds(job.last_sched_time));
  out->set_planned_start(Seconds(job.planned_start));
  out->set_preempt_time(Seconds(job.rare->preempt_time));
  out->set_resize_time(Seconds(job.rare->resize_time));
  out->set_switches_since(Seconds(job.rare->switches_since));
  out->set_time_limit(Seconds(job.time_limit));
}

void GetTimes(const pb::Job& in, Job* job) {
  job->submit_time = Time(in.submit_time());
  job->eligible_time = Time(in.eligible_time());
  job->accrue_time = Time(in.accrue_time());
  job->start_time = Time(in.start_time());
  job->end_time = Time(in.end_time());
  job->last_sched_time = Time(in.last_sched_time());
  job->planned_start = Time(in.planned_start());
  if (in.preempt_time() != 0 || in.resize_time() != 0 || in.switches_since() != 0) {
    RareFacts& rare = job->rare.Edit();
    rare.resize_time = Time(in.resize_time());
    rare.preempt_time = Time(in.preempt_time());
    rare.switches_since = Time(in.switches_since());
  }
  job->time_limit = Duration(in.time_limit());
}

void PutSuspension(const Job& job, pb::Job* out) {
  if (!job.suspension.IsThere()) return;
  out->set_suspend_time(Seconds(job.suspension->time));
  out->set_suspended_usec(absl::ToInt64Microseconds(job.suspension->total));
  out->set_cpus_given_up(job.suspension->cpus_given_up);
  out->set_suspended_for_others(job.suspension->for_others);
}

void GetSuspension(const pb::Job& in, Job* job) {
  if (in.suspend_time() == 0) return;
  job->suspension = {Time(in.suspend_time()), absl::Microseconds(in.suspended_usec()),
                     in.cpus_given_up(), in.suspended_for_others()};
}

void PutGres(const JobSpec& spec, pb::JobSpec* out) {
  if (spec.gres == nullptr) return;
  const GresSpec& gres = *spec.gres;
  out->set_gres(gres.per_node);
  out->set_gpus(gres.gpus);
  out->set_gpus_per_node(gres.gpus_per_node);
  out->set_gpus_per_task(gres.gpus_per_task);
  if (gres.cpus_per_gpu) out->set_cpus_per_gpu(*gres.cpus_per_gpu);
  if (gres.mem_per_gpu_mb) out->set_mem_per_gpu_mb(*gres.mem_per_gpu_mb);
}

std::shared_ptr<const GresSpec> GetGres(const pb::JobSpec& in) {
  GresSpec gres{in.gres(), in.gpus(), in.gpus_per_node(), in.gpus_per_task(), {}, {}};
  if (in.has_cpus_per_gpu()) gres.cpus_per_gpu = in.cpus_per_gpu();
  if (in.has_mem_per_gpu_mb()) gres.mem_per_gpu_mb = in.mem_per_gpu_mb();
  return gres == GresSpec() ? nullptr : std::make_shared<const GresSpec>(std::move(gres));
}

void PutWishes(const RareWishes& wishes, pb::JobSpec* out) {
  if (wishes.time_min) out->set_time_min(Seconds(*wishes.time_min));
  out->set_deadline(Seconds(wishes.deadline));
  out->set_licenses(wishes.licenses);
  out->set_exclusive_user(wishes.exclusive_user);
  out->set_switches(wishes.switches);
  if (wishes.switches_wait) out->set_switches_wait(Seconds(*wishes.switches_wait));
  out->set_node_counts(wishes.node_counts);
  out->set_use_min_nodes(wishes.use_min_nodes);
  out->set_gpu_bind(wishes.gpu_bind);
  if (!(wishes.cpus == CpuWishes())) *out->mutable_cpus() = ctld::ToProto(wishes.cpus);
  if (wishes.warning) {
    out->mutable_warning()->set_signal(wishes.warning->signal);
    out->mutable_warning()->set_before(Seconds(wishes.warning->before));
    out->mutable_warning()->set_batch_only(wishes.warning->batch_only);
  }
  out->set_drawn_in(wishes.drawn_in);
}

std::shared_ptr<const RareWishes> GetWishes(const pb::JobSpec& in) {
  RareWishes wishes;
  if (in.has_time_min()) wishes.time_min = Duration(in.time_min());
  wishes.deadline = Time(in.deadline());
  wishes.licenses = in.licenses();
  wishes.exclusive_user = in.exclusive_user();
  wishes.switches = in.switches();
  if (wishes.switches > 0 && in.has_switches_wait()) {
    wishes.switches_wait = Duration(in.switches_wait());
  }
  wishes.cpus = ctld::FromProto(in.cpus());
  wishes.node_counts = in.node_counts();
  wishes.use_min_nodes = in.use_min_nodes();
  wishes.gpu_bind = in.gpu_bind();
  if (in.has_warning()) {
    const pb::EndWarning& warning = in.warning();
    wishes.warning =
        EndWarning{warning.signal(), absl::Seconds(warning.before()), warning.batch_only()};
  }
  wishes.drawn_in = in.drawn_in();
  return wishes == RareWishes() ? nullptr : std::make_shared<const RareWishes>(std::move(wishes));
}

// The reason's code of "RaisedSignal:9(Killed)".
Reason ReasonOf(const std::string& text) {
  std::string_view code = std::string_view(text).substr(0, text.find(':'));
  return ParseReason(code).value_or(Reason::kNone);
}

}  // namespace

std::vector<Rlimit> FromProto(const google::protobuf::RepeatedPtrField<pb::Rlimit>& limits) {
  std::vector<Rlimit> out;
  for (const pb::Rlimit& limit : limits) out.push_back({limit.name(), limit.soft()});
  return out;
}

pb::CpuWishes ToProto(const CpuWishes& wishes) {
  pb::CpuWishes out;
  out.set_sockets_per_node(wishes.sockets_per_node);
  out.set_cores_per_socket(wishes.cores_per_socket);
  out.set_threads_per_core(wishes.threads_per_core);
  out.set_ntasks_per_socket(wishes.ntasks_per_socket);
  out.set_ntasks_per_core(wishes.ntasks_per_core);
  out.set_hint(wishes.hint);
  out.set_distribution(wishes.distribution);
  out.set_far_from_gpus(wishes.far_from_gpus);
  return out;
}

CpuWishes FromProto(const pb::CpuWishes& in) {
  return {in.sockets_per_node(),  in.cores_per_socket(), in.threads_per_core(),
          in.ntasks_per_socket(), in.ntasks_per_core(),  in.hint(),
          in.distribution(),      in.far_from_gpus()};
}

pb::NodeShare ToProto(const NodeShare& share) {
  pb::NodeShare out;
  out.set_node(share.node);
  out.set_cpus(share.cpus);
  out.set_mem_mb(share.mem_mb);
  out.set_tasks(share.tasks);
  out.set_cores(share.cores.ToText());
  out.set_usable_cpus(share.usable_cpus);
  for (const GresShare& gres : share.gres) {
    pb::GresShare* added = out.add_gres();
    added->set_name(gres.name);
    added->set_type(gres.type);
    added->set_ids(gres.ids.ToText());
  }
  return out;
}

pb::JobSpec ToProto(const JobSpec& spec) {
  pb::JobSpec out;
  out.set_name(spec.name);
  out.set_account(spec.account);
  out.set_partition(spec.partition);
  out.set_qos(spec.qos);
  out.set_comment(spec.comment);
  PutFilesAndLimits(spec, &out);
  if (spec.min_nodes) out.set_min_nodes(*spec.min_nodes);
  if (spec.max_nodes) out.set_max_nodes(*spec.max_nodes);
  if (spec.num_tasks) out.set_num_tasks(*spec.num_tasks);
  if (spec.cpus_per_task) out.set_cpus_per_task(*spec.cpus_per_task);
  if (spec.ntasks_per_node) out.set_ntasks_per_node(*spec.ntasks_per_node);
  if (spec.mem_per_node_mb) out.set_mem_per_node_mb(*spec.mem_per_node_mb);
  if (spec.mem_per_cpu_mb) out.set_mem_per_cpu_mb(*spec.mem_per_cpu_mb);
  out.set_req_nodes(spec.req_nodes);
  out.set_exc_nodes(spec.exc_nodes);
  out.set_features(spec.features);
  out.set_exclusive(spec.exclusive);
  out.set_oversubscribe(spec.oversubscribe);
  if (spec.time_limit) out.set_time_limit(Seconds(*spec.time_limit));
  out.set_begin_time(Seconds(spec.begin_time));
  out.set_dependency(spec.dependency);
  out.set_array(spec.array);
  out.set_hold(spec.hold);
  if (spec.requeue) out.set_requeue(*spec.requeue);
  out.set_nice(spec.nice);
  out.set_batch(spec.batch);
  out.set_submit_line(spec.submit_line);
  out.set_submit_host(spec.submit_host);
  out.set_submit_dir(spec.submit_dir);
  out.set_alloc_sid(spec.alloc_sid);
  out.set_command(spec.command);
  Fill(spec.script_args, out.mutable_script_args());
  out.set_kill_on_invalid_dep(spec.kill_on_invalid_dep);
  if (spec.priority) out.set_priority(*spec.priority);
  out.set_overcommit(spec.overcommit);
  if (spec.min_cpus_per_node) out.set_min_cpus_per_node(*spec.min_cpus_per_node);
  Fill(spec.array_env, out.mutable_array_env());
  out.set_export_none(spec.export_none);
  PutGres(spec, &out);
  out.set_reservation(spec.reservation);
  out.set_tmp_disk_mb(spec.tmp_disk_mb);
  out.set_contiguous(spec.contiguous);
  PutWishes(spec.wishes(), &out);
  return out;
}

JobSpec FromProto(const pb::JobSpec& in) {
  JobSpec spec;
  spec.name = in.name();
  spec.account = in.account();
  spec.partition = in.partition();
  spec.qos = in.qos();
  spec.comment = in.comment();
  spec.work_dir = in.work_dir();
  spec.std_in = in.std_in();
  spec.std_out = in.std_out();
  spec.std_err = in.std_err();
  spec.append_output = in.append_output();
  if (in.has_min_nodes()) spec.min_nodes = in.min_nodes();
  if (in.has_max_nodes()) spec.max_nodes = in.max_nodes();
  if (in.has_num_tasks()) spec.num_tasks = in.num_tasks();
  if (in.has_cpus_per_task()) spec.cpus_per_task = in.cpus_per_task();
  if (in.has_ntasks_per_node()) spec.ntasks_per_node = in.ntasks_per_node();
  if (in.has_mem_per_node_mb()) spec.mem_per_node_mb = in.mem_per_node_mb();
  if (in.has_mem_per_cpu_mb()) spec.mem_per_cpu_mb = in.mem_per_cpu_mb();
  spec.req_nodes = in.req_nodes();
  spec.exc_nodes = in.exc_nodes();
  spec.features = in.features();
  spec.exclusive = in.exclusive();
  spec.oversubscribe = in.oversubscribe();
  if (in.has_time_limit()) spec.time_limit = Duration(in.time_limit());
  spec.begin_time = Time(in.begin_time());
  spec.dependency = in.dependency();
  spec.array = in.array();
  spec.hold = in.hold();
  if (in.has_requeue()) spec.requeue = in.requeue();
  spec.nice = in.nice();
  spec.batch = in.batch();
  spec.submit_line = in.submit_line();
  spec.submit_host = in.submit_host();
  spec.submit_dir = in.submit_dir();
  spec.alloc_sid = in.alloc_sid();
  spec.command = in.command();
  spec.script_args = Strings(in.script_args());
  spec.umask = in.umask();
  spec.rlimits = FromProto(in.rlimits());
  spec.kill_on_invalid_dep = in.kill_on_invalid_dep();
  if (in.has_priority()) spec.priority = in.priority();
  spec.overcommit = in.overcommit();
  if (in.has_min_cpus_per_node()) spec.min_cpus_per_node = in.min_cpus_per_node();
  spec.array_env = Strings(in.array_env());
  spec.export_none = in.export_none();
  spec.gres = GetGres(in);
  spec.reservation = in.reservation();
  spec.tmp_disk_mb = in.tmp_disk_mb();
  spec.contiguous = in.contiguous();
  spec.rare = GetWishes(in);
  return spec;
}

pb::Job ToProto(const Job& job, const std::string& cluster) {
  pb::Job out = WithoutSpec(job, cluster);
  *out.mutable_spec() = ToProto(*job.spec);
  return out;
}

pb::Job WithoutSpec(const Job& job, const std::string& cluster) {
  pb::Job out;
  out.set_job_id(job.id.value);
  PutArray(job, &out);
  PutHet(job, &out);
  out.set_uid(job.owner->uid);
  out.set_gid(job.owner->gid);
  out.set_user_name(job.owner->user_name);
  out.set_group_name(job.owner->group_name);
  out.set_state(static_cast<pb::JobState>(job.state));
  out.set_flags(job.flags);
  out.set_reason(ReasonText(job));
  out.set_reason_detail(job.reason_detail);
  PutTimes(job, &out);
  PutSuspension(job, &out);
  out.set_share_limit(job.share_limit);
  out.set_priority(job.priority);
  out.set_priority_fixed(job.priority_fixed);
  out.set_exit_status(job.exit_status);
  out.set_derived_exit_status(job.derived_exit_status);
  out.set_restarts(job.restarts);
  out.set_leased(job.leased);
  out.set_partition(job.partition);
  out.set_account(job.account);
  out.set_qos(job.qos);
  for (const NodeShare& share : job.shares) *out.add_shares() = ToProto(share);
  if (job.spec->batch) out.set_batch_host(job.batch_host());
  for (const Step& step : job.steps) *out.add_steps() = ToProto(step);
  out.set_next_step_id(job.next_step_id);
  if (job.rare->kill_uid) out.set_kill_uid(*job.rare->kill_uid);
  out.set_warned(job.rare->warned);
  out.set_script_hash(job.script_hash);
  out.set_env_hash(job.env_hash);
  out.set_sched_nodes(job.sched_nodes);
  out.set_dependency(job.dependency);
  Fill(job.pending_nodes, out.mutable_pending_nodes());
  Fill(job.rare->unprepared_nodes, out.mutable_unprepared_nodes());
  out.set_num_cpus(job.num_cpus);
  out.set_num_nodes(job.num_nodes);
  out.set_num_tasks(job.num_tasks);
  out.set_held_by_admin(job.held_by_admin);
  out.set_cluster(cluster);
  out.set_revision(job.revision);
  return out;
}

absl::StatusOr<Job> FromProto(const pb::Job& in) {
  return FromProto(in, std::make_shared<JobSpec>(FromProto(in.spec())));
}

absl::StatusOr<Job> FromProto(const pb::Job& in, std::shared_ptr<const JobSpec> spec) {
  if (!pb::JobState_IsValid(in.state())) {
    return absl::DataLossError(StrCat("has state ", in.state()));
  }
  Job job;
  job.id = JobId{in.job_id()};
  absl::Status array = GetArray(in, &job);
  if (!array.ok()) return array;
  if (in.het_job_id() != 0) {
    job.het = HetPart{JobId{in.het_job_id()}, in.het_job_offset(), in.het_job_size()};
  }
  job.owner = std::make_shared<Owner>(Owner{in.uid(), in.gid(), in.user_name(), in.group_name()});
  job.spec = std::move(spec);
  job.state = static_cast<JobState>(in.state());
  job.flags = in.flags();
  job.reason = ReasonOf(in.reason());
  job.reason_detail = in.reason_detail();
  GetTimes(in, &job);
  GetSuspension(in, &job);
  job.share_limit = in.share_limit();
  job.priority = in.priority();
  job.priority_fixed = in.priority_fixed();
  job.exit_status = in.exit_status();
  job.derived_exit_status = in.derived_exit_status();
  job.restarts = in.restarts();
  job.leased = in.leased();
  job.partition = in.partition();
  job.account = in.account();
  job.qos = in.qos();
  for (const pb::NodeShare& share : in.shares()) {
    absl::StatusOr<NodeShare> parsed = FromProto(share);
    if (!parsed.ok()) return parsed.status();
    job.shares.push_back(*std::move(parsed));
  }
  for (const pb::Step& step : in.steps()) {
    absl::StatusOr<Step> parsed = FromProto(step);
    if (!parsed.ok()) return parsed.status();
    job.steps.push_back(*std::move(parsed));
  }
  job.next_step_id = in.next_step_id();
  if (in.has_kill_uid()) job.rare.Edit().kill_uid = in.kill_uid();
  if (in.warned()) job.rare.Edit().warned = true;
  job.script_hash = in.script_hash();
  job.env_hash = in.env_hash();
  job.sched_nodes = in.sched_nodes();
  job.dependency = in.dependency();
  job.pending_nodes = Strings(in.pending_nodes());
  if (in.unprepared_nodes_size() > 0) {
    job.rare.Edit().unprepared_nodes = Strings(in.unprepared_nodes());
  }
  job.num_cpus = in.num_cpus();
  job.num_nodes = in.num_nodes();
  job.num_tasks = in.num_tasks();
  job.held_by_admin = in.held_by_admin();
  job.revision = in.revision();
  return job;
}

}  // namespace reeve::ctld
