#include "ctld/core/reservations.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/features.h"

namespace reeve::ctld {
namespace {

// So long ago a new one may have begun.
constexpr absl::Duration kPast = absl::Minutes(1);

bool RunsIn(const Job& job, const Reservation& reservation) {
  return job.HoldsResources() && job.shape->reservation == reservation.name;
}

// ---- nodes ------------------------------------------------------------------------------------

class NodeChooser {
 public:
  NodeChooser(const State& state, const Reservation& reservation)
      : state_(state), reservation_(reservation) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    if (reservation_.Has(kReservationAllNodes)) return CheckAll(NamesOf(*Candidates()));
    if (reservation_.node_count == 0) return CheckAll(reservation_.nodes);
    return Choose();
  }

 private:
  // Of the partition, or all there are.
  absl::StatusOr<std::vector<NodeIndex>> Candidates() const {
    std::vector<NodeIndex> all(state_.nodes.size());
    for (NodeIndex i = 0; i < all.size(); ++i) all[i] = i;
    const bool any = reservation_.Has(kReservationAnyNodes | kReservationAllNodes);
    if (reservation_.partition.empty() && any) return all;
    for (PartitionIndex i = 0; i < state_.partitions.size(); ++i) {
      const PartitionEntry& entry = state_.partitions[i];
      const bool wanted = reservation_.partition.empty()
                              ? i == state_.DefaultPartition()
                              : entry.facts.name == reservation_.partition;
      if (wanted) return entry.nodes;
    }
    return Refuse(kInvalidPartition);
  }

  std::vector<std::string> NamesOf(const std::vector<NodeIndex>& nodes) const {
    std::vector<std::string> names;
    for (NodeIndex i : nodes) names.push_back(state_.nodes[i]->name);
    return names;
  }

  // Those asked for by name, all of them.
  absl::StatusOr<std::vector<std::string>> CheckAll(const std::vector<std::string>& names) const {
    if (names.empty()) return Refuse(kInvalidNodeName);
    std::vector<NodeIndex> nodes;
    for (const std::string& name : names) {
      const auto found = state_.node_index.find(name);
      if (found == state_.node_index.end()) return Refuse(kInvalidNodeName);
      nodes.push_back(found->second);
    }
    std::sort(nodes.begin(), nodes.end());
    for (NodeIndex i : nodes) {
      if (IsReserved(i)) return Refuse(kReservationOverlaps);
    }
    for (NodeIndex i : nodes) {
      if (IsBusy(i)) return Refuse(kNodesBusy);
    }
    return NamesOf(nodes);
  }

  absl::StatusOr<std::vector<std::string>> Choose() const {
    absl::StatusOr<std::vector<NodeIndex>> candidates = Candidates();
    if (!candidates.ok()) return candidates.status();
    const absl::StatusOr<FeatureExpr> features = ParseFeatures(reservation_.features);
    if (!features.ok()) return features.status();
    if (!features->groups.empty()) {
      return Refuse(kInvalidFeature,
                    "counts and brackets are not for reservations: " + reservation_.features);
    }
    const size_t wanted = reservation_.node_count;
    std::vector<NodeIndex> free;
    std::vector<NodeIndex> busy;
    for (NodeIndex i : *candidates) {
      const Node& node = *state_.nodes[i];
      if (!features->Matches(node)) continue;
      if (!node.Usable() || IsReserved(i)) continue;
      (IsBusy(i) ? busy : free).push_back(i);
    }
    if (free.size() < wanted) {
      return candidates->size() < wanted ? Refuse(kNodeConfig) : Refuse(kNodesBusy);
    }
    // Those it has already are kept.
    std::stable_partition(free.begin(), free.end(),
                          [&](NodeIndex i) { return reservation_.Covers(state_.nodes[i]->name); });
    free.resize(wanted);
    std::sort(free.begin(), free.end());
    return NamesOf(free);
  }

  bool IsReserved(NodeIndex node) const {
    for (const Reservation* other : state_.reservations.On(node)) {
      if (other->name == reservation_.name) continue;
      if (reservation_.TakesFromOthers() || other->TakesFromOthers()) continue;
      if (!AreApart(reservation_, *other)) return true;
    }
    return false;
  }

