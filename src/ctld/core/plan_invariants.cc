// The plan counted over, hold by hold, without the tracks' step functions.
#include <algorithm>
#include <optional>
#include <set>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/het_select.h"
#include "ctld/core/invariants.h"
#include "ctld/core/share_invariants.h"

namespace reeve::ctld {
namespace {

class PlanChecker {
 public:
  PlanChecker(const State& state, absl::Time now) : state_(state), now_(ToInstant(now)) {}

  std::vector<std::string> Run() {
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) {
      if (!state_.plan.Changed(i)) CheckNode(i);
    }
    if (state_.plan.licenses().AnyChanged()) return found_;
    for (LicenseIndex i = 0; i < state_.plan.licenses().size(); ++i) CheckLicense(i);
    CheckLicensesOfJobs();
    CheckSwitches();
    if (state_.PlanIsBehind()) return found_;  // a pass is still to come
    for (const auto& queue : state_.backlog.queues()) {
      if (queue->waits()) CheckWaits(*queue);
    }
    return found_;
  }

 private:
  // What is left at one time beside running jobs and holds that rank above `below` (or all).
  Room LeftAt(NodeIndex index, uint32_t lane, Instant at, const ReadyKey* below,
              const Sharing& viewer = {}) const {
    const Track& track = state_.plan.track(index, lane);
    const Node& node = *state_.nodes[index];
    Room left{static_cast<int32_t>(node.cpus), static_cast<int32_t>(node.real_memory_mb),
              node.stock.all()};
    const auto take = [&](const Room& room) { left.Add(-room); };
    for (const Track::Use& use : track.running()) {
      Room room = use.room;
      if (at < use.cpus_from) room.cpus = 0;
      if (at < use.until) take(room);
    }
    for (const Track::Hold& hold : track.holds()) {
      if (below != nullptr && !(hold.rank < *below)) continue;
      if (hold.from <= at && at < hold.until) take(hold.room);
    }
    if (track.AnySharing()) left.cpus = CpusLeftAt(node, track, at, below, viewer);
    return left;
  }

  static bool IsOn(const Reservation& reservation, Instant at) {
    const std::vector<Interval> times = Occurrences(reservation);
    return std::any_of(times.begin(), times.end(),
                       [&](const Interval& time) { return time.from <= at && at < time.until; });
  }

  // May jobs of that reservation (null: of none) have something of the node then?
  bool IsOpen(NodeIndex index, const Reservation* of, Instant at) const {
    if (of != nullptr && !of->Has(kReservationFlex) && !IsOn(*of, at)) return false;
    if (of != nullptr && !of->IsOpen() && !of->Covers(state_.nodes[index]->name)) return false;
    const bool takes =
        of != nullptr && of->Covers(state_.nodes[index]->name) && of->TakesFromOthers();
    for (const Reservation* other : state_.reservations.On(index)) {
      if (other == of || takes) continue;
      const bool beyond =
          other->Period() > absl::ZeroDuration() && at >= Occurrences(*other).back().until;
      if (beyond || IsOn(*other, at)) return false;
    }
    return true;
  }

  // Of the reservations that a planned job may be in, on tracks of that lane; null: in none.
  std::vector<const Reservation*> MayBeIn(JobId job, uint32_t lane) const {
    if (lane != 0) return {state_.reservations.OfLane(lane)};
    const Shape& shape = *state_.FindJob(job)->shape;
    std::vector<const Reservation*> all;
    if (shape.reservation.empty()) all.push_back(nullptr);
    for (const auto& [name, reservation] : state_.reservations.all()) {
      const bool its = name == shape.reservation || Contains(shape.magnets, name);
      if (its && reservation->IsOpen()) all.push_back(reservation.get());
    }
    return all;
  }

  void CheckNode(NodeIndex index) {
    CheckTrack(index, 0);
    for (const Reservation* reservation : state_.reservations.On(index)) {
      if (!reservation->IsOpen()) CheckTrack(index, reservation->lane);
    }
  }

