// What a pass tells of the jobs that go on waiting: why, and when they are planned to start.
#pragma once

#include <string>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

class PendingView {
 public:
  explicit PendingView(Context& context)
      : context_(context), state_(context.state), backlog_(context.state.backlog) {}

  // A job in several partitions tells of the one in which it ranks highest.
  bool IsFirst(const ReadyKey& key) const { return backlog_.KeysOf(key.job).front() == key; }

  void Explain(const ReadyKey& key, Reason reason, const std::string& detail);
  // It waits for room, or for those that are before it.
  void Wait(const ShapeQueue& queue, const ReadyKey& key);

  void ShowPlannedStart(JobId id);  // as the plan has it now
  void ClearPlannedStart(JobId id);

  // The first of each partition waits for resources, the others for those before them.
  void NameTops();

 private:
  bool BeforeReservation(const ShapeQueue& queue) const;
  void Rename(const ReadyKey& key, PartitionIndex partition);

  Context& context_;
  State& state_;
  Backlog& backlog_;
};

}  // namespace reeve::ctld