  bool IsBusy(NodeIndex node) const {
    if (reservation_.Has(kReservationIgnoreJobs)) return false;
    for (const auto& [id, use] : state_.nodes[node]->jobs) {
      const Job* job = state_.FindJob(id);
      if (job == nullptr || RunsIn(*job, reservation_)) continue;
      if (job->Completing() || job->time_limit == absl::InfiniteDuration()) return true;
      if (job->end_time > reservation_.start) return true;
    }
    return false;
  }

  const State& state_;
  const Reservation& reservation_;
};

// ---- licences ---------------------------------------------------------------------------------

// Those of one time are no more than there are. (Jobs may still have some when it begins.)
absl::Status CheckLicenses(const State& state, const Reservation& made) {
  const std::string missing = MissingLicenses(made.licenses, state.settings.licenses);
  if (!missing.empty()) return Refuse(kInvalidLicense, missing);
  for (const License& license : made.licenses) {
    uint64_t kept = license.count;
    for (const auto& [name, other] : state.reservations.all()) {
      if (name != made.name && !AreApart(made, *other)) kept += other->CountOf(license.name);
    }
    const auto there = std::find_if(state.settings.licenses.begin(), state.settings.licenses.end(),
                                    [&](const License& l) { return l.name == license.name; });
    if (kept <= there->count) continue;
    return Refuse(kInvalidLicense,
                  StrCat(kept, " of licence ", license.name,
                         " would be reserved at a time, the cluster has ", there->count));
  }
  return absl::OkStatus();
}

// ---- what follows -----------------------------------------------------------------------------

void ShowOn(Context& context, Node& node) {
  const State& state = context.state;
  std::string name;
  bool maint = false;
  for (const Reservation* reservation : state.reservations.On(state.node_index.at(node.name))) {
    if (!reservation->ActiveAt(context.now)) continue;
    if (maint && !reservation->Has(kReservationMaint)) continue;
    name = reservation->name;
    maint = reservation->Has(kReservationMaint);
  }
  if (node.reservation == name && node.maint == maint) return;
  node.reservation = name;
  node.maint = maint;
  context.Shown(node);
}

// The table is another one: the plan begins anew, since rooms of all kinds have moved.
void Follow(Context& context) {
  State& state = context.state;
  const bool any_magnetic = !state.reservations.magnetic().empty();
  state.reservations.Index(state.node_index);
  for (const std::unique_ptr<Node>& node : state.nodes) ShowOn(context, *node);
  state.backlog.stale = true;
  context.effects.schedule = true;
  // Which of them a job is tried in is a matter of its shape.
  if (!any_magnetic && state.reservations.magnetic().empty()) return;
  for (JobId id : state.backlog.Jobs()) Reconsider(context, *state.FindJob(id));
}

void Watch(Context& context, const Reservation& reservation) {
  const absl::Time next = reservation.start > context.now ? reservation.start : reservation.end;
  context.state.timers.Add(next, {TimerKind::kReservation, {}, {}, {}});
}

void Keep(Context& context, Reservation reservation) {
  const Reservation& kept = context.state.reservations.Put(std::move(reservation));
  context.effects.reservations_to_store.push_back(kept.name);
  Watch(context, kept);
}

void Remove(Context& context, const std::string& name) {
  context.state.reservations.Remove(name);
  context.effects.reservations_removed.push_back(name);
}

bool IsUsed(const State& state, const Reservation& reservation) {
  return std::any_of(state.active.begin(), state.active.end(),
                     [&](JobId id) { return RunsIn(*state.FindJob(id), reservation); });
}

// ---- the event --------------------------------------------------------------------------------

absl::StatusOr<Reservation> Make(Context& context, const SetReservation& event) {
  const State& state = context.state;
  Reservation made;
  made.start = context.now;
  made.end = absl::InfiniteFuture();
  const bool create = event.action == ReservationAction::kCreate;
  if (!create) {
    const Reservation* known = state.reservations.Find(event.name);
    if (known == nullptr) return Refuse(kReservationInvalid);
    made = *known;
  } else if (state.reservations.Find(event.name) != nullptr) {
    return Refuse(kReservationNameTaken);
  }
  const bool begun = !create && made.ActiveAt(context.now);
  const absl::Time start = made.start;
  if (absl::Status status = ChangeReservation(made, event.changes, context.now); !status.ok()) {
    return status;
  }
  if (begun && made.start != start) return Refuse(kInvalidTime, "Reservation already started");
  if (create && made.start < context.now - kPast) return Refuse(kInvalidTime);
  if (!made.partition.empty() &&
      const_cast<State&>(state).FindPartition(made.partition) == nullptr) {
    return Refuse(kInvalidPartition);
  }
  if (made.WithoutNodes() && made.licenses.empty()) return Refuse(kInvalidNodeCount);
  if (made.WithoutNodes() && !made.Has(kReservationAnyNodes)) {
    return Refuse(kInvalidNodeCount, "licences without nodes need Flags=LICENSE_ONLY");
  }
  made.name = event.name;
  if (made.name.empty()) {
    made.name = state.reservations.NewName(!made.users.empty()    ? made.users[0]
                                           : !made.groups.empty() ? made.groups[0]
                                                                  : made.accounts[0]);
  }
  if (absl::Status status = CheckLicenses(state, made); !status.ok()) return status;
  if (made.WithoutNodes()) return made;
  absl::StatusOr<std::vector<std::string>> nodes = NodeChooser(state, made).Run();
  if (!nodes.ok()) return nodes.status();
  made.nodes = *std::move(nodes);
  return made;
}

}  // namespace