  void CheckTrack(NodeIndex index, uint32_t lane) {
    for (const Track::Hold& hold : state_.plan.track(index, lane).holds()) {
      const Room left = LeftAt(index, lane, hold.from, nullptr);
      const std::vector<const Reservation*> may_be_in = MayBeIn(hold.rank.job, lane);
      const bool open = std::any_of(may_be_in.begin(), may_be_in.end(), [&](const Reservation* of) {
        return IsOpen(index, of, hold.from) && IsOpen(index, of, hold.until - 1);
      });
      if (!open) {
        found_.push_back(StrCat("node ", state_.nodes[index]->name, " is planned for job ",
                                hold.rank.job.value, " when it is not for it"));
      }
      const bool memory_fits = left.mem_mb >= 0 || !state_.settings.select.memory;
      CheckShares(index, lane, hold);
      if (left.cpus >= 0 && memory_fits && !left.gres.AnyBelowZero()) continue;
      found_.push_back(StrCat("node ", state_.nodes[index]->name,
                              " is planned beyond what it has, ", "with job ",
                              hold.rank.job.value));
    }
  }

  void CheckShares(NodeIndex index, uint32_t lane, const Track::Hold& hold) {
    const Track& track = state_.plan.track(index, lane);
    const auto apart = [&](const auto& other) { return other.sole_user != hold.sole_user; };
    bool clash = false;
    for (const Track::Use& use : track.running()) {
      clash = clash || (apart(use) && use.until > hold.from);
    }
    for (const Track::Hold& other : track.holds()) {
      clash = clash || (apart(other) && other.from < hold.until && hold.from < other.until);
    }
    if (!clash) return;
    found_.push_back(StrCat("node ", state_.nodes[index]->name, " is planned for job ",
                            hold.rank.job.value, " beside one of another user"));
  }

  // What reservations keep then: that one, or all (null).
  int64_t KeptAt(LicenseIndex license, Instant at, const Reservation* by) const {
    int64_t kept = 0;
    for (const auto& [name, reservation] : state_.reservations.all()) {
      if (by != nullptr && by != reservation.get()) continue;
      const bool beyond = by == nullptr && reservation->Period() > absl::ZeroDuration() &&
                          at >= Occurrences(*reservation).back().until;
      if (!beyond && !IsOn(*reservation, at)) continue;
      kept += reservation->CountOf(state_.licenses.entries()[license].name);
    }
    return kept;
  }

  // How many are left at one time beside running jobs and holds that rank above `below` (or all):
  // of what the reservation keeps, or (null) of what none keeps.
  int64_t LicensesAt(LicenseIndex license, Instant at, const ReadyKey* below,
                     const Reservation* kept_by = nullptr) const {
    const LicensePlan& plan = state_.plan.licenses();
    const Track* track =
        kept_by == nullptr ? &plan.track(license) : plan.kept(license, kept_by->lane);
    if (track == nullptr) return 0;
    int64_t left = KeptAt(license, at, kept_by);
    if (kept_by == nullptr) left = int64_t{state_.licenses.entries()[license].total} - left;
    for (const auto& [job, use] : plan.uses(license)) {
      const uint32_t own = kept_by != nullptr && use.lane == kept_by->lane ? use.kept : 0;
      if (at < use.until) left -= kept_by == nullptr ? use.count - use.kept : own;
    }
    for (const Track::Hold& hold : track->holds()) {
      if (below != nullptr && !(hold.rank < *below)) continue;
      if (hold.from <= at && at < hold.until) left -= hold.room.cpus;
    }
    return left;
  }

  void CheckLicense(LicenseIndex license) {
    const LicensePool::Entry& pooled = state_.licenses.entries()[license];
    const auto& uses = state_.plan.licenses().uses(license);
    bool same = uses.size() == pooled.jobs.size();
    for (const auto& [job, use] : uses) {
      const auto has = pooled.jobs.find(job);
      same = same && has != pooled.jobs.end() && has->second == use.count;
    }
    if (!same) found_.push_back(StrCat("licence ", pooled.name, ": the plan has other users"));
    CheckHolds(license, &state_.plan.licenses().track(license), nullptr);
    for (const auto& [name, reservation] : state_.reservations.all()) {
      CheckHolds(license, state_.plan.licenses().kept(license, reservation->lane),
                 reservation.get());
    }
  }

  void CheckHolds(LicenseIndex license, const Track* track, const Reservation* kept_by) {
    if (track == nullptr) return;
    for (const Track::Hold& hold : track->holds()) {
      licenses_held_ += hold.room.cpus;
      if (LicensesAt(license, hold.from, nullptr, kept_by) >= 0) continue;
      found_.push_back(StrCat("licence ", state_.licenses.entries()[license].name,
                              " is planned beyond what there is, with job ", hold.rank.job.value));
    }
  }

