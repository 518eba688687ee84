#include "tests/sim/shrink.h"

#include <algorithm>

namespace reeve::sim {
namespace {

// Work items and faults as one list of what may be left out.
std::vector<bool> Without(const std::vector<bool>& kept, size_t first, size_t count) {
  std::vector<bool> less = kept;
  for (size_t i = 0, seen = 0; i < less.size(); ++i) {
    if (!kept[i]) continue;
    if (seen >= first && seen < first + count) less[i] = false;
    ++seen;
  }
  return less;
}

Plan Pick(const Plan& plan, const std::vector<bool>& kept) {
  Plan picked = plan;
  picked.work.clear();
  picked.faults.clear();
  for (size_t i = 0; i < plan.work.size(); ++i) {
    if (kept[i]) picked.work.push_back(plan.work[i]);
  }
  for (size_t i = 0; i < plan.faults.size(); ++i) {
    if (kept[plan.work.size() + i]) picked.faults.push_back(plan.faults[i]);
  }
  return picked;
}

}  // namespace

Plan Shrink(const Plan& plan, Canary canary, const std::string& kind, int most_runs) {
  std::vector<bool> kept(plan.work.size() + plan.faults.size(), true);
  size_t left = kept.size();
  for (size_t chunk = std::max<size_t>(left / 2, 1); most_runs > 0;) {
    bool progress = false;
    for (size_t first = 0; first < left && most_runs > 0;) {
      const std::vector<bool> less = Without(kept, first, chunk);
      --most_runs;
      if (World(Pick(plan, less), canary, false).Run().kind == kind) {
        kept = less;
        left = static_cast<size_t>(std::count(kept.begin(), kept.end(), true));
        progress = true;
      } else {
        first += chunk;
      }
    }
    if (chunk == 1 && !progress) break;
    if (!progress || chunk > left) chunk = std::max<size_t>(std::min(chunk / 2, left), 1);
  }
  return Pick(plan, kept);
}

}  // namespace reeve::sim
