#include "ctld/core/priority.h"

#include <algorithm>

#include "ctld/core/eligibility.h"

namespace reeve::ctld {
namespace {
uint32_t Clamp(int64_t priority) {
  return static_cast<uint32_t>(std::clamp<int64_t>(priority, 1, UINT32_MAX - 2));
}
}  // namespace

uint32_t NextPriority(State& state, int32_t nice) {
  const uint32_t priority = state.counters.next_priority;
  if (state.counters.next_priority > 1) state.counters.next_priority--;
  state.counters_moved = true;
  return Clamp(int64_t{priority} - nice);
}

uint32_t AdjustPriority(uint32_t priority, int32_t old_nice, int32_t new_nice) {
  if (priority == 0) return 0;
  return Clamp(int64_t{priority} + old_nice - new_nice);
}

void MoveToTop(Context& context, Job& job) {
  std::vector<Job*> mine;
  for (JobId id : context.state.jobs_of_user[job.owner->uid]) {
    Job* other = context.state.FindJob(id);
    if (other->Pending() && !other->Held() && other->partition == job.partition) {
      mine.push_back(other);
    }
  }
  std::sort(mine.begin(), mine.end(), [](const Job* a, const Job* b) {
    return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
  });
  const auto at = std::find(mine.begin(), mine.end(), &job);
  if (at == mine.end()) return;
  // Each of those before it takes the priority of the next one.
  const uint32_t top = mine.front()->priority;
  for (auto it = mine.begin(); it != at; ++it) {
    const uint32_t next = (*(it + 1))->priority;
    if ((*it)->priority == next) continue;
    (*it)->priority = next;
    context.Changed(**it);
    Reconsider(context, **it);
  }
  // Jobs that shared the top priority must come after it.
  job.priority = mine.size() > 1 && mine[0] != &job && mine[0]->priority == top
                     ? Clamp(int64_t{top} + 1)
                     : top;
  context.Changed(job);
  Reconsider(context, job);
}

}  // namespace reeve::ctld
