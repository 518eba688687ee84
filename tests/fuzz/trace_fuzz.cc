// Traces: any file is refused with its name, or gives a trace that can be written and read again,
// and replayed without a job lost, started early, or given CPUs that are not there.
#include <algorithm>
#include <map>

#include "replay/job_spec.h"
#include "replay/read_trace.h"
#include "replay/report.h"
#include "replay/svg.h"
#include "replay/swf.h"
#include "tests/fuzz/check.h"

namespace reeve::replay {
namespace {

using fuzz::Expect;

constexpr size_t kMostJobs = 40;  // that are replayed
constexpr uint32_t kNodes = 3;
constexpr uint32_t kCpus = 4;
// The controller ends a job after a year, unless it asked for no limit at all.
constexpr absl::Duration kLongest = absl::Hours(24 * 365);

void CheckAgain(const Trace& trace) {
  const absl::StatusOr<Trace> again = ParseSwf(FormatSwf(trace), "again");
  Expect(again.ok(), "what was written cannot be read: ", Message(again.status()));
  Expect(again->jobs.size() == trace.jobs.size(), "a job is lost or won");
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    Expect(again->jobs[i].cpus == trace.jobs[i].cpus && again->jobs[i].run == trace.jobs[i].run,
           "job ", trace.jobs[i].label, " is another now");
  }
}

void CheckRoom(const Result& result) {
  std::map<absl::Time, int64_t> changes;
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.ran() || outcome.start == outcome.end) continue;
    changes[outcome.start] += outcome.cpus;
    changes[outcome.end] -= outcome.cpus;
  }
  int64_t used = 0;
  for (const auto& [time, change] : changes) {
    used += change;
    Expect(used <= int64_t{result.cpus}, used, " CPUs are in use of ", result.cpus);
  }
}

absl::Duration RunOf(const TraceJob& job) {
  const absl::Duration limit = LimitOf(job);
  return limit == absl::InfiniteDuration() ? job.run : std::min({job.run, limit, kLongest});
}

void CheckReplay(const Trace& trace, Policy policy) {
  Cluster cluster = UniformCluster(kNodes, kCpus);
  SetPolicy(policy, &cluster.settings);
  Scenario scenario{"p", "c", Replay(trace, cluster, {.keep_places = true}), {}};
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    const TraceJob& job = trace.jobs[i];
    const Outcome& outcome = scenario.result.outcomes[i];
    Expect(outcome.ran() || job.cpus > kNodes * kCpus || job.nodes > 0, "job ", job.label,
           " never ran");
    if (!outcome.ran()) continue;
    Expect(outcome.start >= job.submit, "job ", job.label, " started early");
    Expect(outcome.end - outcome.start == RunOf(job), "job ", job.label, " ran for another time");
    Expect(outcome.cpus >= job.cpus, "job ", job.label, " lacks CPUs");
  }
  CheckRoom(scenario.result);
  scenario.figures = Measure(trace, scenario.result);
  Expect(scenario.figures.utilisation < 1.000001, "utilisation above 1");
  Expect(!JsonReport(trace, {scenario}).empty() && !DrawSchedules(trace, {scenario}).empty(),
         "no report");
}

void Check(std::string_view data) {
  const absl::StatusOr<Trace> trace = ReadTrace(data, "trace", absl::UTCTimeZone());
  if (!trace.ok()) return fuzz::ExpectNames(trace.status(), "trace");
  Expect(std::is_sorted(trace->jobs.begin(), trace->jobs.end(),
                        [](const auto& a, const auto& b) { return a.submit < b.submit; }),
         "not in order");
  CheckAgain(*trace);
  if (trace->jobs.size() > kMostJobs) return;
  for (Policy policy : {Policy::kReeve, Policy::kEasy, Policy::kFifo}) CheckReplay(*trace, policy);
}

}  // namespace
}  // namespace reeve::replay

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::replay::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
