#include "cli/allocation.h"

#include <array>
#include <utility>

#include "absl/time/clock.h"
#include "cli/background.h"
#include "cli/command.h"
#include "common/base/job_state.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr int64_t kFirstPollSeconds = 1;  // longer than a scheduler's pass: then it is a queue
constexpr int64_t kPollSeconds = 60;
constexpr absl::Duration kAnswerPatience = absl::Seconds(2);
constexpr absl::Duration kSlack = absl::Seconds(10);

absl::StatusOr<pb::WaitJobResponse> PollOnce(const ControllerClient& client, uint32_t job_id,
                                             pb::WaitJobRequest::Until until, int64_t seconds) {
  pb::WaitJobRequest request;
  request.set_job_id(job_id);
  request.set_until(until);
  request.set_timeout(seconds);
  while (true) {
    absl::StatusOr<pb::WaitJobResponse> answer = client.Call<pb::WaitJobResponse>(
        "Controller/WaitJob", request, absl::Seconds(seconds) + kSlack, Retry::kNever);
    if (answer.ok() || !rpc::IsRetryable(answer.status())) return answer;
    absl::SleepFor(absl::Seconds(1));
  }
}

// Why a job waits that no present state of its partition lets start.
bool IsPartitionReason(std::string_view reason) {
  constexpr std::array<std::string_view, 5> kReasons = {"PartitionConfig", "PartitionNodeLimit",
                                                        "PartitionTimeLimit", "PartitionDown",
                                                        "PartitionInactive"};
  for (std::string_view candidate : kReasons) {
    if (candidate == reason) return true;
  }
  return false;
}

}  // namespace

void FollowJob(std::shared_ptr<os::EventLoop> loop, std::shared_ptr<const ControllerClient> client,
               uint32_t job_id, pb::WaitJobRequest::Until until, bool first_is_short,
               std::function<void(absl::StatusOr<pb::WaitJobResponse>)> on_answer) {
  using Answer = absl::StatusOr<pb::WaitJobResponse>;
  auto poll = [client, job_id, until, first_is_short] {
    return PollOnce(*client, job_id, until, first_is_short ? kFirstPollSeconds : kPollSeconds);
  };
  auto next = [=](Answer answer) {
    bool more = answer.ok() && !answer->reached();
    on_answer(std::move(answer));
    if (more) FollowJob(loop, client, job_id, until, false, on_answer);
  };
  InBackground<Answer>(loop, poll, next);
}

Allocation::Allocation(std::shared_ptr<os::EventLoop> loop,
                       std::shared_ptr<const ControllerClient> client, Options options,
                       Events events)
    : loop_(std::move(loop)),
      client_(std::move(client)),
      options_(std::move(options)),
      events_(std::move(events)) {}

void Allocation::Info(std::string_view text) const {
  if (!options_.quiet) PrintInfo(options_.command, text);
}

void Allocation::Start(pb::SubmitJobRequest request) {
  // One second is how long a scheduler's pass may take: "now", to a person.
  request.set_immediate(options_.immediate_seconds.value_or(2) <= 1);
  auto submit = [client = client_, request = std::move(request)] {
    return client->Call<pb::SubmitJobResponse>("Controller/SubmitJob", request);
  };
  InBackground<absl::StatusOr<pb::SubmitJobResponse>>(
      loop_, submit, [this](auto answer) { OnSubmitted(std::move(answer)); });
}

void Allocation::OnSubmitted(absl::StatusOr<pb::SubmitJobResponse> answer) {
  if (!answer.ok()) {
    if (!cancelled_) PrintDaemonError(options_.command, options_.failure_prefix, answer.status());
    return Fail(1);
  }
  job_id_ = answer->job_id();
  if (cancelled_) {
    cancelled_ = false;
    return Cancel();
  }
  for (const std::string& note : answer->notes()) Info(note);
  if (options_.immediate_seconds.has_value()) {
    immediate_timer_ = loop_->After(
        absl::Seconds(std::max<int64_t>(*options_.immediate_seconds, 1)) + absl::Seconds(1),
        [this] { OnImmediateTimeout(); });
  }
  FollowJob(loop_, client_, job_id_, pb::WaitJobRequest::UNTIL_ALLOCATED, true,
            [this](auto polled) { OnAnswer(std::move(polled)); });
}

void Allocation::OnAnswer(absl::StatusOr<pb::WaitJobResponse> answer) {
  if (failed_ || cancelled_) return;  // Cancel has the last word
  if (!answer.ok()) {
    PrintDaemonError(options_.command, options_.failure_prefix, answer.status());
    return Fail(1);
  }
  if (!answer->reached()) return PrintQueued(answer->job());
  if (!IsActive(static_cast<JobState>(answer->job().state()))) {
    // srun's form has no full stop.
    Info(StrCat("Job allocation ", job_id_, " has been revoked",
                options_.command == "salloc" ? "." : ""));
    return Fail(1);
  }
  loop_->Cancel(immediate_timer_);
  granted_ = true;
  if (said_queued_) Info(StrCat("job ", job_id_, " has been allocated resources"));
  events_.on_granted(*answer);
}

void Allocation::PrintQueued(const pb::Job& job) {
  if (std::exchange(said_queued_, true)) return;
  if (IsPartitionReason(job.reason())) {
    Info("Requested partition configuration not available now");
  }
  if (options_.command == "salloc") Info(StrCat("Pending job allocation ", job_id_));
  Info(StrCat("job ", job_id_, " queued and waiting for resources"));
}

void Allocation::OnImmediateTimeout() {
  if (granted_ || failed_) return;
  PrintError(options_.command, StrCat(options_.failure_prefix, ": Requested nodes are busy"));
  said_why_ = true;
  Cancel();
}

void Allocation::Cancel() {
  if (std::exchange(cancelled_, true)) return;
  if (job_id_ == 0) {
    // The answer, when it comes, names what is to be cancelled; a controller that is away is not
    // waited for.
    loop_->After(kAnswerPatience, [this] {
      if (job_id_ == 0) Fail(1);
    });
    return;
  }
  pb::CancelJobsRequest request;
  request.add_jobs()->set_job_id(job_id_);
  auto cancel = [client = client_, request] {
    return client->Call<pb::CancelJobsResponse>("Controller/CancelJobs", request).status();
  };
  InBackground<absl::Status>(loop_, cancel, [this](absl::Status status) {
    if (!status.ok()) PrintDaemonError(options_.command, "", status);
    if (granted_) return;
    if (!said_why_) {
      if (options_.command == "srun") Info(StrCat("Force Terminated JobId=", job_id_));
      Info(StrCat("Job allocation ", job_id_, " has been revoked",
                  options_.command == "salloc" ? "." : ""));
    }
    Fail(1);
  });
}

void Allocation::Fail(int exit_code) {
  if (std::exchange(failed_, true)) return;
  events_.on_failed(exit_code);
}

}  // namespace reeve::cli
