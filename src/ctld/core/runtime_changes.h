// Changes that scontrol makes at run time of what the configuration says of nodes and partitions.
//
// They are stored and hold over restarts of the controller, planned or not, until `scontrol
// reconfigure`, or until the line of the node or partition in the configuration is another one than
// it was when they were made: then the file is the newer word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/controller.h"

namespace reeve::ctld {

// A text that is another one when the line in the configuration says something else of what can be
// changed or of where it applies. Takes what the configuration gave, before any change.
std::string ConfiguredText(const Node& node);
std::string ConfiguredText(const Partition& partition);

void SetWeight(Node& node, uint32_t weight);
void SetFeatures(Node& node, std::string_view names);

// InvalidArgument in Slurm's words for a key or value that is none; then nothing has changed.
absl::Status ChangePartition(Partition& partition, const std::string& key,
                             const std::string& value);
// Every other partition ceases to be the default.
void LeaveOneDefault(Context& context, const std::string& name);

void RestoreNodeChanges(Context& context, Node& node, const StoredNode& stored);
void RestorePartitionChanges(Context& context, const std::vector<StoredPartition>& stored);

}  // namespace reeve::ctld
