// What the commands say about a node's state and TRES.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reeve/v1/types.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

// One word as sinfo shows it: "idle", "mixed", "draining", "down*". The star marks a node that does
// not respond.
std::string NodeStateText(const pb::Node& node);         // "allocated", "drained"
std::string CompactNodeStateText(const pb::Node& node);  // "alloc", "drain"
// Base state and all flags: "MIXED+DRAIN", "DOWN+NOT_RESPONDING".
std::string CompleteNodeStateText(const pb::Node& node);

// Orders states as sinfo's sort by state does: base states, above them those with flags.
uint32_t NodeStateRank(const pb::Node& node);

bool IsDraining(const pb::Node& node);  // drain, and work is still on it
bool IsUnusable(
    const pb::Node& node);  // down, drain, fail, unknown or future: its idle CPUs are no offer

// True when the node is in the state that a user calls `name` (sinfo -t). False with `*known`
// false for a word that is no state's name.
bool NodeHasState(const pb::Node& node, std::string_view name, bool* known);

std::string NodeConfiguredTres(const pb::Node& node);  // "cpu=64,mem=20000M,billing=64"
std::string NodeAllocatedTres(const pb::Node& node);   // "" when idle
std::string PartitionTres(const pb::Partition& partition);

}  // namespace reeve::cli
