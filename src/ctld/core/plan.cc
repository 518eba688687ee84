#include "ctld/core/plan.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "ctld/core/cluster_state.h"
#include "ctld/core/resume_queue.h"

namespace reeve::ctld {
namespace {

int32_t Clamp(uint64_t value) {
  return static_cast<int32_t>(std::min<uint64_t>(value, INT32_MAX));
}

// When the job is to have left; what is past its end leaves after `grace`.
absl::Time EndOf(const Job& job, absl::Time now, absl::Duration grace) {
  if (job.Completing()) return now + grace;
  const absl::Duration limit =
      job.shape != nullptr ? job.shape->PlanningTime() : absl::Hours(24 * 365);
  // It has all of its time left whenever it is resumed, at once at the earliest.
  if (job.Suspended()) return now + std::max(job.end_time - job.suspension->time, grace);
  // The limit may have been changed since the start: end_time knows, when there is one.
  const absl::Time end = IsSet(job.end_time) ? absl::Time(job.end_time) : job.start_time + limit;
  return end > now ? end : now + grace;
}

Room RoomOf(const Node& node, const Node::Use& use) {
  if (use.whole) return AllOf(node);
  Room room{Clamp(use.cpus.Count()), Clamp(use.mem_mb), {}};
  if (!use.gres.empty()) room.gres = node.stock.CountsOf(use.gres);
  return room;
}

}  // namespace

Track::Use UseOf(const State& state, const Node& node, JobId id, const Node::Use& use,
                 absl::Time now, absl::Duration grace) {
  Track::Use track{RoomOf(node, use), EndOfJob(state, id, now, grace), use.sole_user};
  track.sharing = use.sharing;
  if (use.sharing.Shares()) track.cores = use.cpus;
  const Job* job = state.FindJob(id);
  if (job != nullptr && IsSuspendedForOthers(*job)) ClaimCpus(state, *job, node, track);
  return track;
}

Instant EndOfJob(const State& state, JobId id, absl::Time now, absl::Duration grace) {
  const Job* job = state.FindJob(id);
  if (job != nullptr && IsSuspendedForOthers(*job)) return EndWhenResumed(state, *job);
  return ToInstant(job == nullptr ? now + grace : EndOf(*job, now, grace));
}

Room AllOf(const Node& node) {
  return {Clamp(node.cpus), Clamp(node.real_memory_mb), node.stock.all()};
}

Room RoomOf(const Terms& terms, const Node& node, const Placement::Part& part) {
  if (terms.exclusive) return AllOf(node);
  return {Clamp(std::max(part.cpus, part.sure_cpus)), Clamp(part.mem_mb), part.gres};
}

Offer OfferOf(NodeIndex index, const Node& node, const Room& room) {
  return {index, &node, static_cast<uint32_t>(std::clamp<int64_t>(room.cpus, 0, node.cpus)),
          static_cast<uint64_t>(std::max(room.mem_mb, 0)), room.gres};
}

void Plan::Reset(const State& state) {
  const size_t count = state.nodes.size();
  order_.resize(count);
  for (NodeIndex i = 0; i < count; ++i) order_[i] = i;
  std::sort(order_.begin(), order_.end(), [&](NodeIndex a, NodeIndex b) {
    const Node& left = *state.nodes[a];
    const Node& right = *state.nodes[b];
    return std::tuple(left.weight, left.order, a) < std::tuple(right.weight, right.order, b);
  });
  places_.resize(count);
  for (size_t place = 0; place < count; ++place) {
    places_[order_[place]] = static_cast<uint32_t>(place);
  }
  FindKinds(state);
  nodes_.clear();
  nodes_.resize(count);
  changed_.clear();
  grown_.clear();
  improving_.clear();
  to_improve_.clear();
  usable_ = free_now_ = NodeBits(count);
  ends_.clear();
  planned_.clear();
  starts_.clear();
  for (NodeIndex i = 0; i < count; ++i) NodeChanged(i);
  licenses_.Reset(state.licenses.entries().size(), ReservesOf(state));
  availability_changed_ = true;
}

void Plan::FindKinds(const State& state) {
  using Facts = std::tuple<uint32_t, uint32_t, uint32_t, uint32_t, uint64_t, uint64_t,
                           std::vector<std::string>, std::string>;
  std::map<Facts, uint32_t> known;
  kinds_.clear();
  for (const std::unique_ptr<Node>& node : state.nodes) {
    const Facts facts(node->cpus, node->sockets, node->cores_per_socket, node->threads_per_core,
                      node->real_memory_mb, node->tmp_disk_mb, node->features, node->gres);
    kinds_.push_back(known.emplace(facts, static_cast<uint32_t>(known.size())).first->second);
  }
}

void Plan::NodeChanged(NodeIndex node) {
  if (node >= nodes_.size() || nodes_[node].changed) return;
  nodes_[node].changed = true;
  changed_.push_back(node);
}

bool Plan::Follows(const Node& node, NodeIndex index) const {
  if (nodes_[index].changed) return true;
  return usable_.Test(places_[index]) == node.Usable() &&
         nodes_[index].free_cpus == (node.Usable() ? node.FreeCpus() : 0);
}

void Plan::Grown(NodeIndex node) {
  grown_epoch_++;
  if (!nodes_[node].improves) to_improve_.push_back(node);
  nodes_[node].improves = true;
  if (nodes_[node].grown) return;
  nodes_[node].grown = true;
  grown_.push_back(node);
}

std::vector<NodeIndex> Plan::TakeGrown() {
  for (NodeIndex node : grown_) nodes_[node].grown = false;
  return std::exchange(grown_, {});
}

std::vector<ReadyKey> Plan::Refresh(const State& state, absl::Time now, absl::Duration grace) {
  const Instant instant = ToInstant(now);
  for (auto it = ends_.begin(); it != ends_.end() && it->first <= instant; ++it) {
    NodeChanged(it->second);
  }
  std::vector<ReadyKey> lost;
  // Losing a place may make another node's room grow, which changes nothing in what it is.
  const std::vector<NodeIndex> changed = std::exchange(changed_, {});
  for (NodeIndex node : changed) RefreshNode(state, node, now, grace, lost);
  RefreshLicenses(state, now, grace, lost);
  return lost;
}

namespace {

// What runs never gives room back without being gone, except when its end was moved.
bool HasGrown(const Curve& before, const Curve& after) {
  if (before.empty()) return true;
  const Profile now = after.View();
  for (size_t i = 0; i < now.size(); ++i) {
    if (!LeastFree(before.View(), now.from(i), now.until(i)).Holds(now.free(i))) return true;
  }
  return false;
}

// Until when somebody runs who shares the node with such jobs (Track::Use::sole_user).
using LastEnds = absl::InlinedVector<std::pair<uint32_t, Instant>, 2>;

LastEnds LastEndsOf(const std::vector<Track::Use>& running) {
  LastEnds ends;
  for (const Track::Use& use : running) {
    const auto known = std::find_if(ends.begin(), ends.end(),
                                    [&](const auto& end) { return end.first == use.sole_user; });
    if (known == ends.end()) {
      ends.emplace_back(use.sole_user, use.until);
    } else {
      known->second = std::max(known->second, use.until);
    }
  }
  return ends;
}

// Whoever does not share the node with them may have it sooner. Their room need not tell: a
// suspended job has no CPUs.
bool LeaveSooner(const LastEnds& before, const LastEnds& after) {
  return std::any_of(before.begin(), before.end(), [&](const auto& had) {
    return std::none_of(after.begin(), after.end(), [&](const auto& has) {
      return has.first == had.first && has.second >= had.second;
    });
  });
}

// Where CPUs are shared, who leaves may leave room that nobody else sees.
bool SharesLess(const std::vector<Track::Use>& before, const std::vector<Track::Use>& after) {
  return std::any_of(before.begin(), before.end(), [&](const Track::Use& had) {
    return had.sharing.Shares() &&
           std::none_of(after.begin(), after.end(), [&](const Track::Use& has) {
             return has.sharing == had.sharing && has.until >= had.until &&
                    has.cores.ContainsAll(had.cores) && has.cpus_from <= had.cpus_from;
           });
  });
}

}  // namespace

void Plan::RefreshLicenses(const State& state, absl::Time now, absl::Duration grace,
                           std::vector<ReadyKey>& lost) {
  const auto end_of = [&](JobId id) { return EndOfJob(state, id, now, grace); };
  std::vector<Track::Hold> displaced;
  if (licenses_.Refresh(state.licenses, ToInstant(now), end_of, displaced)) {
    grown_epoch_++;
    room_epoch_++;
  }
  LoseAll(displaced, lost);
}

namespace {

// Are the tracks of that lane those of jobs without a reservation?
bool IsShared(uint32_t lane) {
  return lane == 0 || (lane & kOpenLane) != 0;
}

}  // namespace

Track* Plan::FindTrack(NodeIndex node, uint32_t lane) {
  NodePlan& plan = nodes_[node];
  if (IsShared(lane)) return &plan.track;
  for (Lane& reserved : plan.reserved) {
    if (reserved.lane == lane) return &reserved.track;
  }
  return nullptr;
}

const Track& Plan::track(NodeIndex node, uint32_t lane) const {
  static const Track kClosed = [] {
    Track track;
    (void)track.Build({}, {});
    return track;
  }();
  const Track* found = const_cast<Plan*>(this)->FindTrack(node, lane);
  return found == nullptr ? kClosed : *found;
}

bool Plan::RefreshTracks(const State& state, NodeIndex index, absl::Time now, absl::Duration grace,
                         std::vector<ReadyKey>& lost) {
  const Node& node = *state.nodes[index];
  NodePlan& plan = nodes_[index];
  std::vector<Track::Use> running;
  for (const auto& [id, use] : node.jobs) {
    running.push_back(UseOf(state, node, id, use, now, grace));
  }
  bool grown = LeaveSooner(LastEndsOf(plan.track.running()), LastEndsOf(running));
  grown = grown || SharesLess(plan.track.running(), running);
  const auto build = [&](Track& track, const Reservation* of) {
    const Curve before = track.base();
    LoseAll(track.Build(AllOf(node), running, state.reservations.ClosedTo(index, of)), lost);
    grown = grown || HasGrown(before, track.base());
  };
  build(plan.track, nullptr);
  const std::vector<const Reservation*>& reservations = state.reservations.On(index);
  for (const Reservation* reservation : reservations) {
    if (reservation->IsOpen()) continue;
    if (FindTrack(index, reservation->lane) == nullptr) {
      plan.reserved.push_back({reservation->lane, {}});
    }
    build(*FindTrack(index, reservation->lane), reservation);
  }
  plan.gates = state.reservations.GatesOn(index);
  return grown;
}

void Plan::RefreshNode(const State& state, NodeIndex index, absl::Time now, absl::Duration grace,
                       std::vector<ReadyKey>& lost) {
  const Node& node = *state.nodes[index];
  NodePlan& plan = nodes_[index];
  plan.changed = false;
  const bool more_room = RefreshTracks(state, index, now, grace, lost);
  if (plan.first_end != kNever) ends_.erase({plan.first_end, index});
  plan.first_end = plan.track.first_end();
  if (plan.first_end != kNever) ends_.insert({plan.first_end, index});

  const size_t place = places_[index];
  const bool was_usable = usable_.Test(place);
  usable_.Set(place, node.Usable());
  const uint32_t free_cpus = node.Usable() ? node.FreeCpus() : 0;
  free_now_.Set(place, free_cpus > 0 || (node.Usable() && AnyCpuToShare(state, node)));
  if (was_usable != node.Usable()) {
    availability_changed_ = true;
    if (was_usable) {
      LoseAll(plan.track.holds(), lost);
      for (const Lane& reserved : plan.reserved) LoseAll(reserved.track.holds(), lost);
    }
  }
  if (!node.Usable()) {
    plan.free_cpus = 0;
    return;
  }
  const bool grown = !was_usable || more_room || free_cpus > plan.free_cpus;
  plan.free_cpus = free_cpus;
  if (!grown) return;
  room_epoch_++;
  Grown(index);
}

void Plan::LoseAll(const std::vector<Track::Hold>& displaced, std::vector<ReadyKey>& lost) {
  std::vector<JobId> jobs;
  for (const Track::Hold& hold : displaced) jobs.push_back(hold.rank.job);
  for (JobId job : jobs) {
    const PlannedJob* planned = Find(job);
    if (planned == nullptr) continue;
    lost.push_back(planned->key);
    Drop(job);
  }
}

std::vector<ReadyKey> Plan::Keep(const State& state, const ReadyKey& key, const Terms& terms,
                                 const Start& start) {
  std::unique_ptr<PlannedJob>& planned = planned_[key.job];
  if (planned == nullptr) {
    planned = std::make_unique<PlannedJob>();
    planned->key = key;
  }
  PlannedJob& job = *planned;
  const Instant before = job.places.empty() ? kNever : job.places.front().at;
  Place place{start.at, terms.lane, {}};
  place.nodes.reserve(start.placement.parts.size());
  for (const Placement::Part& part : start.placement.parts) place.nodes.push_back(part.index);
  const auto later = std::find_if(job.places.begin(), job.places.end(),
                                  [&](const Place& p) { return p.at > start.at; });
  job.places.insert(later, std::move(place));
  FirstStartMoved(key.job, before, job.places.front().at);

  const Instant until = start.at + start.length;
  std::vector<ReadyKey> lost;
  for (const Placement::Part& part : start.placement.parts) {
    const Room room = RoomOf(terms, *state.nodes[part.index], part);
    const Track::Hold hold{start.at, until, room, key, terms.sole_user, terms.sharing};
    LoseAll(FindTrack(part.index, terms.lane)->Add(hold), lost);
  }
  if (terms.licenses.Any()) {
    LoseAll(licenses_.Add(terms.licenses, start.from_reserve, key, start.at, until), lost);
  }
  return lost;
}

void Plan::BeginImproving() {
  for (NodeIndex node : improving_) nodes_[node].improves = false;
  improving_ = std::exchange(to_improve_, {});
  licenses_.BeginImproving();
}

bool Plan::MayMoveEarlier(const State& state, const ReadyKey& key, const Terms& terms,
                          const NodeBits& fits, Instant from, Instant before) {
  before = std::min(before, FindPlanned(key.job)->places.back().at);
  const Instant length = terms.least_time;
  if (terms.licenses.Any()) {
    const LicenseSight sight(licenses_, terms.licenses, key, Track::View::kOthers, before + length);
    work_ += sight.size();
    if (sight.FirstFit(length, from, before) >= before) return false;
    if (licenses_.MayImprove(terms.licenses)) return true;
  }
  LeastRooms least(*this, state, terms);
  for (const std::vector<NodeIndex>* nodes : {&improving_, &to_improve_}) {
    for (NodeIndex node : *nodes) {
      if (!usable_.Test(places_[node]) || !fits.Test(places_[node])) continue;
      work_++;
      const Profile profile =
          Seen(node, terms, key, Track::View::kOthers, before + length, scratch_);
      if (FirstFit(profile, least.Of(node), length, from, before) < before) return true;
    }
  }
  return false;
}

bool Plan::MoveEarlier(const State& state, const ReadyKey& key, const Terms& terms,
                       absl::Span<const NodeIndex> nodes, When when) {
  PlannedJob& planned = *FindPlanned(key.job);
  const Place place = planned.places.back();
  when.before = std::min(when.before, place.at);
  std::vector<Track::Hold> holds;
  for (NodeIndex node : place.nodes) {
    holds.push_back(*FindTrack(node, place.lane)->Remove(key, place.at));
  }
  const LicensePlan::Lifted licensed = licenses_.TakeUp(key, place.at);
  const std::optional<Start> start = Find(state, terms, nodes, kLastRank, when);
  licenses_.PutBack(licensed);
  for (size_t i = 0; i < place.nodes.size(); ++i) {
    FindTrack(place.nodes[i], place.lane)->Add(holds[i]);
  }
  if (!start.has_value()) return false;
  planned.places.pop_back();
  if (planned.places.empty()) FirstStartMoved(key.job, place.at, kNever);
  RemovePlace(planned, place);
  (void)Keep(state, key, terms, *start);  // displaces nobody: all were seen
  return true;
}

void Plan::RemovePlace(const PlannedJob& job, const Place& place) {
  for (NodeIndex node : place.nodes) {
    FindTrack(node, place.lane)->Remove(job.key, place.at);
    Grown(node);
  }
  (void)licenses_.Remove(job.key, place.at);
}

void Plan::Drop(JobId job) {
  const std::unique_ptr<PlannedJob> planned = planned_.Take(job);
  if (planned == nullptr) return;
  FirstStartMoved(job, planned->places.front().at, kNever);
  for (const Place& place : planned->places) RemovePlace(*planned, place);
}

void Plan::DropFirstPlace(JobId job) {
  PlannedJob* found = FindPlanned(job);
  if (found == nullptr) return;
  PlannedJob& planned = *found;
  if (planned.places.size() == 1) return Drop(job);
  const Place place = planned.places.front();
  planned.places.erase(planned.places.begin());
  FirstStartMoved(job, place.at, planned.places.front().at);
  RemovePlace(planned, place);
}

void Plan::Shorten(JobId job, size_t places) {
  PlannedJob* found = FindPlanned(job);
  if (found == nullptr) return;
  if (places == 0) return Drop(job);
  PlannedJob& planned = *found;
  while (planned.places.size() > places) {
    RemovePlace(planned, planned.places.back());
    planned.places.pop_back();
  }
}

Profile Plan::BehindGates(NodeIndex node, const Terms& terms, const Profile& room,
                          Track::Scratch& scratch) const {
  const std::vector<ReservationTable::Gate>& gates = nodes_[node].gates;
  if (!IsShared(terms.lane) || (gates.empty() && terms.not_in == nullptr)) return room;
  std::vector<Interval>& closed = scratch.closed;
  closed.clear();
  if (terms.not_in != nullptr) closed = *terms.not_in;
  for (const ReservationTable::Gate& gate : gates) {
    if (std::count(gate.open_to.begin(), gate.open_to.end(), terms.lane) > 0) continue;
    closed.push_back(gate.time);
  }
  return closed.empty() ? room : Without(room, closed, scratch.gated);
}

Profile Plan::Seen(NodeIndex node, const Terms& terms, const ReadyKey& rank, Track::View view,
                   Instant until, Track::Scratch& scratch) const {
  const auto seen = [&](const Track& track) {
    return track.SeenBy(rank, view, until, scratch, terms.sole_user, terms.sharing);
  };
  const NodePlan& plan = nodes_[node];
  if (terms.lane == 0 && terms.not_in == nullptr && plan.gates.empty()) return seen(plan.track);
  return BehindGates(node, terms, seen(track(node, terms.lane)), scratch);
}

Plan::PlannedJob* Plan::FindPlanned(JobId job) {
  const std::unique_ptr<PlannedJob>* planned = planned_.Find(job);
  return planned == nullptr ? nullptr : planned->get();
}

void Plan::FirstStartMoved(JobId job, Instant before, Instant after) {
  if (before == after) return;
  if (before != kNever) starts_.erase({before, job});
  if (after != kNever) starts_.insert({after, job});
}

std::vector<JobId> Plan::Due(Instant now) const {
  std::vector<JobId> jobs;
  for (auto it = starts_.begin(); it != starts_.end() && it->first <= now; ++it) {
    jobs.push_back(it->second);
  }
  return jobs;
}

Offer OfferFromNow(const State& state, const Terms& terms, NodeIndex index, const ReadyKey& rank,
                   Track::View view, Instant now, Instant until, Track::Scratch& scratch) {
  const Node& node = *state.nodes[index];
  if (!SharesWith(terms, node)) return {index, &node, 0, 0, {}};
  const Profile profile = state.plan.Seen(index, terms, rank, view, until, scratch);
  Offer offer = OfferOf(index, node, LeastFree(profile, now, until));
  offer.cpus = std::min(offer.cpus, node.FreeCpusFor(terms.sharing));
  offer.mem_mb = std::min(offer.mem_mb, node.FreeMem());
  offer.gres.KeepLeast(node.FreeGres());
  offer.now = true;
  return offer;
}

bool LicensedFromNow(const State& state, const LicenseTerms& licenses, const ReadyKey& rank,
                     Track::View view, Instant now, Instant until, FromReserve* from_reserve) {
  if (!licenses.Any()) return true;
  if (!state.licenses.HasFree(licenses)) return false;
  const LicenseSight sight(state.plan.licenses(), licenses, rank, view, until);
  if (sight.FreeUntil(now, until, until - now) < until) return false;
  if (from_reserve != nullptr) *from_reserve = sight.InReserve(now, until);
  return true;
}

std::vector<LicensePlan::Reserve> ReservesOf(const State& state) {
  std::vector<LicensePlan::Reserve> reserves;
  for (const auto& [name, reservation] : state.reservations.all()) {
    for (LicenseIndex i = 0; i < state.licenses.entries().size(); ++i) {
      const uint32_t count = reservation->CountOf(state.licenses.entries()[i].name);
      if (count == 0) continue;
      const bool returns = reservation->Period() > absl::ZeroDuration();
      reserves.push_back({i, reservation->lane, count, Occurrences(*reservation), returns});
    }
  }
  return reserves;
}

}  // namespace reeve::ctld
