#include "replay/replay.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/base/text.h"
#include "ctld/core/controller.h"
#include "replay/job_spec.h"

namespace reeve::replay {
namespace {

using ctld::Controller;
using ctld::Effects;
using ctld::Job;

constexpr ctld::CallToken kSubmission{1};  // one at a time, each answered at once
constexpr uint32_t kNoJob = UINT32_MAX;

const ctld::Caller& Operator() {
  static const ctld::Caller caller{0, 0, "root", true};
  return caller;
}

// A job that waits for this waits for ever, as no node comes, goes or changes in a replay; and what
// that means. Empty for other reasons.
std::string_view WhyForEver(ctld::Reason reason) {
  switch (reason) {
    case ctld::Reason::kPartitionConfig:
      return "the partition is not large enough";
    case ctld::Reason::kPartitionDown:
    case ctld::Reason::kPartitionInactive:
      return "the partition starts no jobs";
    case ctld::Reason::kPartitionTimeLimit:
      return "longer than the partition allows";
    case ctld::Reason::kPartitionNodeLimit:
      return "more or fewer nodes than the partition allows";
    case ctld::Reason::kBadConstraints:
      return "no such nodes are there";
    case ctld::Reason::kReqNodeNotAvail:
      return "too few nodes are up";
    default:
      return "";
  }
}

std::string ForEver(const Job& job) {
  const std::string_view why = WhyForEver(job.reason);
  return StrCat("would wait for ever (", ctld::ReasonText(job), ")", why.empty() ? "" : ": ", why);
}

class Replayer {
 public:
  Replayer(const Trace& trace, const Cluster& cluster, const ReplayOptions& options)
      : trace_(trace),
        keep_places_(options.keep_places),
        specs_(trace, cluster),
        controller_(cluster.settings),
        over_limit_(cluster.settings.over_time_limit) {
    result_.outcomes.resize(trace.jobs.size());
    ids_.resize(trace.jobs.size());
  }

  Result Run() {
    if (trace_.jobs.empty()) return std::move(result_);
    now_ = trace_.jobs.front().submit;
    BringNodesUp();
    while (const std::optional<absl::Time> next = NextInstant()) {
      now_ = *next;
      DoInstant();
    }
    RefuseWhoWaits();
    return std::move(result_);
  }

 private:
  struct End {
    absl::Time time;
    JobId job;
    friend bool operator>(const End& a, const End& b) {
      return a.time != b.time ? a.time > b.time : a.job > b.job;
    }
  };

  void BringNodesUp() {
    Take(controller_.Restore({}, now_));
    uint32_t cpu_row = 0;
    for (const ctld::Node* node : controller_.Nodes()) {
      ctld::NodeRegistered event;
      event.node = node->name;
      event.boot_id = "replay";
      event.hardware.cpus = node->cpus;
      event.hardware.real_memory_mb = node->real_memory_mb;
      event.hardware.tmp_disk_mb = node->tmp_disk_mb;
      Take(controller_.Handle(event, now_));
      if (!node->Usable()) continue;
      first_cpu_.emplace(node->name, cpu_row);
      cpu_row += node->cpus;
      result_.nodes++;
    }
    result_.cpus = cpu_row;
  }

  // The earliest of what is to come. Nothing more matters once nobody can come, end or start.
  std::optional<absl::Time> NextInstant() const {
    const bool all_came = next_job_ == trace_.jobs.size();
    if (all_came && running_ == 0) return std::nullopt;
    absl::Time next = all_came ? absl::InfiniteFuture() : trace_.jobs[next_job_].submit;
    if (!ends_.empty()) next = std::min(next, ends_.top().time);
    // A timer that was due at an instant has run with its events.
    if (wakeup_.has_value()) next = std::min(next, std::max(*wakeup_, now_));
    return next;
  }

  void DoInstant() {
    bool handled = false;
    for (; !ends_.empty() && ends_.top().time <= now_; handled = true) {
      const JobId job = ends_.top().job;
      ends_.pop();
      Take(controller_.Handle(
          ctld::CompleteAllocation{.call = {}, .caller = Operator(), .job = job}, now_));
    }
    const size_t first = next_job_;
    for (; next_job_ < trace_.jobs.size() && trace_.jobs[next_job_].submit <= now_;
         handled = true) {
      Submit(static_cast<uint32_t>(next_job_++));
    }
    if (!handled) Take(controller_.Handle(ctld::Tick{}, now_));
    Schedule();
    for (size_t i = first; i < next_job_; ++i) RefuseIfForEver(static_cast<uint32_t>(i));
    NoteQueue();
  }

  void Submit(uint32_t index) {
    const TraceJob& job = trace_.jobs[index];
    ctld::SubmitJob event;
    event.call = kSubmission;
    event.caller = {FirstUid() + job.user, FirstUid() + job.user, trace_.users[job.user], false};
    event.spec = specs_.SpecOf(job);
    const Effects effects = controller_.Handle(event, now_);
    for (const ctld::Reply& reply : effects.replies) {
      if (!reply.answer.ok()) {
        Refuse(index, Message(reply.answer.status()));
        continue;
      }
      const JobId id = std::get<ctld::SubmitAnswer>(*reply.answer).job;
      if (id.value >= index_of_.size()) index_of_.resize(id.value + 1, kNoJob);
      index_of_[id.value] = index;
      ids_[index] = id;
      waiting_++;
    }
    Take(effects);
  }