  // Each place of a job holds what the job asks for, as long as its nodes.
  void CheckLicensesOfJobs() {
    size_t wanted = 0;
    state_.plan.planned().ForEach([&](JobId id, const auto& planned) {
      const LicenseTerms terms =
          MakeLicenseTerms(state_.FindJob(id)->shape->licenses, state_.settings.licenses);
      for (const LicenseTerm& term : terms.all) wanted += term.count * planned->places.size();
    });
    if (licenses_held_ != wanted) {
      found_.push_back(StrCat("planned jobs hold ", licenses_held_, " licences, not ", wanted));
    }
  }

  // No place is on more leaf switches than its job asks for before the job has waited for them, and
  // none is on two trees.
  void CheckSwitches() {
    const Topology* tree = state_.settings.topology.get();
    if (tree == nullptr || state_.backlog.stale) return;
    state_.plan.planned().ForEach([&](JobId id, const auto& planned) {
      const Job& job = *state_.FindJob(id);
      for (const Plan::Place& place : planned->places) {
        std::set<LeafIndex> leaves;
        std::set<size_t> roots;
        for (NodeIndex node : place.nodes) {
          leaves.insert(tree->LeafOf(node));
          roots.insert(tree->RootOf(tree->LeafOf(node)));
        }
        if (job.IsComponent()) continue;  // of several components: each may be on one of its own
        if (roots.size() > 1) {
          found_.push_back(StrCat("job ", id.value, " is planned on two trees of switches"));
        }
        const uint32_t most = job.shape->max_switches;
        if (most == 0 || leaves.size() <= most) continue;
        const std::optional<Instant> since = IsSet(job.rare->switches_since)
                                                 ? ToInstant(job.rare->switches_since)
                                                 : state_.switch_waits.Of(id);
        if (since.has_value() &&
            place.at >= *since + absl::ToInt64Microseconds(SwitchWaitOf(job))) {
          continue;
        }
        found_.push_back(StrCat("job ", id.value, " is planned on ", leaves.size(),
                                " leaf switches before it has waited for ", most));
      }
    });
  }

  // Throughout that time, of what the reservation keeps or none does.
  int64_t LeastLicenses(LicenseIndex license, const ReadyKey& key, Instant until,
                        const Reservation* kept_by) const {
    std::vector<Instant> times = {now_, until - 1};
    const auto look_at = [&](Instant at) {
      if (at > now_ && at < until) times.push_back(at);
    };
    const Track* track = kept_by == nullptr ? &state_.plan.licenses().track(license)
                                            : state_.plan.licenses().kept(license, kept_by->lane);
    if (track == nullptr) return 0;
    for (const Track::Hold& hold : track->holds()) look_at(hold.from);
    for (const auto& [name, reservation] : state_.reservations.all()) {
      for (const Interval& time : Occurrences(*reservation)) {
        look_at(time.from);
        look_at(time.until);
      }
    }
    int64_t least = INT64_MAX;
    for (Instant at : times) least = std::min(least, LicensesAt(license, at, &key, kept_by));
    return least;
  }

  bool LicensesFreeFor(const ShapeQueue& queue, const ReadyKey& key, Instant until) const {
    const LicenseTerms& terms = queue.terms.licenses;
    const Reservation* keeper = state_.reservations.OfLane(terms.lane);
    for (const LicenseTerm& term : terms.all) {
      int64_t least = LeastLicenses(term.license, key, until, nullptr);
      if (keeper != nullptr) {
        least += std::max<int64_t>(LeastLicenses(term.license, key, until, keeper), 0);
      }
      if (least < int64_t{term.count}) return false;
    }
    return state_.licenses.HasFree(terms);
  }

  // Whoever is on the node until then, or is to be, shares it with such a job.
  bool SharedThroughout(NodeIndex index, const Terms& terms, const ReadyKey& key,
                        Instant until) const {
    const Track& track = state_.plan.track(index, terms.lane);
    for (const Track::Use& use : track.running()) {
      if (use.sole_user != terms.sole_user && use.until > now_) return false;
    }
    for (const Track::Hold& hold : track.holds()) {
      const bool seen = hold.rank < key && hold.from < until && hold.until > now_;
      if (seen && hold.sole_user != terms.sole_user) return false;
    }
    return SharesWith(terms, *state_.nodes[index]);
  }

