#include "ctld/core/victims.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <queue>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"

namespace reeve::ctld {
namespace {

// So many nodes are looked at first, and all when those do not suffice; of them so many (or four
// times what the job needs) are compared.
constexpr size_t kNodesLookedAt = 1000;
constexpr size_t kNodesCompared = 64;
constexpr int kSetsTried = 300;
constexpr uint64_t kTrackWork = 4;      // of building a track anew, in looks at a node
constexpr size_t kPointsOfALook = 100;  // of a licence's track

struct Cost {
  int64_t cpu_seconds = 0;
  int64_t jobs = 0;

  Cost operator+(const Cost& other) const {
    return {cpu_seconds + other.cpu_seconds, jobs + other.jobs};
  }
  Cost operator-(const Cost& other) const {
    return {cpu_seconds - other.cpu_seconds, jobs - other.jobs};
  }
  friend auto operator<=>(const Cost&, const Cost&) = default;
};

struct Candidate {
  JobId job;
  Cost cost;
  absl::InlinedVector<uint32_t, 2> sites;  // of those compared: where it runs
  bool licensed = false;                   // has licences of which there are too few
  bool gone = false;                       // as is assumed
};

// A node that the job could use.
struct Site {
  NodeIndex node = 0;
  bool required = false;
  Cost cost;  // of all candidates on it
  absl::InlinedVector<uint32_t, 4> candidates;
  Offer offer;
  bool stale = true;  // the offer is of another assumption
};

using Set = std::vector<uint32_t>;  // candidates, by their place in `order_`

class Search {
 public:
  Search(State& state, const PreemptRules& rules, const ShapeQueue& queue, const ReadyKey& key,
         MakeWay way, absl::Time now, absl::Duration leave)
      : state_(state),
        rules_(rules),
        queue_(queue),
        terms_(queue.terms),
        key_(key),
        way_(way),
        now_(now),
        leave_(leave),
        left_by_(ToInstant(
            now + (way == MakeWay::kEnd ? rules.LongestGrace(key.tier) : absl::Duration()) +
            leave)),
        begin_(way == MakeWay::kEnd ? left_by_ : ToInstant(now)),
        until_(begin_ + queue.terms.least_time),
        reservation_(queue.shape->reservation.empty()
                         ? nullptr
                         : state.reservations.Find(queue.shape->reservation)) {
    terms_.fewest_nodes = true;  // nobody leaves for more
  }

  Victims Run() {
    lacks_licenses_ = !Licensed();
    // Whoever stands still keeps its licences.
    if (lacks_licenses_ && way_ == MakeWay::kStandStill) return {};
    if (!lacks_licenses_ && StartsByItself()) return {};
    const bool all_at_once = !queue_.shape->req_nodes.empty();
    size_t most = all_at_once ? SIZE_MAX : std::max(kNodesLookedAt, 2 * Enough());
    while (!Gather(most)) {
      if (most >= queue_.fit_count) return std::move(out_);
      most = SIZE_MAX;
    }
    for (uint32_t place : Cheapest()) out_.jobs.push_back(At(place).job);
    std::sort(out_.jobs.begin(), out_.jobs.end());
    return std::move(out_);
  }

 private:
  size_t Enough() const {
    return std::max<size_t>(kNodesCompared, size_t{4} * queue_.shape->min_nodes);
  }

  // ---- what nodes will offer --------------------------------------------------------------------

  // Running on beyond its limit (OverTimeLimit): the plan takes it for gone soon, it is not.
  bool IsOverdue(const Job* job) const {
    return job != nullptr && job->Running() && !IsSet(job->rare->preempt_time) &&
           job->end_time <= now_;
  }

  Offer OfferFrom(NodeIndex index, const Profile& profile, const Room& overdue,
                  Instant begin) const {
    Room room = LeastFree(profile, begin, begin + terms_.least_time);
    room.Add(-overdue);
    if (room.gres.AnyBelowZero()) room.gres = {};
    return OfferOf(index, *state_.nodes[index], room);
  }

  // Somebody stays beyond the time that the plan knows of with whom the job shares no node.
  bool Clashes(JobId id, const Node::Use& use) const {
    return use.sole_user != terms_.sole_user && IsOverdue(state_.FindJob(id));
  }

  // When everybody stays who is there.
  Offer OfferAsItIs(NodeIndex index) {
    const Node& node = *state_.nodes[index];
    Room overdue;
    for (const auto& [id, use] : node.jobs) {
      if (Clashes(id, use)) return {index, &node, 0, 0, {}};
      if (IsOverdue(state_.FindJob(id))) {
        overdue.Add(UseOf(state_, node, id, use, now_, leave_).room);
      }
    }
    return OfferFrom(index,
                     state_.plan.Seen(index, terms_, key_, Track::View::kHigher,
                                      left_by_ + terms_.least_time, scratch_),
                     overdue, left_by_);
  }

