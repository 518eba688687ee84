// What was asked for, given and used.
#include "cli/sacct_cells.h"
#include "common/base/ids.h"
#include "common/base/saturating.h"
#include "common/base/text.h"

namespace reeve::cli::cells {
namespace {

Allocation Given(const Row& row) {
  return row.step ? AllocationOf(*row.step) : AllocationOf(*row.job);
}

// What a step used is known when it has ended.
const v1::Usage* UsageOf(const Row& row) {
  if (row.step == nullptr || row.step->end_time() == 0 || !row.step->has_usage()) return nullptr;
  return &row.step->usage();
}

struct CpuSum {
  int64_t user = 0;
  int64_t system = 0;
  int64_t total() const { return SaturatingAdd(user, system); }
};
CpuSum CpuOf(const Row& row) {
  CpuSum sum;
  auto add = [&sum](const v1::Step& step) {
    sum.user = SaturatingAdd(sum.user, step.usage().user_usec());
    sum.system = SaturatingAdd(sum.system, step.usage().system_usec());
  };
  if (row.step) {
    add(*row.step);
  } else {
    for (const v1::Step& step : row.job->steps()) add(step);
  }
  return sum;
}

std::string Rss(const v1::Usage& usage, const Context& context) {
  return FormatSize(usage.max_rss_kb(), 'K', context.units);
}

}  // namespace

std::string AllocCpus(const Row& row, const Context&) {
  return StrCat(Given(row).cpus);
}
std::string AllocNodes(const Row& row, const Context&) {
  return StrCat(Given(row).nodes);
}
std::string AllocTres(const Row& row, const Context& context) {
  return row.step ? AllocatedTres(*row.step, context.units)
                  : AllocatedTres(*row.job, context.units);
}
std::string AveCpu(const Row& row, const Context&) {
  if (UsageOf(row) == nullptr || row.step->num_tasks() == 0) return "";
  return FormatSeconds(CpuOf(row).total() / row.step->num_tasks() / 1000000);
}
std::string AveRss(const Row& row, const Context& context) {
  // Nodes report their highest task alone: with several there is no average to show.
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr || row.step->num_tasks() != 1 ? "" : Rss(*usage, context);
}
std::string ConsumedEnergy(const Row&, const Context&) {
  return "0";
}  // nothing measures it
std::string MaxRss(const Row& row, const Context& context) {
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr ? "" : Rss(*usage, context);
}
std::string MaxRssNode(const Row& row, const Context&) {
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr ? "" : usage->max_rss_node();
}
std::string MaxRssTask(const Row& row, const Context&) {
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr ? "" : StrCat(usage->max_rss_task());
}
std::string NodeCount(const Row& row, const Context&) {
  if (row.step == nullptr && !HasStarted(*row.job)) return StrCat(RequestedNodes(*row.job));
  return StrCat(Given(row).nodes);
}
std::string NodeList(const Row& row, const Context&) {
  const std::string list = Given(row).node_list;
  return list.empty() ? "None assigned" : list;
}
std::string NumTasks(const Row& row, const Context&) {
  return row.step ? StrCat(row.step->num_tasks()) : "";
}
std::string RequestedCpuCount(const Row& row, const Context&) {
  return StrCat(row.step ? Given(row).cpus : RequestedCpus(*row.job));
}
std::string RequestedFrequency(const Row& row, const Context&) {
  return row.step && row.step->step_id() == kBatchStep.value ? "0" : "Unknown";
}
std::string RequestedMemory(const Row& row, const Context& context) {
  if (row.step) return "";
  const auto memory = RequestedMemoryMb(*row.job, *context.config);
  return memory ? FormatSize(*memory, 'M', context.units) : "";
}
std::string RequestedNodeCount(const Row& row, const Context&) {
  return StrCat(row.step ? Given(row).nodes : RequestedNodes(*row.job));
}
std::string RequestedTresText(const Row& row, const Context& context) {
  return row.step ? "" : RequestedTres(*row.job, *context.config, context.units);
}
std::string SystemCpu(const Row& row, const Context&) {
  return FormatCpuTime(CpuOf(row).system);
}
std::string TotalCpu(const Row& row, const Context&) {
  return FormatCpuTime(CpuOf(row).total());
}
std::string TresUsageInMax(const Row& row, const Context& context) {
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr ? "" : StrCat("mem=", Rss(*usage, context));
}
std::string TresUsageInMaxNode(const Row& row, const Context&) {
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr ? "" : StrCat("mem=", usage->max_rss_node());
}
std::string TresUsageInMaxTask(const Row& row, const Context&) {
  const v1::Usage* usage = UsageOf(row);
  return usage == nullptr ? "" : StrCat("mem=", usage->max_rss_task());
}
std::string TresUsageInTot(const Row& row, const Context&) {
  if (UsageOf(row) == nullptr) return "";
  return StrCat("cpu=", FormatSeconds(CpuOf(row).total() / 1000000));
}
std::string UserCpu(const Row& row, const Context&) {
  return FormatCpuTime(CpuOf(row).user);
}

}  // namespace reeve::cli::cells
