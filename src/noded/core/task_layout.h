// How Slurm's variables write down which tasks are where.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace reeve::noded {

// One node of a step, in the step's order.
struct NodePart {
  std::string node;
  uint32_t cpus = 0;
  std::vector<uint32_t> tasks;  // global ids
};

std::string TasksPerNodeText(std::span<const NodePart> parts);  // "2(x3),1"
std::string TaskIdsText(std::span<const uint32_t> ids);         // "0,3,6" (SLURM_GTIDS)
uint32_t TotalTasks(std::span<const NodePart> parts);

}  // namespace reeve::noded
