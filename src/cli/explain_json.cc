// `reeve explain --json`.
#include <cmath>

#include "cli/explain_text.h"
#include "common/base/job_state.h"
#include "common/base/json_writer.h"

namespace reeve::cli {
namespace {

class Writer {
 public:
  std::string Run(const std::vector<pb::Explanation>& jobs, uint64_t omitted) {
    json_.BeginObject();
    json_.BeginArray("jobs");
    for (const pb::Explanation& job : jobs) Put(job);
    json_.EndArray();
    json_.Number("omitted", omitted);
    json_.EndObject();
    return json_.Take();
  }

 private:
  // -1, without an end, is null too.
  void Time(std::string_view name, int64_t seconds) {
    if (seconds <= 0) return json_.Null(name);
    json_.Number(name, seconds);
  }
  void Id(std::string_view name, uint32_t id) {
    if (id == 0) return json_.Null(name);
    json_.Number(name, id);
  }

  void Put(const pb::Explanation& job) {
    json_.BeginObject();
    json_.Number("job_id", job.job_id());
    json_.String("label", job.label());
    json_.String("state", DisplayName(static_cast<JobState>(job.state()), job.flags()));
    json_.String("reason", job.reason());
    if (job.state() == pb::JOB_STATE_PENDING) {
      PutPending(job);
    } else {
      Time("start_time", job.start_time());
      Time("end_time", job.end_time());
      json_.String("nodes", job.nodes());
      Time("preempt_time", job.preempt_time());
      json_.String("preempted_for", job.preempted_for());
    }
    json_.EndObject();
  }

  void PutSwitches(const pb::Explanation& job) {
    if (job.switches() == 0) return json_.Null("switches");
    json_.BeginObject("switches");
    json_.Number("count", job.switches());
    json_.Number("wait", job.switches_wait());
    Time("since", job.switches_since());
    json_.Bool("waited", job.switches_waited());
    json_.EndObject();
  }

  void PutPending(const pb::Explanation& job) {
    json_.Number("min_nodes", job.min_nodes());
    Id("max_nodes", job.max_nodes());
    json_.Number("tasks", job.tasks());
    PutSwitches(job);
    if (!job.others().empty()) {
      json_.BeginArray("components");
      for (const std::string& line : job.others()) json_.String("", line);
      json_.EndArray();
    }
    json_.BeginArray("waits");
    for (const pb::Explanation::Wait& wait : job.waits()) {
      json_.BeginObject();
      json_.String("reason", wait.reason());
      json_.String("text", wait.text());
      Time("until", wait.until());
      json_.EndObject();
    }
    json_.EndArray();
    json_.BeginArray("partitions");
    for (const pb::Explanation::Prospect& prospect : job.prospects()) Put(prospect);
    json_.EndArray();
    json_.Bool("planning", job.planning());
    json_.Bool("starts_now", job.starts_now());
    Time("planned_start", job.planned_start());
    Time("last_start", job.last_start());
    json_.String("planned_nodes", job.planned_nodes());
    json_.String("planned_partition", job.planned_partition());
    if (job.magnets_size() > 0) {
      json_.String("planned_reservation", job.planned_reservation());
      json_.BeginArray("magnetic_reservations");
      for (const std::string& magnet : job.magnets()) json_.String("", magnet);
      json_.EndArray();
    }
    json_.BeginArray("busy");
    for (const pb::Explanation::Busy& busy : job.busy()) Put(busy);
    json_.EndArray();
    json_.Number("more_busy", job.more_busy());
    json_.BeginArray("suggestions");
    for (const pb::Explanation::Suggestion& suggestion : job.suggestions()) {
      json_.BeginObject();
      json_.String("option", suggestion.option());
      json_.String("instead_of", suggestion.instead_of());
      json_.String("update", suggestion.key() + "=" + suggestion.value());
      json_.EndObject();
    }
    json_.EndArray();
  }

  void Put(const pb::Explanation::Prospect& prospect) {
    json_.BeginObject();
    json_.String("partition", prospect.partition());
    json_.String("obstacle", prospect.obstacle());
    json_.String("obstacle_text", prospect.obstacle_text());
    json_.Bool("never", prospect.never());
    json_.BeginArray("requirements");
    for (const pb::Explanation::Requirement& requirement : prospect.requirements()) {
      json_.BeginObject();
      json_.String("need", NeedName(requirement.need()));
      json_.String("asked", requirement.asked());
      json_.Number("passing", requirement.passing());
      json_.Number("remaining", requirement.remaining());
      if (requirement.need() >= pb::Explanation::NEED_CPUS &&
          requirement.need() < pb::Explanation::NEED_FEATURE_GROUP) {
        json_.Number("tasks", requirement.tasks());
      }
      json_.String("lacking", requirement.lacking());
      json_.EndObject();
    }
    json_.EndArray();
    json_.BeginArray("licenses");
    for (const pb::Explanation::LicenseCount& license : prospect.licenses()) {
      json_.BeginObject();
      json_.String("name", license.name());
      json_.Number("asked", license.asked());
      json_.Number("total", license.total());
      json_.Number("free_now", license.free_now());
      json_.Number("free_throughout", license.free_throughout());
      json_.EndObject();
    }
    json_.EndArray();
    const pb::Explanation::Ahead& ahead = prospect.ahead();
    json_.BeginObject("ahead");
    json_.Number("jobs", ahead.jobs());
    json_.Bool("more", ahead.more());
    json_.Number("cpus", ahead.cpus());
    Id("first", ahead.first());
    json_.String("first_label", ahead.first_label());
    if (ahead.has_own() && ahead.has_of_first()) {
      Put("first_priority", ahead.of_first());
      Put("own_priority", ahead.own());
    }
    json_.EndObject();
    json_.EndObject();
  }

  // In points.
  void Put(const char* name, const pb::JobPriority& priority) {
    json_.BeginObject(name);
    json_.Number("priority", priority.priority());
    for (const auto& [part, points] :
         {std::pair{"age", priority.age()}, std::pair{"fair_share", priority.fair_share()},
          std::pair{"job_size", priority.job_size()},
          std::pair{"partition", priority.partition_factor()},
          std::pair{"cpu", priority.tres_cpu()}, std::pair{"mem", priority.tres_mem()}}) {
      json_.Number(part, std::llround(points));
    }
    json_.Number("nice", priority.nice());
    json_.EndObject();
  }

  void Put(const pb::Explanation::Busy& busy) {
    json_.BeginObject();
    Id("job_id", busy.job_id());
    json_.String("label", busy.label());
    json_.String("nodes", busy.nodes());
    json_.Number("num_nodes", busy.num_nodes());
    Time("from", busy.from());
    Time("until", busy.until());
    json_.Bool("preempted", busy.preempted());
    json_.Bool("suspended", busy.suspended());
    json_.String("license", busy.license());
    json_.EndObject();
  }

  JsonWriter json_;
};

}  // namespace

std::string_view NeedName(pb::Explanation::Need need) {
  static constexpr std::string_view kNames[] = {
      "in_partition",  "not_excluded", "in_node_list", "features",        "disk", "cpus",
      "memory",        "up",           "free_now",     "free_throughout", "gres", "sole_user",
      "feature_group", "contiguous",   "switches"};
  const size_t index = static_cast<size_t>(need);
  if (need == pb::Explanation::NEED_LAYOUT) return "cpu_layout";
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

std::string ExplainJson(const std::vector<pb::Explanation>& jobs, uint64_t omitted) {
  return Writer().Run(jobs, omitted);
}

}  // namespace reeve::cli
