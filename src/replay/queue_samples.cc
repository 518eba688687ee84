#include "replay/queue_samples.h"

#include <algorithm>

namespace reeve::replay {
namespace {

constexpr int64_t kStretches = 500;

// Adds `waiting` jobs during [from, until) to the stretches that it touches.
void Spend(uint32_t waiting, absl::Time from, absl::Time until, Figures* figures) {
  if (figures->queue.empty()) return;
  auto index = static_cast<size_t>((from - figures->begin) / figures->queue_step);
  for (; index < figures->queue.size(); ++index) {
    QueueSample& sample = figures->queue[index];
    const absl::Time end = std::min(until, sample.from + figures->queue_step);
    sample.max = std::max(sample.max, waiting);
    sample.mean += waiting * absl::ToDoubleSeconds(end - std::max(from, sample.from));
    if (end >= until) return;
  }
}

}  // namespace

void SampleQueue(const std::vector<QueuePoint>& changes, Figures* figures) {
  const absl::Time end = figures->begin + figures->makespan;
  const int64_t seconds = absl::ToInt64Seconds(figures->makespan);
  figures->queue_step =
      absl::Seconds(std::max<int64_t>((seconds + kStretches - 1) / kStretches, 1));
  for (absl::Time from = figures->begin; from < end; from += figures->queue_step) {
    figures->queue.push_back({from});
  }
  for (size_t i = 0; i < changes.size(); ++i) {
    const absl::Time until = i + 1 < changes.size() ? changes[i + 1].time : end;
    figures->queue_max = std::max(figures->queue_max, changes[i].waiting);
    if (changes[i].time < until) Spend(changes[i].waiting, changes[i].time, until, figures);
  }
  double job_seconds = 0;
  for (QueueSample& sample : figures->queue) {
    job_seconds += sample.mean;
    sample.mean /= absl::ToDoubleSeconds(std::min(figures->queue_step, end - sample.from));
  }
  if (seconds > 0) figures->queue_mean = job_seconds / absl::ToDoubleSeconds(figures->makespan);
}

}  // namespace reeve::replay
