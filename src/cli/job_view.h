// What the commands say about a job beyond its plain fields: ids of array parts, times that depend
// on the clock, reasons, TRES. squeue's fields and `scontrol show job` are made of these.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/job_state.h"
#include "reeve/v1/types.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

// What a row needs to know beside its job.
struct ViewContext {
  int64_t now = 0;
  bool convert_units = true;   // 2048M as 2G
  size_t array_text_max = 64;  // of a pending array's task list; 0: no limit
  bool expand_patterns = false;
  bool default_requeue = true;  // JobRequeue
  std::string cluster;
  // RealMemory of a partition's smallest node: what a job without --mem asks for. May be empty.
  std::map<std::string, uint64_t> partition_memory_mb;
  // PreemptExemptTime, in seconds; absent: no job is ever preempted.
  std::optional<int64_t> preempt_exempt_time;
};

// A job or, with `task`, one task of a pending array shown by itself.
struct JobRow {
  const pb::Job* job = nullptr;
  std::optional<uint32_t> task;
  const ViewContext* context = nullptr;
};

struct StepRow {
  const pb::Job* job = nullptr;
  const pb::Step* step = nullptr;
  const ViewContext* context = nullptr;
};

// SLURM_BITSTR_LEN, 64 by default.
size_t ArrayTextMax();

inline JobState StateOf(const pb::Job& job) {
  return static_cast<JobState>(job.state());
}
bool IsPendingArray(const pb::Job& job);  // tasks that have not split off are in it

// Of a heterogeneous job's component: the ids of all of them, "12-14"; "N/A" of any other job.
std::string HetJobIdSet(const pb::Job& job);
// "12+1" means that component, "12" every one of the heterogeneous job 12.
bool IsComponentOf(const pb::Job& job, const JobSelector& selector);
std::string JobIdText(const JobRow& row);      // "12", "12_3", "12_[4-6%2]"
uint32_t ArrayJobId(const pb::Job& job);       // the job's own id when it is of no array
std::string ArrayTaskText(const JobRow& row);  // "3", "4-6%2", "N/A"
std::string StepIdText(const StepRow& row);    // "12.0", "12_3.batch"

std::string StateText(const pb::Job& job);         // "RUNNING"
std::string CompactStateText(const pb::Job& job);  // "R"
std::string ReasonText(const pb::Job& job);        // "Resources"; "None"
// squeue's NODELIST(REASON): why it waits or failed, in parentheses; else its nodes.
std::string NodesOrReason(const pb::Job& job);
std::string NodesText(const pb::Job& job);  // completing: the nodes not yet returned
std::string NodesText(const pb::Step& step);
std::string PartitionText(const pb::Job& job);  // pending: all it may run in

int64_t SecondsBetween(int64_t from, int64_t to);  // 0 where no clock can be
// How long it has run, without the time that it was suspended.
int64_t SecondsUsed(const pb::Job& job, int64_t now);
int64_t SecondsUsed(const pb::Job& job, const pb::Step& step, int64_t now);
int64_t SecondsSuspended(const pb::Job& job, int64_t now);
int64_t SecondsSuspended(const pb::Job& job, const pb::Step& step, int64_t now);
// How long it had run when it was suspended last.
int64_t SecondsBeforeSuspension(const pb::Job& job);
// A running step of a suspended job is suspended.
JobState StateOf(const pb::Job& job, const pb::Step& step);
int64_t StartTime(const pb::Job& job, int64_t now);  // pending: expected; 0: unknown
int64_t EndTime(const pb::Job& job,
                int64_t now);                   // expected until it has ended; 0: none or unknown
std::string TimeLimitText(const pb::Job& job);  // "30:00", "UNLIMITED"
std::string TimeLeftText(const pb::Job& job, int64_t now);

uint32_t NumTasks(const pb::Job& job);
uint32_t MinCpusPerNode(const pb::Job& job);
std::string MemoryText(uint64_t mb, bool convert_units);
std::string MinMemoryText(const JobRow& row);  // per node or per CPU, "0" for none
std::string RequestedTres(const pb::Job& job, const ViewContext& context);
std::string AllocatedTres(const pb::Job& job);      // empty when nothing was
std::string LicensesAllocated(const pb::Job& job);  // "bar:1,foo:4"; empty before it has started
std::string CommandText(const pb::Job& job);        // "(null)" when there is none

// File names of the job's streams. Unexpanded ones are as typed, with the default in the place of
// nothing; expanded ones are absolute.
enum class JobStream { kInput, kOutput, kError };
std::string StreamText(const JobRow& row, JobStream stream, bool expand);

// "code:signal" of a wait(2) status.
std::string ExitCodeText(int32_t wait_status);

// `text`, or "(null)" when it is empty.
std::string OrNull(std::string_view text);

}  // namespace reeve::cli
