// reeve sim: what would the scheduler have made of this log?
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/sim_options.h"
#include "cli/sim_text.h"
#include "common/base/config.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "replay/read_trace.h"
#include "replay/report.h"
#include "replay/svg.h"
#include "replay/swf.h"

namespace reeve::cli {
namespace {

using replay::Cluster;
using replay::Scenario;
using replay::Trace;

constexpr char kVerb[] = "reeve sim";

absl::StatusOr<Trace> LoadTrace(const SimOptions& options) {
  absl::StatusOr<std::string> data = os::ReadFile(options.trace);
  if (!data.ok()) return data.status();
  absl::StatusOr<Trace> trace = replay::ReadTrace(*data, options.trace, absl::LocalTimeZone());
  if (!trace.ok()) return trace.status();
  if (absl::Status status = replay::Reshape(options.reshaping, &*trace); !status.ok()) {
    return status;
  }
  return trace;
}

// The machine that the trace's header describes.
absl::StatusOr<Cluster> MachineOf(const Trace& trace) {
  if (trace.max_nodes == 0 && trace.max_cpus == 0) {
    return absl::InvalidArgumentError(
        StrCat(trace.name,
               ": does not describe its machine (MaxNodes, MaxProcs): give --nodes or --conf"));
  }
  if (trace.max_nodes == 0) return replay::UniformCluster(trace.max_cpus, 1);
  return replay::UniformCluster(trace.max_nodes, std::max(trace.max_cpus / trace.max_nodes, 1u));
}

absl::StatusOr<std::vector<Cluster>> MakeClusters(const SimOptions& options, const Trace& trace) {
  std::vector<Cluster> clusters;
  for (const std::string& path : options.confs) {
    absl::StatusOr<Config> config = LoadWholeConfig(path);
    if (!config.ok()) return config.status();
    clusters.push_back(replay::ConfiguredCluster(*config, path));
  }
  if (options.nodes.has_value()) {
    clusters.push_back(replay::UniformCluster(*options.nodes, options.cpus));
  }
  if (clusters.empty()) {
    absl::StatusOr<Cluster> machine = MachineOf(trace);
    if (!machine.ok()) return machine.status();
    clusters.push_back(*std::move(machine));
  }
  return clusters;
}

Scenario Play(const Trace& trace, Cluster cluster, replay::Policy policy, bool keep_places) {
  replay::SetPolicy(policy, &cluster.settings);
  const absl::Time begin = absl::Now();
  Scenario scenario{std::string(replay::PolicyName(policy)),
                    cluster.name,
                    replay::Replay(trace, cluster, {keep_places}),
                    {}};
  scenario.figures = replay::Measure(trace, scenario.result);
  // For whoever waits for it; the report is the same whatever it took.
  fprintf(stderr, "reeve sim: %s, %s: %zu jobs replayed in %.1f s\n", scenario.policy.c_str(),
          scenario.cluster.c_str(), trace.jobs.size(), absl::ToDoubleSeconds(absl::Now() - begin));
  return scenario;
}

absl::Status Run(const SimOptions& options) {
  absl::StatusOr<Trace> trace = LoadTrace(options);
  if (!trace.ok()) return trace.status();
  if (!options.save.empty()) {
    absl::Status status = os::WriteFile(options.save, replay::FormatSwf(*trace), 0644);
    if (!status.ok()) return status;
  }
  absl::StatusOr<std::vector<Cluster>> clusters = MakeClusters(options, *trace);
  if (!clusters.ok()) return clusters.status();
  std::vector<Scenario> scenarios;
  for (const Cluster& cluster : *clusters) {
    std::vector<replay::Policy> policies = options.policies;
    if (policies.empty()) policies = {replay::PolicyOf(cluster.settings)};
    for (replay::Policy policy : policies) {
      scenarios.push_back(Play(*trace, cluster, policy, !options.svg.empty()));
    }
  }
  if (!options.svg.empty()) {
    absl::Status status =
        os::WriteFile(options.svg, replay::DrawSchedules(*trace, scenarios), 0644);
    if (!status.ok()) return status;
  }
  const std::string report =
      options.json ? replay::JsonReport(*trace, scenarios) : SimText(*trace, scenarios);
  fwrite(report.data(), 1, report.size(), stdout);
  return absl::OkStatus();
}

}  // namespace

int Sim(int argc, char** argv) {
  absl::StatusOr<SimOptions> options = ParseSimOptions(argc, argv);
  if (!options.ok()) {
    PrintError(kVerb, Message(options.status()));
    fputs("Try \"reeve sim --help\".\n", stderr);
    return 1;
  }
  if (options->help) {
    fputs(kSimUsage, stdout);
    return 0;
  }
  if (absl::Status status = Run(*options); !status.ok()) {
    PrintError(kVerb, Message(status));
    return 1;
  }
  return 0;
}

}  // namespace reeve::cli