void HandleSetReservation(Context& context, const SetReservation& event) {
  State& state = context.state;
  std::string name = event.name;
  if (event.action == ReservationAction::kDelete) {
    const Reservation* known = state.reservations.Find(name);
    if (known == nullptr) return context.Reply(event.call, Refuse(kReservationInvalid));
    if (IsUsed(state, *known)) return context.Reply(event.call, Refuse(kReservationBusy));
    Remove(context, name);
  } else {
    absl::StatusOr<Reservation> made = Make(context, event);
    if (!made.ok()) return context.Reply(event.call, made.status());
    name = made->name;
    Keep(context, *std::move(made));
  }
  Follow(context);
  context.Log(LogLevel::kInfo, StrCat("reservation ", name, ": ",
                                      event.action == ReservationAction::kCreate   ? "created"
                                      : event.action == ReservationAction::kDelete ? "deleted"
                                                                                   : "updated",
                                      " by ", event.caller.user_name));
  context.Reply(event.call, ReservationAnswer{name});
}

void CheckReservations(Context& context) {
  State& state = context.state;
  std::vector<std::string> over;
  std::vector<Reservation> again;
  for (const auto& [name, reservation] : state.reservations.all()) {
    if (reservation->end > context.now) {
      Watch(context, *reservation);
    } else if (reservation->Period() > absl::ZeroDuration()) {
      again.push_back(*reservation);
    } else {
      over.push_back(name);
    }
  }
  for (Reservation& reservation : again) {
    while (reservation.end <= context.now) {
      reservation.start += reservation.Period();
      reservation.end += reservation.Period();
    }
    Keep(context, std::move(reservation));
  }
  for (const std::string& name : over) {
    context.Log(LogLevel::kInfo, StrCat("reservation ", name, ": is over"));
    Remove(context, name);
  }
  if (!again.empty() || !over.empty()) return Follow(context);
  for (const std::unique_ptr<Node>& node : state.nodes) ShowOn(context, *node);
  // One that begins opens its nodes to its jobs, without any of the plan's facts having changed.
  for (const auto& [name, reservation] : state.reservations.all()) {
    if (!reservation->ActiveAt(context.now)) continue;
    for (const std::string& node : reservation->nodes) {
      state.plan.Grown(state.node_index.at(node));
    }
  }
  context.effects.schedule = true;
}

void FollowNodes(Context& context) {
  State& state = context.state;
  std::vector<Reservation> smaller;
  for (const auto& [name, reservation] : state.reservations.all()) {
    Reservation left = *reservation;
    std::erase_if(left.nodes,
                  [&](const std::string& node) { return !state.node_index.contains(node); });
    if (left.nodes.size() < reservation->nodes.size()) smaller.push_back(std::move(left));
  }
  for (Reservation& reservation : smaller) {
    context.Log(LogLevel::kWarning, StrCat("reservation ", reservation.name, ": has ",
                                           reservation.nodes.size(), " nodes left"));
    Keep(context, std::move(reservation));
  }
  Follow(context);
}

void RestoreReservations(Context& context, std::vector<Reservation> stored) {
  for (Reservation& reservation : stored) {
    Watch(context, context.state.reservations.Put(std::move(reservation)));
  }
  FollowNodes(context);
}

}  // namespace reeve::ctld
