// Which room is whose and when, on all nodes: running jobs until their time limits, and the planned
// jobs' holds (track.h). It is kept from pass to pass: what an event changes is what an event
// costs.
//
// The plan is told of every node that changes (a job came or went, its state is another one) and
// reads the rest from the State in Refresh. A job whose hold is displaced anywhere loses its whole
// place and is to be planned again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "ctld/core/id_map.h"
#include "ctld/core/license_plan.h"
#include "ctld/core/node_bits.h"
#include "ctld/core/ready_key.h"
#include "ctld/core/reservation_table.h"
#include "ctld/core/select_nodes.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

class State;

// What a running job, or one that is being cleared away, has of a node, and until when; what is
// past its end leaves after `grace`.
Track::Use UseOf(const State& state, const Node& node, JobId id, const Node::Use& use,
                 absl::Time now, absl::Duration grace);
// When the job is to have left, likewise.
Instant EndOfJob(const State& state, JobId id, absl::Time now, absl::Duration grace);
Room AllOf(const Node& node);
// What a placement takes of a node.
Room RoomOf(const Terms& terms, const Node& node, const Placement::Part& part);
Offer OfferOf(NodeIndex index, const Node& node, const Room& room);

class Plan {
 public:
  struct Start {
    Instant at = 0;
    Instant length = 0;
    Placement placement;
    FromReserve from_reserve;
  };
  // When a start is wanted: at or after `from`, before `before`, and to have ended by `end_by`.
  struct When {
    Instant from = 0;
    Instant before = kNever;
    Instant end_by = kNever;
    // Where one node does: so many that could take it at once are choice enough.
    size_t choice = SIZE_MAX;
  };
  // One start of a job; an array's record has one for each task that is planned.
  struct Place {
    Instant at = 0;
    uint32_t lane = 0;
    absl::InlinedVector<NodeIndex, 2> nodes;
  };
  struct PlannedJob {
    ReadyKey key;
    absl::InlinedVector<Place, 1> places;  // in the order of their times
  };

  // Forgets everything; the next Refresh reads all nodes.
  void Reset(const State& state);
  // Jobs or the state of the node are others than they were.
  void NodeChanged(NodeIndex node);
  // Of the jobs of that lane: of a reservation's, or (lane 0) of those without one. Nothing is free
  // there when the reservation does not have the node. Jobs of open reservations are on the tracks
  // of those without one, where gates let some through and others not.
  const Track& track(NodeIndex node, uint32_t lane) const;
  // What a job sees of the node, as Track::SeenBy, with the gates that are closed to it.
  Profile Seen(NodeIndex node, const Terms& terms, const ReadyKey& rank, Track::View view,
               Instant until, Track::Scratch& scratch) const;
  // The gates alone, of what a job would see without.
  Profile BehindGates(NodeIndex node, const Terms& terms, const Profile& room,
                      Track::Scratch& scratch) const;
  bool Changed(NodeIndex node) const { return nodes_[node].changed; }
  bool AnyChanged() const { return !changed_.empty() || licenses_.AnyChanged(); }
  // What it knows of the node is true, or it is to look at it again.
  bool Follows(const Node& node, NodeIndex index) const;
  // Catches up with what has changed. A job that should have ended counts as leaving after `grace`.
  // Returns the jobs that lost their places.
  std::vector<ReadyKey> Refresh(const State& state, absl::Time now, absl::Duration grace);

  // Nodes in the order of preference (weight, then the configuration's order) have a place in it.
  size_t PlaceOf(NodeIndex node) const { return places_[node]; }
  NodeIndex NodeAt(size_t place) const { return order_[place]; }
  size_t size() const { return order_.size(); }
  // Nodes of one kind are as large as each other and have the same features.
  uint32_t KindOf(NodeIndex node) const { return kinds_[node]; }
  const NodeBits& usable() const { return usable_; }
  const NodeBits& free_now() const { return free_now_; }  // usable, with a CPU to spare

  // The licences of the cluster, over time.
  LicensePlan& licenses() { return licenses_; }
  const LicensePlan& licenses() const { return licenses_; }

  // The earliest start on some of these nodes, for as long as there is room, and licences, from
  // then on: up to what the terms say. (plan_find.cc)
  std::optional<Start> Find(const State& state, const Terms& terms,
                            absl::Span<const NodeIndex> nodes, const ReadyKey& rank, When when);
  // Gives the job that place. Returns the jobs of lower rank that lost theirs by it.
  std::vector<ReadyKey> Keep(const State& state, const ReadyKey& key, const Terms& terms,
                             const Start& start);
  // As Find, of the components of one job: a start of each, all at one time and on nodes of its own
  // alone. Of licences the first one's count. (plan_together.cc)
  struct Component {
    const Terms* terms = nullptr;
    std::vector<NodeIndex> nodes;
    Instant end_by = kNever;
  };
  std::optional<std::vector<Start>> FindTogether(const State& state,
                                                 absl::Span<const Component> components,
                                                 const ReadyKey& rank, Track::View view, When when);
  // One place for all of them.
  std::vector<ReadyKey> KeepTogether(const State& state, const ReadyKey& key,
                                     absl::Span<const Component> components,
                                     absl::Span<const Start> starts);
  // Gives the job's last place up for an earlier one on some of these nodes, beside the places of
  // all others. False when there is none.
  bool MoveEarlier(const State& state, const ReadyKey& key, const Terms& terms,
                   absl::Span<const NodeIndex> nodes, When when);
  void Drop(JobId job);
  void DropFirstPlace(JobId job);  // one of its tasks has started
  // No more places than that.
  void Shorten(JobId job, size_t places);
  const PlannedJob* Find(JobId job) const { return const_cast<Plan*>(this)->FindPlanned(job); }
  size_t planned_jobs() const { return planned_.size(); }
  const IdMap<std::unique_ptr<PlannedJob>>& planned() const { return planned_; }

