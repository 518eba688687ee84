// What must hold. Looked at after every event of the controller, after every transaction that has
// become durable, and when all is calm at last.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/sim/clients.h"
#include "tests/sim/controller_process.h"
#include "tests/sim/truth.h"

namespace reeve::sim {

class Oracle : public Witness {
 public:
  Oracle(Scene* scene, const Truth* truth, const Clients* clients)
      : scene_(scene), truth_(truth), clients_(clients) {}

  void OnRestored(const ctld::Controller& core, const Disk& disk) override;
  void OnEffects(const ctld::Controller& core, const ctld::Effects& effects) override;
  void OnDurable(const ctld::Batch& batch);

  // Why the world is not at rest yet; empty: it is.
  std::string Unrest(const ctld::Controller& core, const Disk& disk) const;
  // While nothing is on its way: what runs belongs to no suspended job, what stands still to one.
  void CheckStandstill(const ctld::Controller& core);
  // Once it is: accounting against the jobs as they were stored last.
  void CheckAccounting(const ModelDbd& dbd);

 private:
  // What matters of a job.
  struct Brief {
    JobState state = JobState::kPending;
    uint32_t flags = 0;
    uint32_t restarts = 0;
    int32_t exit_status = 0;
    absl::Time end_time;
    bool Over() const { return IsFinished(state) && (flags & kJobFlagCompleting) == 0; }
  };
  static Brief BriefOf(const ctld::Job& job);
  static Brief BriefOf(const v1::Job& job);
  static std::string ToString(const Brief& brief);

  static bool Legal(const Brief& before, const Brief& after, bool component);
  void CheckChange(const ctld::Controller& core, const ctld::Job& job);
  void CheckStart(const ctld::Controller& core, const ctld::Job& job);
  void CheckLicenses(const ctld::Controller& core, const ctld::Job& job);  // which has started
  void CheckChoice(const ctld::Controller& core, const ctld::Job& job);    // likewise
  void CheckSwitches(const ctld::Controller& core, const ctld::Job& job);  // likewise
  void CheckUsers(const ctld::Controller& core, const ctld::Job& job);     // likewise
  void CheckSharing(const ctld::Controller& core, const ctld::Job& job);   // likewise
  void CheckLayout(const ctld::Controller& core, const ctld::Job& job);    // likewise
  void CheckStandsStill(const ctld::Controller& core, const ctld::Job& job);
  void CheckNotForNothing(const ctld::Controller& core);
  // Likewise: oracle_reserve.cc.
  void CheckReservations(const ctld::Controller& core, const ctld::Job& job);
  void CheckKeptLicenses(const ctld::Controller& core, const ctld::Job& job);
  void CheckNodes(const ctld::Job& job);  // which runs: it gets none in addition
  void CheckTogether(const ctld::Controller& core, const ctld::Job& job);  // likewise
  void CheckRemoved(const ctld::Controller& core, JobId id);
  void CheckTimeLimit(const ctld::Job& job);  // which runs
  void CheckPreempted(const ctld::Controller& core, const ctld::Job& job);

  // A run of a job is over, for good or to be repeated: oracle_end.cc.
  void CheckEnd(const ctld::Job& job);
  void CheckEndOfComponent(const ctld::Controller& core, const ctld::Job& job);
  void CheckBatchEnd(const ctld::Job& job);
  void CheckByExit(const ctld::Job& job, const Run* run);
  void CheckAllocationEnd(const ctld::Job& job, const Submission& submission);
  bool NodesWereTroubled(const ctld::Job& job) const;
  const Submission* SubmissionOf(const ctld::Job& job) const;

  Scene* const scene_;
  const Truth* const truth_;
  const Clients* const clients_;
  std::map<JobId, Brief> seen_;       // by the present life of the controller
  std::map<JobId, Brief> durable_;    // as stored last, also of those forgotten since
  std::map<JobId, Brief> accounted_;  // as the outbox had it last
  std::set<JobId> forgotten_;         // from the store, after their end
  std::map<std::pair<JobId, uint32_t>, std::set<std::string>> nodes_;  // of attempts that run
  struct Leave {
    absl::Time told;
    absl::Time end;  // not before that
  };
  std::map<std::pair<JobId, uint32_t>, Leave> leaving_;  // attempts that are to make room
};

}  // namespace reeve::sim