  // Without those that are assumed to be gone.
  Offer OfferWithout(const Site& site) {
    state_.plan.AddWork(kTrackWork);
    const Node& node = *state_.nodes[site.node];
    std::vector<Track::Use> staying;
    Room overdue;
    CpuSet busy;  // when they are gone
    bool whole = false;
    for (const auto& [id, use] : node.jobs) {
      const auto candidate = place_of_.find(id);
      const bool gone = candidate != place_of_.end() && candidates_[candidate->second].gone;
      if (gone && way_ == MakeWay::kEnd) continue;
      if (Clashes(id, use)) return {site.node, &node, 0, 0, {}};
      staying.push_back(UseOf(state_, node, id, use, now_, leave_));
      if (gone) {
        staying.back() = WithoutCpus(node, std::move(staying.back()), use);
        continue;
      }
      if (IsOverdue(state_.FindJob(id))) overdue.Add(staying.back().room);
      busy.AddAll(use.cpus);
      whole = whole || use.whole;
    }
    Track track = state_.plan.track(site.node, terms_.lane);
    (void)track.Build(AllOf(node), staying, state_.reservations.ClosedTo(site.node, reservation_));
    const Profile profile =
        state_.plan.BehindGates(site.node, terms_,
                                track.SeenBy(key_, Track::View::kHigher, until_, scratch_,
                                             terms_.sole_user, terms_.sharing),
                                scratch_);
    Offer offer = OfferFrom(site.node, profile, overdue, begin_);
    if (way_ == MakeWay::kEnd) return offer;
    // It is to start at once: what is there now counts too.
    const uint32_t idle = whole ? 0 : node.cpus - std::min(node.cpus, busy.Count());
    offer.cpus = std::min(offer.cpus, idle + CpusToShare(node, terms_.sharing));
    offer.mem_mb = std::min(offer.mem_mb, node.FreeMem());
    offer.gres.KeepLeast(whole ? GresCounts() : node.stock.free());
    return offer;
  }

  // It stands still as long as the job runs, and keeps the rest.
  Track::Use WithoutCpus(const Node& node, Track::Use use, const Node::Use& has) const {
    const uint64_t most = std::numeric_limits<int32_t>::max();
    use.room = {0, static_cast<int32_t>(std::min(has.mem_mb, most)), {}};
    if (!has.gres.empty()) use.room.gres = node.stock.CountsOf(has.gres);
    use.sharing = {};
    use.cores = {};
    use.until = std::max(use.until, until_);
    return use;
  }

  // By the time at which jobs that are ended now would have left.
  bool StartsByItself() {
    std::vector<Offer> offers;
    uint64_t tasks = 0;
    bool starts = false;
    size_t try_at = Enough();
    NodeBits::ForEachInBoth(state_.plan.usable(), queue_.fits, 0, [&](size_t place) {
      state_.plan.AddWork(1);
      const Offer offer = OfferAsItIs(state_.plan.NodeAt(place));
      const uint32_t capacity = TaskCapacity(terms_, offer);
      if (capacity == 0) return true;
      tasks += capacity;
      offers.push_back(offer);
      if (offers.size() < try_at || tasks < queue_.shape->num_tasks) return true;
      starts = SelectNodes(terms_, offers).has_value();
      try_at = 2 * offers.size();
      return !starts;
    });
    return starts || SelectNodes(terms_, offers).has_value();
  }

  // Will the cluster have the licences, without those that are assumed to be gone?
  bool Licensed() {
    return std::all_of(terms_.licenses.all.begin(), terms_.licenses.all.end(),
                       [&](const LicenseTerm& term) { return Licensed(term); });
  }

  bool Licensed(const LicenseTerm& term) {
    const LicensePlan& plan = state_.plan.licenses();
    const Profile seen =
        plan.track(term.license).SeenBy(key_, Track::View::kHigher, until_, scratch_);
    state_.plan.AddWork(1 + seen.size() / kPointsOfALook);
    Curve free;
    for (size_t i = 0; i < seen.size(); ++i) free.Append(seen.from(i), seen.free(i));
    int64_t overdue = 0;
    for (const auto& [id, use] : plan.uses(term.license)) {
      const auto candidate = place_of_.find(id);
      if (candidate != place_of_.end() && candidates_[candidate->second].gone) {
        free.Add(LicenseRoom(use.count - use.kept), begin_, use.until);
      } else if (IsOverdue(state_.FindJob(id))) {
        overdue += use.count;
      }
    }
    int64_t least = LeastFree(free.View(), begin_, until_).cpus;
    if (const Track* kept = plan.kept(term.license, terms_.lane)) {
      const Profile own = kept->SeenBy(key_, Track::View::kHigher, until_, scratch_);
      least += std::max(LeastFree(own, begin_, until_).cpus, 0);
    }
    return least - overdue >= term.count;
  }