  Instant FirstStart() const { return starts_.empty() ? kNever : starts_.begin()->first; }
  // When the first running job is to have left: what has not is to be read again from then on.
  Instant FirstEnd() const { return ends_.empty() ? kNever : ends_.begin()->first; }
  // Jobs whose planned start has come.
  std::vector<JobId> Due(Instant now) const;
  // There may be more room on the node than before, for somebody.
  void Grown(NodeIndex node);
  // Nodes on which there may be more room than before, now or later, since this was last asked.
  std::vector<NodeIndex> TakeGrown();
  // Moves whenever there may be more room anywhere: a start found before is then no bound.
  uint64_t grown_epoch() const { return grown_epoch_; }
  // Moves when running jobs or the nodes' states leave more room than the plan counted with.
  uint64_t room_epoch() const { return room_epoch_; }
  // Whoever looks for earlier places begins anew: from here on the nodes that count are those that
  // have got room since it began the last time.
  void BeginImproving();
  // Could the job have an earlier place than its last one, and before that time, on one of those
  // nodes? If not, then on no others either.
  bool MayMoveEarlier(const State& state, const ReadyKey& key, const Terms& terms,
                      const NodeBits& fits, Instant from, Instant before);
  // True once after a node has become usable, or has ceased to be.
  bool TakeAvailabilityChanged() { return std::exchange(availability_changed_, false); }
  // Looks at a node at one time, so far: what planning costs.
  uint64_t work() const { return work_; }
  void AddWork(uint64_t looks) { work_ += looks; }

 private:
  struct Lane {
    uint32_t lane = 0;
    Track track;
  };
  struct NodePlan {
    Track track;                 // lane 0
    std::vector<Lane> reserved;  // the others, while a reservation has the node
    std::vector<ReservationTable::Gate> gates;
    bool changed = false;
    bool grown = false;
    bool improves = false;  // is in improving_ or to_improve_
    uint32_t free_cpus = 0;
    Instant first_end = kNever;
  };
  // LeastRoom of nodes one after another: those of one kind are asked for the same.
  class LeastRooms {
   public:
    LeastRooms(const Plan& plan, const State& state, const Terms& terms)
        : plan_(plan), state_(state), terms_(terms) {}
    const Room& Of(NodeIndex node);  // until it is asked again

   private:
    const Plan& plan_;
    const State& state_;
    const Terms& terms_;
    uint32_t kind_ = UINT32_MAX;
    Room least_;
  };
  void RefreshNode(const State& state, NodeIndex node, absl::Time now, absl::Duration grace,
                   std::vector<ReadyKey>& lost);
  // True when there may be more room than before in any of the tracks.
  bool RefreshTracks(const State& state, NodeIndex node, absl::Time now, absl::Duration grace,
                     std::vector<ReadyKey>& lost);
  void RefreshLicenses(const State& state, absl::Time now, absl::Duration grace,
                       std::vector<ReadyKey>& lost);
  Instant LongestFrom(const State& state, const Terms& terms, const Placement& placement,
                      const ReadyKey& rank, Instant at, Instant end_by);
  PlannedJob* FindPlanned(JobId job);  // null when it has no place
  Track* FindTrack(NodeIndex node, uint32_t lane);
  void FindKinds(const State& state);
  void RemovePlace(const PlannedJob& job, const Place& place);
  void LoseAll(const std::vector<Track::Hold>& displaced, std::vector<ReadyKey>& lost);
  void FirstStartMoved(JobId job, Instant before, Instant after);

  std::vector<NodeIndex> order_;
  std::vector<uint32_t> places_;
  std::vector<uint32_t> kinds_;
  std::vector<NodePlan> nodes_;
  LicensePlan licenses_;
  std::vector<NodeIndex> changed_;
  std::vector<NodeIndex> grown_;
  std::vector<NodeIndex> improving_;   // got room before the improvement that is going on
  std::vector<NodeIndex> to_improve_;  // and since
  NodeBits usable_;
  NodeBits free_now_;
  absl::btree_set<std::pair<Instant, NodeIndex>> ends_;  // when the first job of a node is to end
  IdMap<std::unique_ptr<PlannedJob>> planned_;
  absl::btree_set<std::pair<Instant, JobId>> starts_;
  Track::Scratch scratch_;
  uint64_t grown_epoch_ = 1;
  uint64_t room_epoch_ = 1;
  uint64_t work_ = 0;
  bool availability_changed_ = false;
};

// What the node has for a job of that rank from now on until then. The plan counts; what is there
// now is what the ids of CPUs and GPUs come from.
Offer OfferFromNow(const State& state, const Terms& terms, NodeIndex node, const ReadyKey& rank,
                   Track::View view, Instant now, Instant until, Track::Scratch& scratch);
// Has the cluster those licences for it from now on until then? The pool knows what is there now.
// `from_reserve` (may be null) is told of which some are kept for it.
bool LicensedFromNow(const State& state, const LicenseTerms& licenses, const ReadyKey& rank,
                     Track::View view, Instant now, Instant until,
                     FromReserve* from_reserve = nullptr);

// What reservations keep of the cluster's licences.
std::vector<LicensePlan::Reserve> ReservesOf(const State& state);

}  // namespace reeve::ctld
