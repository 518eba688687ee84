#include "replay/metrics.h"

#include <algorithm>
#include <cmath>

#include "common/base/text.h"
#include "replay/queue_samples.h"

namespace reeve::replay {
namespace {

constexpr size_t kNamed = 5;  // refused jobs of a kind, worst users
constexpr double kLeastRun = 10;

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

std::vector<Refusals> RefusalsOf(const Trace& trace, const Result& result) {
  std::vector<Refusals> refused;
  for (const std::string& why : result.refusals) refused.push_back({why, 0, {}});
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    if (result.outcomes[i].ran()) continue;
    Refusals& kind = refused[result.outcomes[i].refusal];
    if (++kind.jobs > kNamed) continue;
    const TraceJob& job = trace.jobs[i];
    kind.first.push_back(StrCat(trace.name, ":", job.line, ": job ", job.label));
  }
  return refused;
}

void MeasureJobs(const Trace& trace, const Result& result, Figures* figures) {
  std::vector<double> waits;
  std::vector<double> slowdowns;
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    const Outcome& outcome = result.outcomes[i];
    if (!outcome.ran()) continue;
    figures->cut += outcome.cut;
    const absl::Duration wait = outcome.start - trace.jobs[i].submit;
    waits.push_back(Seconds(wait));
    slowdowns.push_back(BoundedSlowdown(wait, outcome.end - outcome.start));
  }
  figures->ran = waits.size();
  figures->wait_s = SpreadOf(std::move(waits));
  figures->slowdown = SpreadOf(std::move(slowdowns));
}

void MeasureUse(const Trace& trace, const Result& result, Figures* figures) {
  figures->begin = trace.jobs.front().submit;
  absl::Time last = figures->begin;
  double cpu_seconds = 0;
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.ran()) continue;
    last = std::max(last, outcome.end);
    cpu_seconds += outcome.cpus * Seconds(outcome.end - outcome.start);
  }
  figures->makespan = last - figures->begin;
  const double seconds = Seconds(figures->makespan);
  if (seconds <= 0) return;
  figures->jobs_per_hour = static_cast<double>(figures->ran) * 3600 / seconds;
  if (result.cpus > 0) figures->utilisation = cpu_seconds / (seconds * result.cpus);
}

// A job was backfilled when the latest start of those before it comes after its own.
double BackfilledShare(const Trace& trace, const Result& result, uint64_t ran) {
  std::vector<absl::Time> latest(trace.partitions.size(), absl::InfinitePast());
  uint64_t count = 0;
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    const Outcome& outcome = result.outcomes[i];
    if (!outcome.ran()) continue;
    absl::Time& start = latest[trace.names_partitions ? trace.jobs[i].partition : 0];
    count += start > outcome.start;
    start = std::max(start, outcome.start);
  }
  return ran == 0 ? 0 : static_cast<double>(count) / static_cast<double>(ran);
}

void MeasureUsers(const Trace& trace, const Result& result, Figures* figures) {
  std::vector<UserFigures> users(trace.users.size());
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    const Outcome& outcome = result.outcomes[i];
    if (!outcome.ran()) continue;
    UserFigures& user = users[trace.jobs[i].user];
    const absl::Duration wait = outcome.start - trace.jobs[i].submit;
    user.jobs++;
    user.wait_s += Seconds(wait);
    user.slowdown += BoundedSlowdown(wait, outcome.end - outcome.start);
  }
  std::vector<double> slowdowns;
  for (uint32_t id = 0; id < users.size(); ++id) {
    UserFigures& user = users[id];
    if (user.jobs == 0) continue;
    user.name = trace.users[id];
    user.wait_s /= static_cast<double>(user.jobs);
    user.slowdown /= static_cast<double>(user.jobs);
    slowdowns.push_back(user.slowdown);
  }
  std::erase_if(users, [](const UserFigures& user) { return user.jobs == 0; });
  figures->users = users.size();
  figures->fairness = JainIndex(slowdowns);
  std::stable_sort(users.begin(), users.end(), [](const UserFigures& a, const UserFigures& b) {
    return a.slowdown > b.slowdown;
  });
  users.resize(std::min(users.size(), kNamed));
  figures->worst = std::move(users);
}

}  // namespace

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t count = values.size();
  double sum = 0;
  for (double value : values) sum += value;
  const auto rank = static_cast<size_t>(std::ceil(0.95 * static_cast<double>(count)));
  return {.mean = sum / static_cast<double>(count),
          .median = (values[(count - 1) / 2] + values[count / 2]) / 2,
          .p95 = values[rank - 1],
          .max = values.back()};
}

double BoundedSlowdown(absl::Duration wait, absl::Duration run) {
  return std::max(1.0, Seconds(wait + run) / std::max(Seconds(run), kLeastRun));
}

double JainIndex(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares == 0 ? 1 : sum * sum / (static_cast<double>(values.size()) * squares);
}

Figures Measure(const Trace& trace, const Result& result) {
  Figures figures;
  figures.jobs = trace.jobs.size();
  if (trace.jobs.empty()) return figures;
  figures.refused = RefusalsOf(trace, result);
  MeasureJobs(trace, result, &figures);
  MeasureUse(trace, result, &figures);
  figures.backfilled = BackfilledShare(trace, result, figures.ran);
  MeasureUsers(trace, result, &figures);
  SampleQueue(result.queue, &figures);
  return figures;
}

}  // namespace reeve::replay