  // ---- which nodes are compared -----------------------------------------------------------------

  // False: also when all who may be ended were gone the job could not start on so many nodes.
  bool Gather(size_t most) {
    FindSites(most);
    std::stable_sort(sites_.begin(), sites_.end(), [](const Site& a, const Site& b) {
      return std::tuple(!a.required, a.cost) < std::tuple(!b.required, b.cost);
    });
    for (Candidate& candidate : candidates_) candidate.gone = true;
    if (lacks_licenses_ && !Licensed()) return false;
    std::vector<Site> compared;
    std::vector<Offer> offers;
    uint64_t tasks = 0;
    bool suffice = false;
    size_t try_at = queue_.shape->min_nodes;
    for (Site& site : sites_) {
      if (suffice && compared.size() >= Enough()) break;
      site.offer = OfferWithout(site);
      const uint32_t capacity = TaskCapacity(terms_, site.offer);
      if (capacity == 0) continue;
      tasks += capacity;
      offers.push_back(site.offer);
      compared.push_back(std::move(site));
      if (suffice || offers.size() < try_at || tasks < queue_.shape->num_tasks) continue;
      suffice = SelectNodes(terms_, offers).has_value();
      try_at = 2 * offers.size();
    }
    if (!suffice && !SelectNodes(terms_, offers).has_value()) return false;
    sites_ = std::move(compared);
    OrderCandidates();
    return true;
  }

  void FindSites(size_t most) {
    sites_.clear();
    candidates_.clear();
    place_of_.clear();
    const std::vector<std::string>& required = queue_.shape->req_nodes;
    // Jobs one after another look in different places.
    const size_t first =
        most == SIZE_MAX ? 0 : key_.job.value * size_t{2654435761} % state_.plan.size();
    NodeBits::ForEachInBoth(state_.plan.usable(), queue_.fits, first, [&](size_t place) {
      state_.plan.AddWork(1);
      Site& site = sites_.emplace_back();
      site.node = state_.plan.NodeAt(place);
      const Node& node = *state_.nodes[site.node];
      site.required = std::find(required.begin(), required.end(), node.name) != required.end();
      for (const auto& [id, use] : node.jobs) {
        const std::optional<uint32_t> candidate = CandidateOf(id);
        if (!candidate.has_value()) continue;
        site.candidates.push_back(*candidate);
        site.cost = site.cost + candidates_[*candidate].cost;
      }
      return sites_.size() < most;
    });
    if (lacks_licenses_) FindLicensed();
  }

  void FindLicensed() {
    for (const LicenseTerm& term : terms_.licenses.all) {
      for (const auto& [id, count] : state_.licenses.entries()[term.license].jobs) {
        const std::optional<uint32_t> candidate = CandidateOf(id);
        if (candidate.has_value()) candidates_[*candidate].licensed = true;
      }
    }
  }

  std::optional<uint32_t> CandidateOf(JobId id) {
    const auto known = place_of_.find(id);
    if (known != place_of_.end()) return known->second;
    const Job* job = state_.FindJob(id);
    if (job == nullptr) return std::nullopt;
    const absl::Time from = rules_.ChosenFrom(*job, key_.tier, way_);
    if (from > now_) {
      out_.again = std::min(out_.again, from);
      return std::nullopt;
    }
    const auto place = static_cast<uint32_t>(candidates_.size());
    const int64_t seconds = std::max<int64_t>(absl::ToInt64Seconds(now_ - job->start_time), 0);
    // One that stands still already loses nothing more.
    const Cost cost = job->Suspended() ? Cost() : Cost{seconds * job->num_cpus, 1};
    candidates_.push_back({.job = id, .cost = cost});
    place_of_[id] = place;
    return place;
  }

  // Those that run where nodes are compared or have licences, the cheapest first; the youngest of
  // equals.
  void OrderCandidates() {
    order_.clear();
    for (uint32_t i = 0; i < sites_.size(); ++i) {
      for (uint32_t place : sites_[i].candidates) {
        if (candidates_[place].sites.empty()) order_.push_back(place);
        candidates_[place].sites.push_back(i);
      }
    }
    for (uint32_t place = 0; place < candidates_.size(); ++place) {
      const Candidate& candidate = candidates_[place];
      if (candidate.licensed && candidate.sites.empty()) order_.push_back(place);
    }
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
      const Candidate& left = candidates_[a];
      const Candidate& right = candidates_[b];
      return std::tuple(left.cost, right.job) < std::tuple(right.cost, left.job);
    });
  }

  // ---- which set is the cheapest ----------------------------------------------------------------

  Candidate& At(uint32_t place) { return candidates_[order_[place]]; }

