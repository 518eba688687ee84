// What accounting records say, in the words that sacct prints: one function a kind of value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/config.h"
#include "reeve/v1/types.pb.h"

namespace reeve::cli {

// How numbers of bytes are shown: without a unit of their own choice in the largest unit in which
// they are whole.
struct UnitOptions {
  std::optional<char> unit;  // --units: one of K M G T P
  bool convert = true;       // --noconvert: false
};

// `base`: the unit `value` is counted in, one of "BKMGTP". 2048 of 'M' is "2G", 1500 of 'M' is
// "1500M", with unit G "1.46G". Bytes have no letter; 0 is "0".
std::string FormatSize(uint64_t value, char base, const UnitOptions& options);

bool KilledBySignal(int32_t status);

// "00:00:08", "1-02:03:04".
std::string FormatSeconds(int64_t seconds);
// "00:01.234" when there is a part of a second and less than an hour, else as FormatSeconds.
std::string FormatCpuTime(int64_t microseconds);

bool RunIsOver(const v1::Job& job);
bool HasStarted(const v1::Job& job);
// A run that ended because the job was put back into the queue.
bool WasRequeued(const v1::Job& job);

// "RUNNING", "CANCELLED by 0", "REQUEUED".
std::string JobStateText(const v1::Job& job);
std::string StepStateText(const v1::Step& step);

// "12", "12_3", "12_[1-10%2]"; what is in brackets is cut at `max_tasks_length` (0: never).
std::string JobIdText(const v1::Job& job, size_t max_tasks_length);

// Asked for, as far as the record tells; a running job's own numbers are what it was given.
uint32_t RequestedCpus(const v1::Job& job);
uint32_t RequestedNodes(const v1::Job& job);
// Of all nodes together. Without a request the partition's or the cluster's default, else the
// memory of the partition's smallest node, as `config` has them; absent when that isn't known
// either.
std::optional<uint64_t> RequestedMemoryMb(const v1::Job& job, const Config& config);

struct Allocation {
  uint32_t cpus = 0;
  uint32_t nodes = 0;
  uint64_t mem_mb = 0;
  std::string node_list;
};
Allocation AllocationOf(const v1::Job& job);  // all zero before it has started
Allocation AllocationOf(const v1::Step& step);

// "billing=8,cpu=8,mem=200M,node=2"; empty without CPUs.
std::string RequestedTres(const v1::Job& job, const Config& config, const UnitOptions& units);
std::string AllocatedTres(const v1::Job& job, const UnitOptions& units);
std::string AllocatedTres(const v1::Step& step, const UnitOptions& units);

}  // namespace reeve::cli
