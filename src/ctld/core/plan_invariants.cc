// The plan counted over, hold by hold, without the tracks' step functions.
#include <algorithm>
#include <optional>
#include <set>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/het_select.h"
#include "ctld/core/invariants.h"

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
  Room LeftAt(NodeIndex index, uint32_t lane, Instant at, const ReadyKey* below) const {
    if (!IsOpen(index, lane, at)) return {};
    const Track& track = state_.plan.track(index, lane);
    const Node& node = *state_.nodes[index];
    Room left{static_cast<int32_t>(node.cpus), static_cast<int32_t>(node.real_memory_mb),
              node.stock.all()};
    const auto take = [&](const Room& room) { left.Add(-room); };
    for (const Track::Use& use : track.running()) {
      if (at < use.until) take(use.room);
    }
    for (const Track::Hold& hold : track.holds()) {
      if (below != nullptr && !(hold.rank < *below)) continue;
      if (hold.from <= at && at < hold.until) take(hold.room);
    }
    return left;
  }

  // May jobs of that lane have something of the node then?
  bool IsOpen(NodeIndex index, uint32_t lane, Instant at) const {
    bool own = lane == 0;
    bool taken = false;
    bool takes = false;
    for (const Reservation* reservation : state_.reservations.On(index)) {
      const std::vector<Interval> times = Occurrences(*reservation);
      const bool now = std::any_of(times.begin(), times.end(), [&](const Interval& time) {
        return time.from <= at && at < time.until;
      });
      if (reservation->Period() > absl::ZeroDuration() && at >= times.back().until) return false;
      const bool is_own = reservation->lane == lane;
      own = own || (is_own && now);
      taken = taken || (!is_own && now);
      takes = takes || (is_own && reservation->TakesFromOthers());
    }
    return own && (!taken || takes);
  }

  void CheckNode(NodeIndex index) {
    CheckTrack(index, 0);
    for (const Reservation* reservation : state_.reservations.On(index)) {
      CheckTrack(index, reservation->lane);
    }
  }

  void CheckTrack(NodeIndex index, uint32_t lane) {
    for (const Track::Hold& hold : state_.plan.track(index, lane).holds()) {
      const Room left = LeftAt(index, lane, hold.from, nullptr);
      if (!IsOpen(index, lane, hold.from) || !IsOpen(index, lane, hold.until - 1)) {
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

  // How many are left at one time beside running jobs and holds that rank above `below` (or all).
  int64_t LicensesAt(LicenseIndex license, Instant at, const ReadyKey* below) const {
    const LicensePlan& plan = state_.plan.licenses();
    int64_t left = state_.licenses.entries()[license].total;
    for (const auto& [job, use] : plan.uses(license)) left -= at < use.until ? use.count : 0;
    for (const Track::Hold& hold : plan.track(license).holds()) {
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
    for (const Track::Hold& hold : state_.plan.licenses().track(license).holds()) {
      if (LicensesAt(license, hold.from, nullptr) >= 0) continue;
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
      wanted += terms.all.size() * planned->places.size();
    });
    size_t held = 0;
    for (LicenseIndex i = 0; i < state_.plan.licenses().size(); ++i) {
      held += state_.plan.licenses().track(i).holds().size();
    }
    if (held != wanted) {
      found_.push_back(StrCat("planned jobs hold ", held, " licences, not ", wanted));
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
        const std::optional<Instant> since =
            IsSet(job.switches_since) ? ToInstant(job.switches_since) : state_.switch_waits.Of(id);
        if (since.has_value() &&
            place.at >= *since + absl::ToInt64Microseconds(SwitchWaitOf(job))) {
          continue;
        }
        found_.push_back(StrCat("job ", id.value, " is planned on ", leaves.size(),
                                " leaf switches before it has waited for ", most));
      }
    });
  }

  bool LicensesFreeFor(const ShapeQueue& queue, Instant until) const {
    for (const LicenseTerm& term : queue.terms.licenses.all) {
      std::vector<Instant> times = {now_};
      for (const Track::Hold& hold : state_.plan.licenses().track(term.license).holds()) {
        if (hold.from > now_ && hold.from < until) times.push_back(hold.from);
      }
      for (Instant at : times) {
        if (LicensesAt(term.license, at, &queue.head()) < int64_t{term.count}) return false;
      }
    }
    return state_.licenses.HasFree(queue.terms.licenses);
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
    const Node* node = state_.nodes[index].get();
    if (!SharedThroughout(index, terms, key, until)) return {index, node, 0, 0, {}};
    std::vector<Instant> times = {now_};
    for (const Track::Hold& hold : state_.plan.track(index, lane).holds()) {
      times.push_back(hold.from);
    }
    for (const Reservation* reservation : state_.reservations.On(index)) {
      for (const Interval& time : Occurrences(*reservation)) {
        times.push_back(time.from);
        times.push_back(time.until);
      }
    }
    Room least = LeftAt(index, lane, now_, &key);
    for (Instant at : times) {
      if (at <= now_ || at >= until) continue;
      const Room left = LeftAt(index, lane, at, &key);
      least.cpus = std::min(least.cpus, left.cpus);
      least.mem_mb = std::min(least.mem_mb, left.mem_mb);
      least.gres.KeepLeast(left.gres);
    }
    least.gres.KeepLeast(node->FreeGres());
    return {index, node, std::min<uint32_t>(std::max(least.cpus, 0), node->FreeCpus()),
            std::min<uint64_t>(std::max(least.mem_mb, 0), node->FreeMem()), least.gres};
  }

  // Nothing that could start without delaying a higher one's planned start is left waiting.
  void CheckWaits(const ShapeQueue& queue) {
    if (queue.het) return CheckWaitsTogether(queue);
    const Instant until = now_ + queue.terms.least_time;
    if (!LicensesFreeFor(queue, until)) return;
    std::vector<Offer> offers;
    for (NodeIndex index : state_.partitions[queue.partition].nodes) {
      const Node& node = *state_.nodes[index];
      if (node.Usable() && NodeFits(*queue.shape, node)) {
        offers.push_back(LeastFor(index, queue.terms, queue.head(), until));
      }
    }
    if (!SelectNodes(queue.terms, offers).has_value()) return;
    found_.push_back(StrCat(
        "job ", queue.head().job.value, " could start and waits: ", queue.missing_nodes, "/",
        queue.missing_tasks, " missing, ", queue.gained_nodes, "/", queue.gained_tasks, " gained"));
  }

  void CheckWaitsTogether(const ShapeQueue& queue) {
    if (!LicensesFreeFor(queue, now_ + queue.terms.least_time)) return;
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
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> CheckPlan(const Controller& controller, absl::Time now) {
  const Settings& settings = controller.settings();
  if (!settings.backfill || settings.plan_depth != UINT32_MAX) return {};
  return PlanChecker(controller.state(), now).Run();
}

}  // namespace reeve::ctld
