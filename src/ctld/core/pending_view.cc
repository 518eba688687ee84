#include "ctld/core/pending_view.h"

#include <utility>
#include <vector>

#include "ctld/core/eligibility.h"
#include "ctld/core/het_job.h"

namespace reeve::ctld {

void PendingView::Explain(const ReadyKey& key, Reason reason, const std::string& detail) {
  ForEachComponent(state_, key.job, [&](Job& job) {
    if (job.reason == reason && job.reason_detail == detail) return;
    job.last_sched_time = context_.now;
    SetReason(context_, job, reason, detail);
  });
}

void PendingView::Wait(const ShapeQueue& queue, const ReadyKey& key) {
  if (!IsFirst(key)) return;
  const bool top = backlog_.tops[queue.partition] == key.job;
  Explain(key,
          BeforeReservation(queue)                ? Reason::kReservation
          : queue.blocked && queue.lacks_licenses ? Reason::kLicenses
          : top                                   ? Reason::kResources
                                                  : Reason::kPriority,
          "");
}

bool PendingView::BeforeReservation(const ShapeQueue& queue) const {
  if (queue.shape->reservation.empty()) return false;
  const Reservation* reservation = state_.reservations.Find(queue.shape->reservation);
  return reservation != nullptr && !reservation->Has(kReservationFlex) &&
         !reservation->ActiveAt(context_.now);
}

void PendingView::ClearPlannedStart(JobId id) {
  ForEachComponent(state_, id, [&](Job& job) {
    if (!IsSet(job.planned_start)) return;
    job.planned_start = absl::UnixEpoch();
    context_.Shown(job);
  });
}

void PendingView::ShowPlannedStart(JobId id) {
  const Job* first = state_.FindJob(id);
  if (first == nullptr || !first->Pending()) return;
  const Plan::PlannedJob* planned = state_.plan.Find(id);
  if (planned == nullptr) return ClearPlannedStart(id);
  const absl::Time start = ToTime(planned->places.front().at);
  ForEachComponent(state_, id, [&](Job& job) {
    if (job.planned_start == start) return;
    job.planned_start = start;
    context_.Shown(job);
  });
}

void PendingView::NameTops() {
  std::vector<ReadyKey> tops(state_.partitions.size());
  for (const std::unique_ptr<ShapeQueue>& queue : backlog_.queues()) {
    if (!queue->waits()) continue;
    ReadyKey& top = tops[queue->partition];
    if (!top.job || queue->head() < top) top = queue->head();
  }
  for (PartitionIndex i = 0; i < tops.size(); ++i) {
    if (tops[i].job == backlog_.tops[i]) continue;
    const JobId before = std::exchange(backlog_.tops[i], tops[i].job);
    for (const ReadyKey& key : backlog_.KeysOf(before)) Rename(key, i);
    for (const ReadyKey& key : backlog_.KeysOf(tops[i].job)) Rename(key, i);
  }
}

void PendingView::Rename(const ReadyKey& key, PartitionIndex partition) {
  if (key.partition != partition || !IsFirst(key)) return;
  const ShapeQueue& queue = *backlog_.QueueOf(key);
  if (queue.waits()) Wait(queue, key);
}

}  // namespace reeve::ctld
