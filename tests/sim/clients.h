// Users and administrators: calls that get lost, repeats with the same request id, and what each
// user was promised.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/controller_process.h"
#include "tests/sim/scene.h"

namespace reeve::sim {

// What a user knows of a submission.
struct Submission {
  const WorkItem* item = nullptr;
  std::string request_id;
  std::optional<JobId> job;        // as acknowledged
  std::optional<absl::Time> when;  // it was
  bool refused = false;
  bool cancel_asked = false;  // by anybody: it may be found cancelled
  bool requeue_asked = false;
  bool completed_asked = false;  // the end of an allocation
  int32_t complete_status = 0;
  bool steps_done = false;
};

class Clients {
 public:
  using GetController = std::function<ControllerProcess*()>;  // null while there is none
  Clients(Scene* scene, GetController controller);

  void Begin(const WorkItem& item);  // at its time
  // Everybody repeats their submissions once more: the answers must be the same.
  void RepeatAll();
  void ResumeSuspended();  // as far as their CPUs are free
  void ResumeAllNodes();

  const std::map<uint32_t, Submission>& submissions() const { return submissions_; }
  const Submission* Find(uint32_t item) const;
  // Set by the world: what a reconfiguration does beside the controller.
  std::function<void(const ctld::Settings&)> on_reconfigure;
  std::function<bool(const std::string&)> is_host_alive;

 private:
  using MakeEvent = std::function<ctld::Event(ctld::CallToken)>;
  using OnAnswer = ControllerProcess::OnAnswer;
  // One attempt; Unavailable when it, or its answer, gets lost.
  void Call(MakeEvent event, ctld::EffectRunner::Blobs blobs, bool lose_reply, OnAnswer on_answer);
  // Until it has an answer.
  void CallUntilAnswered(MakeEvent event, uint32_t lost_replies, OnAnswer on_answer);

  void Submit(Submission& submission, uint32_t attempt);
  void OnSubmitted(Submission& submission, const ctld::SubmitAnswer& answer);
  static ctld::JobAction ActionOf(WorkKind kind);
  void Administrate(const WorkItem& item);
  void Reserve(const WorkItem& item);
  void Control(const WorkItem& item);

  // An salloc or srun with its steps; a batch job's sruns.
  void WaitForAllocation(Submission& submission);
  void RunSteps(Submission& submission, size_t index);
  void CreateStep(Submission& submission, size_t index);
  void PollStep(Submission& submission, size_t index, StepId step);
  void Complete(Submission& submission);
  const v1::Job* See(JobId job);

  Scene* const scene_;
  const GetController controller_;
  Random random_;
  std::map<uint32_t, Submission> submissions_;
  v1::Job seen_;
};

ctld::Caller CallerOf(uint32_t uid);

}  // namespace reeve::sim
