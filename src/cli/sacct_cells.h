// The functions behind sacct's fields. Fields that speak of the job alone are empty for a step.
#pragma once

#include <string>

#include "cli/sacct_fields.h"

namespace reeve::cli::cells {

using Row = SacctRow;
using Context = SacctContext;

// Names and numbers of the job.
std::string Account(const Row& row, const Context& context);
std::string Cluster(const Row& row, const Context& context);
std::string Comment(const Row& row, const Context& context);
std::string Constraints(const Row& row, const Context& context);
std::string DbIndex(const Row& row, const Context& context);
std::string Exclusive(const Row& row, const Context& context);
std::string Gid(const Row& row, const Context& context);
std::string Group(const Row& row, const Context& context);
std::string JobId(const Row& row, const Context& context);
std::string JobIdRaw(const Row& row, const Context& context);
std::string JobName(const Row& row, const Context& context);
std::string Layout(const Row& row, const Context& context);
std::string OverSubscribe(const Row& row, const Context& context);
std::string Partition(const Row& row, const Context& context);
std::string Priority(const Row& row, const Context& context);
std::string Qos(const Row& row, const Context& context);
std::string QosRequested(const Row& row, const Context& context);
std::string Reason(const Row& row, const Context& context);
std::string Restarts(const Row& row, const Context& context);
std::string StdErr(const Row& row, const Context& context);
std::string StdIn(const Row& row, const Context& context);
std::string StdOut(const Row& row, const Context& context);
std::string SubmitLine(const Row& row, const Context& context);
std::string Uid(const Row& row, const Context& context);
std::string User(const Row& row, const Context& context);
std::string WorkDir(const Row& row, const Context& context);

// States and times.
std::string DerivedExitCode(const Row& row, const Context& context);
std::string Elapsed(const Row& row, const Context& context);
std::string ElapsedRaw(const Row& row, const Context& context);
std::string Eligible(const Row& row, const Context& context);
std::string End(const Row& row, const Context& context);
std::string ExitCode(const Row& row, const Context& context);
std::string Planned(const Row& row, const Context& context);
std::string PlannedCpu(const Row& row, const Context& context);
std::string PlannedCpuRaw(const Row& row, const Context& context);
std::string Start(const Row& row, const Context& context);
std::string State(const Row& row, const Context& context);
std::string Submit(const Row& row, const Context& context);
std::string Suspended(const Row& row, const Context& context);
std::string TimeLimit(const Row& row, const Context& context);
std::string TimeLimitRaw(const Row& row, const Context& context);

// What was asked for, given and used.
std::string AllocCpus(const Row& row, const Context& context);
std::string AllocNodes(const Row& row, const Context& context);
std::string AllocTres(const Row& row, const Context& context);
std::string AveCpu(const Row& row, const Context& context);
std::string AveRss(const Row& row, const Context& context);
std::string ConsumedEnergy(const Row& row, const Context& context);
std::string CpuTime(const Row& row, const Context& context);
std::string CpuTimeRaw(const Row& row, const Context& context);
std::string MaxRss(const Row& row, const Context& context);
std::string MaxRssNode(const Row& row, const Context& context);
std::string MaxRssTask(const Row& row, const Context& context);
std::string NodeCount(const Row& row, const Context& context);
std::string NodeList(const Row& row, const Context& context);
std::string NumTasks(const Row& row, const Context& context);
std::string RequestedCpuCount(const Row& row, const Context& context);
std::string RequestedFrequency(const Row& row, const Context& context);
std::string RequestedMemory(const Row& row, const Context& context);
std::string RequestedNodeCount(const Row& row, const Context& context);
std::string RequestedTresText(const Row& row, const Context& context);
std::string SystemCpu(const Row& row, const Context& context);
std::string TotalCpu(const Row& row, const Context& context);
std::string TresUsageInMax(const Row& row, const Context& context);
std::string TresUsageInMaxNode(const Row& row, const Context& context);
std::string TresUsageInMaxTask(const Row& row, const Context& context);
std::string TresUsageInTot(const Row& row, const Context& context);
std::string UserCpu(const Row& row, const Context& context);

}  // namespace reeve::cli::cells
