// Why a job waits, and when one would start.
#include "ctld/convert.h"

namespace reeve::ctld {
namespace {

// What has no end is -1.
int64_t Seconds(absl::Time time) {
  return time == absl::InfiniteFuture() ? -1 : absl::ToUnixSeconds(time);
}

pb::Explanation::Wait ToProto(const Wait& wait) {
  pb::Explanation::Wait out;
  out.set_reason(std::string(ReasonName(wait.reason)));
  out.set_text(wait.text);
  out.set_until(Seconds(wait.until));
  return out;
}

pb::Explanation::Prospect ToProto(const Prospect& prospect) {
  pb::Explanation::Prospect out;
  out.set_partition(prospect.partition);
  if (prospect.obstacle != Reason::kNone) {
    out.set_obstacle(std::string(ReasonName(prospect.obstacle)));
  }
  out.set_obstacle_text(prospect.obstacle_text);
  out.set_never(prospect.never);
  for (const Requirement& requirement : prospect.requirements) {
    pb::Explanation::Requirement* added = out.add_requirements();
    added->set_need(static_cast<pb::Explanation::Need>(requirement.need));
    added->set_asked(requirement.asked);
    added->set_passing(requirement.passing);
    added->set_remaining(requirement.remaining);
    added->set_tasks(requirement.tasks);
    added->set_lacking(requirement.lacking);
  }
  for (const LicenseCount& license : prospect.licenses) {
    pb::Explanation::LicenseCount* added = out.add_licenses();
    added->set_name(license.name);
    added->set_asked(license.asked);
    added->set_total(license.total);
    added->set_free_now(license.free_now);
    added->set_free_throughout(license.free_throughout);
  }
  pb::Explanation::Ahead* ahead = out.mutable_ahead();
  ahead->set_jobs(prospect.ahead.jobs);
  ahead->set_more(prospect.ahead.more);
  ahead->set_cpus(prospect.ahead.cpus);
  ahead->set_first(prospect.ahead.first.value);
  ahead->set_first_label(prospect.ahead.first_label);
  const Ahead& in = prospect.ahead;
  if (in.own && in.of_first) {
    *ahead->mutable_own() = ToProto(*in.own, prospect.partition, in.own_priority);
    *ahead->mutable_of_first() = ToProto(*in.of_first, prospect.partition, in.first_priority);
  }
  return out;
}

pb::Explanation::Busy ToProto(const Busy& busy) {
  pb::Explanation::Busy out;
  out.set_job_id(busy.job.value);
  out.set_label(busy.label);
  out.set_nodes(busy.nodes);
  out.set_num_nodes(busy.num_nodes);
  out.set_from(Seconds(busy.from));
  out.set_until(Seconds(busy.until));
  out.set_preempted(busy.preempted);
  out.set_license(busy.license);
  out.set_suspended(busy.suspended);
  return out;
}

}  // namespace

pb::Explanation ToProto(const Explanation& explanation) {
  pb::Explanation out;
  out.set_job_id(explanation.job.value);
  out.set_label(explanation.label);
  out.set_state(static_cast<pb::JobState>(explanation.state));
  out.set_flags(explanation.flags);
  out.set_reason(explanation.reason);
  out.set_start_time(Seconds(explanation.start_time));
  out.set_end_time(Seconds(explanation.end_time));
  out.set_nodes(explanation.nodes);
  out.set_preempt_time(Seconds(explanation.preempt_time));
  out.set_preempted_for(explanation.preempted_for);
  if (explanation.state != JobState::kPending) return out;

  out.set_min_nodes(explanation.min_nodes);
  out.set_max_nodes(explanation.max_nodes == UINT32_MAX ? 0 : explanation.max_nodes);
  out.set_tasks(explanation.tasks);
  if (explanation.last_start < absl::InfiniteFuture()) {
    out.set_last_start(Seconds(explanation.last_start));
  }
  out.set_switches(explanation.switches);
  out.set_switches_wait(absl::ToInt64Seconds(explanation.switches_wait));
  out.set_switches_since(Seconds(explanation.switches_since));
  out.set_switches_waited(explanation.switches_waited);
  for (const Wait& wait : explanation.waits) *out.add_waits() = ToProto(wait);
  for (const Prospect& prospect : explanation.prospects) *out.add_prospects() = ToProto(prospect);
  out.set_planning(!explanation.settled);
  out.set_starts_now(explanation.starts_now);
  out.set_planned_start(Seconds(explanation.planned_start));
  out.set_planned_nodes(explanation.planned_nodes);
  out.set_planned_partition(explanation.planned_partition);
  out.set_planned_reservation(explanation.planned_reservation);
  for (const std::string& magnet : explanation.magnets) out.add_magnets(magnet);
  for (const Busy& busy : explanation.busy) *out.add_busy() = ToProto(busy);
  out.set_more_busy(explanation.more_busy);
  for (const std::string& line : explanation.others) out.add_others(line);
  for (const Suggestion& suggestion : explanation.suggestions) {
    pb::Explanation::Suggestion* added = out.add_suggestions();
    added->set_option(suggestion.option);
    added->set_instead_of(suggestion.instead_of);
    added->set_key(suggestion.change.first);
    added->set_value(suggestion.change.second);
  }
  return out;
}

pb::ExpectedStart ToProto(const ExpectedStart& start) {
  pb::ExpectedStart out;
  out.set_time(Seconds(start.time));
  out.set_cpus(start.cpus);
  out.set_nodes(start.nodes);
  out.set_partition(start.partition);
  return out;
}

}  // namespace reeve::ctld