  void SetGone(uint32_t place, bool gone) {
    Candidate& candidate = At(place);
    if (candidate.gone == gone) return;
    candidate.gone = gone;
    for (uint32_t site : candidate.sites) sites_[site].stale = true;
  }
  void Assume(const Set& gone) {
    size_t next = 0;
    for (uint32_t place = 0; place < order_.size(); ++place) {
      const bool in_set = next < gone.size() && gone[next] == place;
      SetGone(place, in_set);
      next += in_set;
    }
  }

  std::optional<Placement> Place() {
    if (lacks_licenses_ && !Licensed()) return std::nullopt;
    state_.plan.AddWork(1 + sites_.size() / 8);
    std::vector<Offer> offers;
    for (Site& site : sites_) {
      if (site.stale) site.offer = OfferWithout(site);
      site.stale = false;
      offers.push_back(site.offer);
    }
    return SelectNodes(terms_, offers);
  }
  bool Suffices(const Set& gone) {
    Assume(gone);
    return Place().has_value();
  }

  static Set First(uint32_t count) {
    Set set(count);
    for (uint32_t i = 0; i < count; ++i) set[i] = i;
    return set;
  }

  Cost CostOf(const Set& set) {
    Cost cost;
    for (uint32_t place : set) cost = cost + At(place).cost;
    return cost;
  }

  Set Cheapest() {
    const Set found = Minimal(AmongTheCheapest());
    return TryCheapestSets(found);
  }

  // The fewest of the cheapest jobs that suffice, of those the ones on the nodes that get the job
  // and the ones with licences.
  Set AmongTheCheapest() {
    uint32_t enough = static_cast<uint32_t>(order_.size());
    for (uint32_t too_few = 0; too_few < enough;) {
      const uint32_t middle = too_few + (enough - too_few) / 2;
      if (Suffices(First(middle))) {
        enough = middle;
      } else {
        too_few = middle + 1;
      }
    }
    const Set all = First(enough);
    Assume(all);
    const std::optional<Placement> placement = Place();
    Set there;
    for (uint32_t place : all) {
      if (!placement.has_value()) break;
      if (At(place).licensed || RunsOn(place, *placement)) there.push_back(place);
    }
    return Suffices(there) ? there : all;
  }

  bool RunsOn(uint32_t place, const Placement& placement) {
    const auto& sites = At(place).sites;
    return std::any_of(placement.parts.begin(), placement.parts.end(), [&](const auto& part) {
      return std::any_of(sites.begin(), sites.end(),
                         [&](uint32_t site) { return sites_[site].node == part.index; });
    });
  }

  // Whoever need not go stays, the costliest before others.
  Set Minimal(Set set) {
    for (size_t i = set.size(); i-- > 0;) {
      Set without = set;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      if (Suffices(without)) set = std::move(without);
    }
    return set;
  }

  // One set after another in the order of cost, as long as they are cheaper than what was found.
  Set TryCheapestSets(const Set& found) {
    struct Try {
      Cost cost;
      Set set;
      bool operator<(const Try& other) const { return other.cost < cost; }  // cheapest on top
    };
    const Cost limit = CostOf(found);
    std::priority_queue<Try> tries;
    if (!order_.empty()) tries.push({At(0).cost, {0}});
    for (int tried = 0; !tries.empty() && tried < kSetsTried; ++tried) {
      const Try next = tries.top();
      tries.pop();
      if (!(next.cost < limit)) break;
      if (Suffices(next.set)) return next.set;
      const uint32_t last = next.set.back();
      if (last + 1 == order_.size()) continue;
      const Cost with_next = next.cost + At(last + 1).cost;
      Try more{with_next, next.set};
      more.set.push_back(last + 1);
      Try instead{with_next - At(last).cost, next.set};
      instead.set.back() = last + 1;
      tries.push(std::move(more));
      tries.push(std::move(instead));
    }
    return found;
  }

  State& state_;
  const PreemptRules& rules_;
  const ShapeQueue& queue_;
  Terms terms_;
  const ReadyKey key_;
  const MakeWay way_;
  const absl::Time now_;
  const absl::Duration leave_;
  const Instant left_by_;  // who is ended now has left by then
  const Instant begin_;    // of the job, if they make room
  const Instant until_;
  const Reservation* const reservation_;
  bool lacks_licenses_ = false;
  std::vector<Site> sites_;
  std::vector<Candidate> candidates_;
  absl::flat_hash_map<JobId, uint32_t> place_of_;
  std::vector<uint32_t> order_;
  Track::Scratch scratch_;
  Victims out_;
};

}  // namespace

Victims FindVictims(State& state, const PreemptRules& rules, const ShapeQueue& queue,
                    const ReadyKey& key, MakeWay way, absl::Time now, absl::Duration leave) {
  return Search(state, rules, queue, key, way, now, leave).Run();
}

}  // namespace reeve::ctld
