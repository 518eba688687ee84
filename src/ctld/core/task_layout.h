// How tasks are dealt out to nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::ctld {

enum class Distribution { kBlock, kCyclic };

// "block", "cyclic", with what follows each ":" about sockets and cores being one of those words or
// "fcyclic"; "*" is the default. Empty: cyclic when every node gets at most one task, else block.
// Others are refused.
absl::StatusOr<Distribution> ParseDistribution(std::string_view text, uint32_t tasks,
                                               uint32_t nodes);
// As SLURM_DISTRIBUTION has it: the default in place of "*" over the nodes, the rest as typed.
std::string DistributionText(Distribution distribution, std::string_view typed);

// Tasks per node. Every node gets at least one (when there are enough), then the first is filled
// up, then the next. `capacity` bounds each node; what does not fit is dealt out evenly beyond it
// (overcommit). 4 tasks on {32, 32} are {3, 1}.
std::vector<uint32_t> LayOutBlock(uint32_t tasks, const std::vector<uint32_t>& capacity);
// One task to each node in turn, within capacity.
std::vector<uint32_t> LayOutCyclic(uint32_t tasks, const std::vector<uint32_t>& capacity);

// Which task ids each node gets, given how many.
std::vector<std::vector<uint32_t>> TaskIds(const std::vector<uint32_t>& counts,
                                           Distribution distribution);

}  // namespace reeve::ctld
