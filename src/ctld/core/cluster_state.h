// Everything the controller knows, with the indices that keep an event's cost independent of the
// queue's length, and the Context that handlers work in.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "ctld/core/array_group.h"
#include "ctld/core/backlog.h"
#include "ctld/core/controller.h"
#include "ctld/core/effects.h"
#include "ctld/core/events.h"
#include "ctld/core/fair_share.h"
#include "ctld/core/id_map.h"
#include "ctld/core/interned.h"
#include "ctld/core/license_pool.h"
#include "ctld/core/plan.h"
#include "ctld/core/preempt.h"
#include "ctld/core/priority_factors.h"
#include "ctld/core/ready_key.h"
#include "ctld/core/request_table.h"
#include "ctld/core/reservation_table.h"
#include "ctld/core/shape.h"
#include "ctld/core/switch_wait.h"
#include "ctld/core/timers.h"

namespace reeve::ctld {

struct JobWaiter {
  CallToken call;
  bool until_ended = false;
  absl::Time deadline;
};

struct Namesakes {
  absl::btree_set<JobId> all;
  absl::btree_set<JobId> singletons;  // those that wait for the others, or did
};

struct PartitionEntry {
  Partition facts;
  std::vector<NodeIndex> nodes;
};

// Of the round through the queue that follows changed priorities; see priority_round.h.
struct PriorityRound {
  absl::Time next = absl::InfiniteFuture();         // when priorities are worked out anew
  absl::Time first_sinks = absl::InfiniteFuture();  // no job's score sinks before that
  bool going = false;
  absl::Time next_slice;
  ReadyKey behind;                                 // what ranks lower has been looked at
  absl::Time sinks_from = absl::InfiniteFuture();  // `first_sinks`, of what has been looked at
};

class State {
 public:
  explicit State(Settings new_settings);

  // Replaces configured facts, keeping the state of nodes that stay. Returns names that went away.
  std::vector<std::string> ApplySettings(Settings new_settings);

  Job* FindJob(JobId id);
  const Job* FindJob(JobId id) const;
  Node* FindNode(std::string_view name);
  const Node* FindNode(std::string_view name) const;
  PartitionEntry* FindPartition(std::string_view name);
  const PartitionEntry* FindPartition(std::string_view name) const;
  PartitionIndex DefaultPartition() const;  // partitions.size() when there is none
  // The partitions a pending job may start in.
  std::vector<PartitionIndex> PartitionsOf(const Job& job) const;
  // As Terms::sole_user, of the job in that partition.
  uint32_t SoleUserOf(const Job& job, PartitionIndex partition) const;
  uint32_t ShareGroupOf(std::string_view partition);  // Sharing::group
  JobId NextJobId();
  JobId PeekJobId() const;  // what NextJobId would give
  // There is something that a pass has not looked at.
  bool PlanIsBehind() const;
  void NodeMoved(const Node& node);  // its state or its jobs: the plan looks at it again

  Settings settings;
  Counters counters;
  bool counters_moved = false;

  IdMap<std::unique_ptr<Job>> jobs;
  std::vector<std::unique_ptr<Node>> nodes;
  absl::flat_hash_map<std::string, NodeIndex> node_index;
  std::vector<PartitionEntry> partitions;
  ReservationTable reservations;
  LicensePool licenses;
  absl::flat_hash_map<std::string, uint32_t> share_groups;  // by partition, also of those gone

  // Indices over jobs.
  Backlog backlog;
  absl::flat_hash_map<JobId, ArrayGroup> arrays;
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<JobId>> jobs_of_user;
  absl::flat_hash_map<JobId, absl::flat_hash_set<JobId>> dependents;  // job or array -> who waits
  // Unfinished jobs by user and name, for singleton; in the order of their ids.
  absl::flat_hash_map<std::pair<uint32_t, std::string>, Namesakes> namesakes;
  absl::flat_hash_map<SharedText, uint32_t> blob_uses;
  absl::flat_hash_set<JobId> active;           // hold resources
  absl::flat_hash_set<JobId> ending_together;  // heterogeneous jobs of which all is about to end

  Interned<JobSpec> specs;
  Interned<Owner> owners;
  TextPool texts;
  ShapeTable shapes;
  Plan plan;
  Preemption preemption;
  SwitchWaits switch_waits;
  absl::Time plan_watched;  // the planned start for which there is a timer
  TimerQueue timers;
  absl::flat_hash_map<JobId, std::vector<JobWaiter>> waiters;
  absl::flat_hash_map<JobId, std::deque<CreateStep>> waiting_steps;
  RequestTable requests;
  absl::Time next_health_check = absl::InfiniteFuture();

  std::shared_ptr<const PriorityBook> book;  // never null
  FairShare fair_share;
  PriorityRound round;
};

// One event's handling: the state, what it wants done, and when it happens.
struct Context {
  State& state;
  Effects& effects;
  absl::Time now;

  // Something of the job has changed and must be stored.
  void Changed(Job& job);
  // Something to show has changed that follows from the rest (a pending reason, a plan).
  void Shown(const Job& job);
  void Changed(Node& node);                  // stored
  void Changed(const Partition& partition);  // what scontrol has changed of it is stored
  void Shown(const Node& node);
  void EndMoved(const Job& job);  // it runs, and is to end at another time than before
  // The job as it is now goes to accounting, as a revision of its own: of two records of one
  // revision accounting keeps the first.
  void Account(Job& job);
  void Account(const Node& node);
  void Log(LogLevel level, std::string text);
  void Reply(CallToken call, absl::StatusOr<Answer> answer);
  template <typename Command>
  void Send(const std::string& node, Command command) {
    effects.commands.push_back({node, std::move(command)});
  }

  // The step needs no further launch, or none will be made.
  void DropLaunch(const Job& job, Step& step);

  // Puts a job into every index, or takes it out of all of them.
  Job& AddJob(std::unique_ptr<Job> job);
  void RemoveJob(JobId id);
  // A heterogeneous job is in the queue as its leader, once all components may be.
  void AddReady(const Job& asked);
  // A score that only sinks with time does not cost a job its place in the plan at every event.
  void KeepPlace(Backlog::Keys& keys) const;
  void RemoveReady(const Job& job);
  void ForgetName(const Job& job);  // it has finished: singletons need not wait for it
  void RememberName(const Job& job);
  void UseBlobs(const Job& job);

  // What the job asks for of the cluster's licences; `granted` of those that its reservation keeps,
  // null: as many as are left there.
  void TakeLicenses(const Job& job, const FromReserve* granted = nullptr);
  void GiveLicensesBack(const Job& job);
  // Allocation bookkeeping of one share on its node. Of a job that has given its CPUs up, the rest.
  void Occupy(const Job& job, const NodeShare& share, bool completing);
  void Vacate(const Job& job, const std::string& node);
};

// While the job runs there nothing else may be placed on the node.
bool TakesWholeNode(const State& state, const Job& job, const Node& node);

}  // namespace reeve::ctld
