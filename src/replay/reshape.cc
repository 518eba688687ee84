#include "replay/reshape.h"

#include <algorithm>
#include <cmath>

#include "common/base/text.h"
#include "replay/random.h"

namespace reeve::replay {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

absl::Duration WholeSeconds(double seconds) {
  return absl::Seconds(static_cast<int64_t>(std::llround(seconds)));
}

void SortBySubmission(Trace* trace) {
  std::stable_sort(trace->jobs.begin(), trace->jobs.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submit < b.submit; });
}

void Compress(double arrivals, Trace* trace) {
  const absl::Time begin = trace->jobs.front().submit;
  for (TraceJob& job : trace->jobs) {
    job.submit = begin + WholeSeconds(absl::ToDoubleSeconds(job.submit - begin) / arrivals);
  }
}

// One copy, turned by `shift` within the trace's whole days.
class Copier {
 public:
  Copier(const Trace& original, Random* random) : original_(original), random_(random) {
    begin_ = original.jobs.front().submit;
    const absl::Duration span = original.jobs.back().submit - begin_;
    days_ = absl::ToInt64Hours(span) / 24 + 1;
  }

  void AddCopy(int number, uint64_t count, Trace* trace) {
    const auto shift = static_cast<int64_t>(random_->Uniform() * static_cast<double>(days_)) * kDay;
    const uint64_t all = original_.jobs.size();
    for (uint64_t i = 0; i < count; ++i) {
      // Of an unfinished copy jobs are left out evenly.
      TraceJob job = original_.jobs[i * all / count];
      const absl::Duration since = job.submit - begin_ + shift;
      const absl::Duration jitter = WholeSeconds(random_->Between(-1800, 1800));
      job.submit = begin_ + std::max(since % (days_ * kDay) + jitter, absl::ZeroDuration());
      const double run = absl::ToDoubleSeconds(job.run) * random_->Between(0.8, 1.25);
      job.run = WholeSeconds(run);
      if (job.limit.has_value()) job.run = std::min(job.run, *job.limit);
      job.user = trace->users.IdOf(StrCat(original_.users[job.user], "-", number));
      job.label = StrCat(job.label, "-", number);
      trace->jobs.push_back(std::move(job));
    }
  }

 private:
  const Trace& original_;
  Random* random_;
  absl::Time begin_;
  int64_t days_ = 1;
};

void Multiply(uint64_t jobs, Random* random, Trace* trace) {
  const uint64_t all = trace->jobs.size();
  if (jobs <= all) {
    std::vector<TraceJob> kept;
    for (uint64_t i = 0; i < jobs; ++i) kept.push_back(std::move(trace->jobs[i * all / jobs]));
    trace->jobs = std::move(kept);
    return;
  }
  const Trace original = *trace;
  Copier copier(original, random);
  for (int number = 2; trace->jobs.size() < jobs; ++number) {
    copier.AddCopy(number, std::min(all, jobs - trace->jobs.size()), trace);
  }
  SortBySubmission(trace);
}

void Enlarge(uint32_t cpus, double factor, Random* random, Trace* trace) {
  const double nodes = static_cast<double>(trace->max_nodes) * cpus / trace->max_cpus;
  const double below = std::exp2(std::floor(std::log2(factor)));
  const double chance_of_above = factor / below - 1;
  for (TraceJob& job : trace->jobs) {
    const double by = random->Uniform() < chance_of_above ? 2 * below : below;
    const double size = std::clamp(std::round(job.cpus * by), 1.0, static_cast<double>(cpus));
    job.cpus = static_cast<uint32_t>(size);
    job.nodes = std::min(job.nodes, job.cpus);
  }
  trace->max_nodes = static_cast<uint32_t>(std::max(nodes, 0.0));
  trace->max_cpus = cpus;
}

absl::Duration RoundedUp(absl::Duration limit) {
  static const absl::Duration kSteps[] = {absl::Minutes(5),  absl::Minutes(10), absl::Minutes(15),
                                          absl::Minutes(30), absl::Hours(1),    absl::Hours(2),
                                          absl::Hours(3),    absl::Hours(4),    absl::Hours(6),
                                          absl::Hours(8),    absl::Hours(12),   absl::Hours(18)};
  for (absl::Duration step : kSteps) {
    if (limit <= step) return step;
  }
  return absl::Ceil(limit, kDay);
}

void Estimate(double most, Random* random, Trace* trace) {
  for (TraceJob& job : trace->jobs) {
    const double factor = random->Between(1, most);
    if (job.limit.has_value()) continue;
    job.limit = RoundedUp(WholeSeconds(std::ceil(absl::ToDoubleSeconds(job.run) * factor)));
  }
}

void Note(const Reshaping& reshaping, Trace* trace) {
  std::vector<std::string> changes;
  if (reshaping.jobs) changes.push_back(StrCat("made into ", *reshaping.jobs, " jobs"));
  if (reshaping.cpus) changes.push_back(StrCat("sized for ", *reshaping.cpus, " processors"));
  if (reshaping.arrivals != 1)
    changes.push_back(StrCat("coming ", reshaping.arrivals, " times as fast"));
  if (reshaping.estimates) {
    changes.push_back(StrCat("asking for up to ", *reshaping.estimates, " times their run time"));
  }
  if (changes.empty()) return;
  trace->notes.push_back(
      StrCat(trace->name, ": jobs are ", Join(changes, ", "), " (seed ", reshaping.seed, ")"));
}

}  // namespace

absl::Status Reshape(const Reshaping& reshaping, Trace* trace) {
  if (trace->jobs.empty()) return absl::OkStatus();
  if (reshaping.cpus.has_value() && trace->max_cpus == 0) {
    return absl::FailedPreconditionError(
        StrCat(trace->name, ": no header says how many processors the machine had (MaxProcs)"));
  }
  Random random(reshaping.seed);
  double more_jobs = 1;
  if (reshaping.jobs.has_value()) {
    more_jobs = static_cast<double>(*reshaping.jobs) / static_cast<double>(trace->jobs.size());
    Multiply(*reshaping.jobs, &random, trace);
  }
  if (reshaping.cpus.has_value()) {
    Enlarge(*reshaping.cpus, *reshaping.cpus / (trace->max_cpus * more_jobs), &random, trace);
  }
  if (reshaping.arrivals != 1) Compress(reshaping.arrivals, trace);
  if (reshaping.estimates.has_value()) Estimate(*reshaping.estimates, &random, trace);
  Note(reshaping, trace);
  return absl::OkStatus();
}

}  // namespace reeve::replay
