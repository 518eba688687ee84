// Where the jobs of the backlog could start later: what a pass (schedule.h) asks the plan. Some
// search all nodes and others a sample of them, and those behind the first hundred take what is
// left by everybody; here is decided who does which.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// For one pass. Of a `supposed` job, which is not in the queue, it finds what it would if the job
// were from that time on, and notes nothing.
class PlaceSearch {
 public:
  explicit PlaceSearch(Context& context, const Job* supposed = nullptr, Instant from = 0);

  // Nothing is planned for a time before that.
  Instant Soonest() const;
  // Is the job among so many of the highest rank, as they were when this was first asked? Exact up
  // to a hundred.
  bool IsAmongFirst(size_t count, const ReadyKey& key);

  // The earliest start of one task of the job at or after that time, and under which terms: outside
  // of magnetic reservations or in one of them, on few switches or, after its wait, on any.
  struct Found {
    Plan::Start start;
    const Terms* terms = nullptr;
  };
  std::optional<Found> Find(const ShapeQueue& queue, const ReadyKey& key, Instant from);
  // Gives the job's last place up for an earlier one, before that time. False when there is none.
  bool MoveEarlier(const ShapeQueue& queue, const ReadyKey& key, Instant before);

  // The same of a heterogeneous job's components, all at one time.
  struct FoundTogether {
    std::vector<Plan::Component> components;
    std::vector<Plan::Start> starts;
  };
  std::optional<FoundTogether> FindTogether(const ShapeQueue& queue, const ReadyKey& key);
  bool MoveEarlierTogether(const ShapeQueue& queue, const ReadyKey& key, Instant before);

  // A job that waits for few switches has waited since then, when it can start now on more.
  void NoteElsewhere(const ShapeQueue& queue, const ReadyKey& key, Instant since);

 private:
  bool SearchesAll(const ShapeQueue& queue, const ReadyKey& key);
  std::vector<NodeIndex> NodesToSearch(const ShapeQueue& queue, const ReadyKey& key, bool all);
  std::vector<Plan::Component> Components(const ShapeQueue& queue, const ReadyKey& key, bool all);
  std::optional<Plan::Start> FindStart(const ShapeQueue& queue, const Terms& terms,
                                       const ReadyKey& key, Plan::When when, bool all);
  bool MoveEarlierIn(const ShapeQueue& queue, const ReadyKey& key, Instant before);

  bool IsSupposed(JobId id) const { return supposed_ != nullptr && supposed_->id == id; }
  const Job& JobOf(JobId id) const { return IsSupposed(id) ? *supposed_ : *state_.FindJob(id); }

  void BeginToWait(Job& job, Instant since);
  Instant WaitsSince(const ShapeQueue& queue, const ReadyKey& key, Instant before);
  void NoteWait(JobId id, Instant since);
  std::optional<Plan::When> Elsewhere(const Job& job, Instant since, Instant before);
  std::optional<Plan::Start> OrElsewhere(const ShapeQueue& queue, const ReadyKey& key,
                                         std::optional<Plan::Start> few);
  bool MoveEarlierElsewhere(const ShapeQueue& queue, const ReadyKey& key, Instant before);

  Context& context_;
  State& state_;
  Backlog& backlog_;
  Plan& plan_;
  const Job* const supposed_;
  const Instant now_;
  const Instant ready_;  // the supposed job is, from then on; without one it is now
  Track::Scratch scratch_;
  std::vector<ReadyKey> first_ranks_;
};

}  // namespace reeve::ctld
