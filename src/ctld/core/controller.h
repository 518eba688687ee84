// The controller's mind: jobs, nodes and partitions, and what to do about each event. Pure: no
// clock, thread, file, random source or network; the same events at the same times give the same
// effects. Not thread-safe: it belongs to the shell's loop.
//
// The shell's side of the contract: effects of Handle and Schedule are committed in the order they
// came before any of their commands and replies go out; nothing here assumes that something went
// out before its commit. When a commit fails the process must end (what it decided is not true).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "ctld/core/effects.h"
#include "ctld/core/events.h"
#include "ctld/core/fair_share.h"
#include "ctld/core/job.h"
#include "ctld/core/license_pool.h"
#include "ctld/core/node.h"
#include "ctld/core/partition.h"
#include "ctld/core/priority_factors.h"
#include "ctld/core/reservation.h"
#include "ctld/core/settings.h"

namespace reeve::ctld {

// What the store gave back at start.
struct StoredNode {
  std::string name;
  NodeBase base = NodeBase::kUnknown;
  bool drain = false;
  bool fail = false;
  bool down_by_admin = false;
  std::string reason;
  std::string reason_user;
  absl::Time reason_time;
  std::string boot_id;
  absl::Time last_response_time;
  absl::Time last_busy_time;
  LeaseTerms lease;
  std::vector<std::string> witnesses;
  std::string comment;
  std::string configured;
  std::optional<uint32_t> weight;
  std::optional<std::vector<std::string>> features;
};
struct StoredPartition {
  std::string name;
  std::string configured;
  std::vector<PartitionChange> changes;
};
struct Snapshot {
  std::vector<Job> jobs;  // with `shape` unset
  std::vector<StoredNode> nodes;
  std::vector<StoredPartition> partitions;
  std::vector<StepToLaunch> steps;  // jobs' steps come without their spec
  std::vector<RequestResult> requests;
  std::vector<Reservation> reservations;
  std::vector<StoredUsage> usage;
  Counters counters;
};

class State;

class Controller {
 public:
  explicit Controller(Settings settings);
  ~Controller();

  // Once, before any event. Nodes are silent until they register; jobs that ran still run. Jobs
  // that name nodes no longer configured end as NODE_FAIL; the effects say so.
  Effects Restore(Snapshot snapshot, absl::Time now);

  Effects Handle(const Event& event, absl::Time now);
  // Several events of one moment, in order; to be stored together.
  Effects Handle(std::span<const Event> events, absl::Time now);
  // One scheduling pass over the pending jobs; called (coalesced) when effects say `schedule`.
  Effects Schedule(absl::Time now);

  const Job* FindJob(JobId id) const;
  const Node* FindNode(std::string_view name) const;
  const Partition* FindPartition(std::string_view name) const;
  const Reservation* FindReservation(std::string_view name) const;
  std::vector<const Reservation*> Reservations() const;  // by name
  const LicensePool& licenses() const;
  size_t job_count() const;
  void ForEachJob(const std::function<void(const Job&)>& visit) const;  // in no order
  std::vector<const Node*> Nodes() const;            // in the order of the configuration
  std::vector<const Partition*> Partitions() const;  // likewise
  const Counters& counters() const;
  const Settings& settings() const;
  std::shared_ptr<const PriorityBook> priority_book() const;
  // As it was when one of the user's jobs last began or ended; unset: he has used nothing.
  std::optional<StoredUsage> UsageOf(uint32_t uid) const;
  // Jobs of an array: its pending record and the tasks that split off.
  std::vector<JobId> ArrayMembers(JobId array) const;

  const State& state() const { return *state_; }  // for invariants.h and tests

 private:
  std::unique_ptr<State> state_;
};

}  // namespace reeve::ctld
