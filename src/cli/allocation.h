// An allocation on its way: what srun (outside of a job) and salloc have in common.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/controller_client.h"
#include "common/os/event_loop.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

// Long-polls WaitJob on a thread of its own and reports each answer on the loop, until the point
// has been reached or the controller gives an error. While the controller is away it is asked
// again, for ever: the job goes on without it. `notify` may be told of that once.
void FollowJob(std::shared_ptr<os::EventLoop> loop, std::shared_ptr<const ControllerClient> client,
               uint32_t job_id, pb::WaitJobRequest::Until until, bool first_is_short,
               std::function<void(absl::StatusOr<pb::WaitJobResponse>)> on_answer);

// Asks for the allocation and waits for it. All of it on the loop's thread.
class Allocation {
 public:
  struct Events {
    std::function<void(const pb::WaitJobResponse&)> on_granted;
    std::function<void(int exit_code)> on_failed;  // after the reason has been printed
  };
  struct Options {
    std::string command;         // "srun"
    std::string failure_prefix;  // "Unable to allocate resources"
    std::optional<int64_t> immediate_seconds;
    bool quiet = false;
  };
  Allocation(std::shared_ptr<os::EventLoop> loop, std::shared_ptr<const ControllerClient> client,
             Options options, Events events);

  void Start(pb::SubmitJobRequest request);
  // Gives the job up, whether granted or not yet even numbered; on_failed follows unless granted.
  void Cancel();
  uint32_t job_id() const { return job_id_; }
  bool granted() const { return granted_; }

 private:
  void OnSubmitted(absl::StatusOr<pb::SubmitJobResponse> answer);
  void OnAnswer(absl::StatusOr<pb::WaitJobResponse> answer);
  void OnImmediateTimeout();
  void Fail(int exit_code);
  void PrintQueued(const pb::Job& job);
  void Info(std::string_view text) const;

  std::shared_ptr<os::EventLoop> loop_;
  std::shared_ptr<const ControllerClient> client_;
  Options options_;
  Events events_;
  uint32_t job_id_ = 0;
  bool said_queued_ = false;
  bool granted_ = false;
  bool cancelled_ = false;
  bool failed_ = false;
  bool said_why_ = false;
  os::TimerId immediate_timer_ = os::TimerId::kNone;
};

}  // namespace reeve::cli