  void Schedule() {
    while (std::exchange(schedule_, false)) {
      result_.passes++;
      Take(controller_.Schedule(now_));
    }
  }

  // Sees which jobs have started or ended: both are changes worth storing.
  void Take(const Effects& effects) {
    schedule_ = schedule_ || effects.schedule;
    wakeup_ = effects.next_wakeup;
    for (JobId id : effects.jobs_to_store) {
      const Job* job = controller_.FindJob(id);
      const uint32_t index = id.value < index_of_.size() ? index_of_[id.value] : kNoJob;
      if (job == nullptr || index == kNoJob || job->Pending()) continue;
      Outcome& outcome = result_.outcomes[index];
      if (outcome.start == absl::Time()) NoteStart(*job, index, outcome);
      if (job->Finished() && outcome.end == absl::Time()) NoteEnd(*job, index, outcome);
    }
  }

  void NoteStart(const Job& job, uint32_t index, Outcome& outcome) {
    outcome.start = job.start_time;
    outcome.cpus = job.num_cpus;
    waiting_--;
    running_++;
    // At the end of its limit, not earlier or later, the core itself ends a job.
    const absl::Duration longest = job.time_limit + over_limit_;
    const absl::Duration run = trace_.jobs[index].run;
    if (run < longest) ends_.push({job.start_time + run, job.id});
    if (keep_places_) NotePlaces(job, outcome);
  }

  void NoteEnd(const Job& job, uint32_t index, Outcome& outcome) {
    outcome.end = job.end_time;
    outcome.cut = outcome.end - outcome.start < trace_.jobs[index].run;
    running_--;
  }

  void NotePlaces(const Job& job, Outcome& outcome) {
    std::vector<CpuRun>& runs = result_.runs;
    outcome.first_run = static_cast<uint32_t>(runs.size());
    for (const ctld::NodeShare& share : job.shares) {
      const uint32_t base = first_cpu_.at(share.node);
      for (uint32_t id : share.cores.Ids()) {
        const bool is_first = runs.size() == outcome.first_run;
        if (!is_first && runs.back().first + runs.back().count == base + id) {
          runs.back().count++;
        } else {
          runs.push_back({base + id, 1});
        }
      }
    }
    outcome.run_count = static_cast<uint32_t>(runs.size()) - outcome.first_run;
  }

  void RefuseIfForEver(uint32_t index) {
    const Job* job = controller_.FindJob(ids_[index]);
    if (job == nullptr || !job->Pending() || WhyForEver(job->reason).empty()) return;
    Refuse(index, ForEver(*job));
    index_of_[job->id.value] = kNoJob;
    waiting_--;
    Take(controller_.Handle(
        ctld::CompleteAllocation{.call = {}, .caller = Operator(), .job = job->id}, now_));
    Schedule();
  }

  // Nothing runs and nobody comes: whoever waits now would do so for ever.
  void RefuseWhoWaits() {
    for (uint32_t i = 0; i < trace_.jobs.size(); ++i) {
      const Outcome& outcome = result_.outcomes[i];
      if (!outcome.ran() || outcome.start != absl::Time()) continue;
      const Job* job = controller_.FindJob(ids_[i]);
      Refuse(i, job == nullptr ? "was forgotten" : ForEver(*job));
    }
  }

  void Refuse(uint32_t index, std::string_view why) {
    const auto [found, is_new] =
        refusal_ids_.try_emplace(std::string(why), static_cast<uint32_t>(result_.refusals.size()));
    if (is_new) result_.refusals.emplace_back(why);
    result_.outcomes[index].refusal = found->second;
  }

  void NoteQueue() {
    std::vector<QueuePoint>& queue = result_.queue;
    if (!queue.empty() && queue.back().time == now_) {
      queue.back().waiting = waiting_;
    } else if (queue.empty() || queue.back().waiting != waiting_) {
      queue.push_back({now_, waiting_});
    }
  }

  static uint32_t FirstUid() { return 1000; }

  const Trace& trace_;
  const bool keep_places_;
  SpecTable specs_;
  Controller controller_;
  const absl::Duration over_limit_;
  Result result_;

  absl::Time now_;
  size_t next_job_ = 0;
  bool schedule_ = false;
  std::optional<absl::Time> wakeup_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  uint32_t waiting_ = 0;
  uint32_t running_ = 0;
  std::vector<JobId> ids_;          // by place in the trace
  std::vector<uint32_t> index_of_;  // place in the trace, by id
  absl::flat_hash_map<std::string, uint32_t> first_cpu_;
  absl::flat_hash_map<std::string, uint32_t> refusal_ids_;
};

}  // namespace

Result Replay(const Trace& trace, const Cluster& cluster, const ReplayOptions& options) {
  return Replayer(trace, cluster, options).Run();
}

}  // namespace reeve::replay