  Offer LeastFor(NodeIndex index, const Terms& terms, const ReadyKey& key, Instant until) const {
    const uint32_t lane = terms.lane;
    const Reservation* of = lane == 0 ? nullptr : state_.reservations.OfLane(lane);
    const auto left_at = [&](Instant at) {
      return IsOpen(index, of, at) ? LeftAt(index, lane, at, &key, terms.sharing) : Room();
    };
    const Node* node = state_.nodes[index].get();
    if (!SharedThroughout(index, terms, key, until)) return {index, node, 0, 0, {}};
    std::vector<Instant> times = {now_};
    for (const Track::Hold& hold : state_.plan.track(index, lane).holds()) {
      times.push_back(hold.from);
    }
    for (const Track::Use& use : state_.plan.track(index, lane).running()) {
      times.push_back(use.cpus_from);
    }
    const auto look_at_ends = [&](const Reservation& reservation) {
      for (const Interval& time : Occurrences(reservation)) {
        times.push_back(time.from);
        times.push_back(time.until);
      }
    };
    for (const Reservation* reservation : state_.reservations.On(index)) {
      look_at_ends(*reservation);
    }
    if (of != nullptr) look_at_ends(*of);
    Room least = left_at(now_);
    for (Instant at : times) {
      if (at <= now_ || at >= until) continue;
      const Room left = left_at(at);
      least.cpus = std::min(least.cpus, left.cpus);
      least.mem_mb = std::min(least.mem_mb, left.mem_mb);
      least.gres.KeepLeast(left.gres);
    }
    least.gres.KeepLeast(node->FreeGres());
    return {index,
            node,
            std::min<uint32_t>(std::max(least.cpus, 0), node->FreeCpusFor(terms.sharing)),
            std::min<uint64_t>(std::max(least.mem_mb, 0), node->FreeMem()),
            least.gres,
            true};
  }

  // Nothing that could start without delaying a higher one's planned start is left waiting.
  void CheckWaits(const ShapeQueue& queue) {
    if (queue.het) return CheckWaitsTogether(queue);
    CheckWaits(queue, queue.head());
    for (const std::shared_ptr<ShapeQueue>& magnet : queue.magnets) {
      CheckWaits(*magnet, queue.head());
    }
  }

  void CheckWaits(const ShapeQueue& queue, const ReadyKey& key) {
    const Instant until = now_ + queue.terms.least_time;
    if (!LicensesFreeFor(queue, key, until)) return;
    std::vector<Offer> offers;
    for (NodeIndex index : state_.partitions[queue.partition].nodes) {
      const Node& node = *state_.nodes[index];
      if (node.Usable() && NodeFits(*queue.shape, node)) {
        offers.push_back(LeastFor(index, queue.terms, key, until));
      }
    }
    if (!SelectNodes(queue.terms, offers).has_value()) return;
    found_.push_back(StrCat("job ", key.job.value, " could start and waits: ", queue.missing_nodes,
                            "/", queue.missing_tasks, " missing, ", queue.gained_nodes, "/",
                            queue.gained_tasks, " gained"));
  }

  void CheckWaitsTogether(const ShapeQueue& queue) {
    if (!LicensesFreeFor(queue, queue.head(), now_ + queue.terms.least_time)) return;
    std::vector<ComponentOffers> components;
    for (const ShapeQueue& part : queue.together) {
      ComponentOffers& offers = components.emplace_back();
      offers.terms = &part.terms;
      for (NodeIndex index : state_.partitions[part.partition].nodes) {
        const Node& node = *state_.nodes[index];
        if (!node.Usable() || !NodeFits(*part.shape, node)) continue;
        const Instant until = now_ + part.terms.least_time;
        offers.offers.push_back(LeastFor(index, part.terms, queue.head(), until));
      }
    }
    if (!SelectTogether(components).has_value()) return;
    found_.push_back(StrCat("job ", queue.head().job.value, " could start together and waits"));
  }

  const State& state_;
  const Instant now_;
  size_t licenses_held_ = 0;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> CheckPlan(const Controller& controller, absl::Time now) {
  const Settings& settings = controller.settings();
  if (!settings.PlansAll()) return {};
  return PlanChecker(controller.state(), now).Run();
}

}  // namespace reeve::ctld
