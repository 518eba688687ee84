#include "ctld/core/share_cpus.h"

#include <algorithm>
#include <tuple>

#include "ctld/core/gres_devices.h"

namespace reeve::ctld {
namespace {

// CPUs that go together: a core's, or one.
struct Unit {
  uint32_t first = 0;
  uint32_t load = 0;               // jobs that have it
  bool preferred = false;          // near the job's devices
  Instant shared_until = -kNever;  // somebody of the group has it until then
};

class Choice {
 public:
  Choice(const State& state, const Terms& terms, const Placement::Part& part, Instant now,
         Instant until)
      : terms_(terms),
        part_(part),
        node_(*state.nodes[part.index]),
        now_(now),
        until_(until),
        threads_(terms.whole_cores ? std::max(node_.threads_per_core, 1u) : 1) {
    const std::vector<GresShare> gres = node_.stock.Pick(part.gres);
    FindUnits(state, gres.empty() ? CpuSet() : CpusNear(node_, gres));
    std::stable_sort(units_.begin(), units_.end(), [](const Unit& a, const Unit& b) {
      return std::tuple(a.load, !a.preferred, b.shared_until) <
             std::tuple(b.load, !b.preferred, a.shared_until);
    });
  }

  // `free`: CPUs that neither somebody has nor others than the group need.
  CpuSet Make(const Profile& free) {
    Curve left;
    for (size_t i = 0; i < free.size(); ++i) left.Append(free.from(i), free.free(i));
    for (const bool careful : {true, false}) {
      for (const Unit& unit : units_) {
        if (chosen_.Count() >= part_.cpus) return std::move(chosen_);
        if (chosen_.Contains(unit.first)) continue;
        // Nobody else of the group keeps it busy after that.
        const Instant from = std::max(now_, unit.shared_until);
        if (from < until_) {
          const int32_t cpus = static_cast<int32_t>(threads_);
          if (careful && LeastFree(left.View(), from, until_).cpus < cpus) continue;
          left.Add({-cpus, 0, {}}, from, until_);
        }
        for (uint32_t i = 0; i < threads_; ++i) chosen_.Add(unit.first + i);
      }
    }
    return std::move(chosen_);
  }

 private:
  void FindUnits(const State& state, const CpuSet& near) {
    const std::vector<uint32_t> loads = LoadsOf(node_, terms_.sharing.group);
    for (uint32_t first = 0; first + threads_ <= node_.cpus; first += threads_) {
      Unit unit{first, 0, near.Contains(first), -kNever};
      bool good = true;
      for (uint32_t i = 0; i < threads_; ++i) {
        const uint32_t load = loads[first + i];
        unit.load = std::max(unit.load, load);
        good = good && (load > 0 || !node_.busy.Contains(first + i));
      }
      if (good && unit.load < terms_.sharing.most) units_.push_back(unit);
    }
    for (const Track::Use& use : state.plan.track(part_.index, terms_.lane).running()) {
      if (use.sharing.group != terms_.sharing.group) continue;
      for (Unit& unit : units_) {
        if (!use.cores.Contains(unit.first)) continue;
        if (use.cpus_from <= now_) unit.shared_until = std::max(unit.shared_until, use.until);
      }
    }
  }

  const Terms& terms_;
  const Placement::Part& part_;
  const Node& node_;
  const Instant now_;
  const Instant until_;
  const uint32_t threads_;
  std::vector<Unit> units_;
  CpuSet chosen_;
};

}  // namespace

void ChooseCpus(const State& state, const Terms& terms, const ReadyKey& key, Instant now,
                Grant& grant, Track::Scratch& scratch) {
  const Instant until = now + grant.length;
  for (Placement::Part& part : grant.placement.parts) {
    const Profile free = state.plan.track(part.index, terms.lane)
                             .SeenBy(key, Track::View::kHigher, until, scratch, terms.sole_user,
                                     {terms.sharing.group, 0});
    part.cores = Choice(state, terms, part, now, until).Make(free);
  }
}

}  // namespace reeve::ctld
