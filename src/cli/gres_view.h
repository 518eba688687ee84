// What the commands say about generic resources: as asked, as allocated, as TRES.
#pragma once

#include <string>

#include "google/protobuf/repeated_field.h"
#include "reeve/v1/types.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;
using NodeShares = google::protobuf::RepeatedPtrField<pb::NodeShare>;

// As asked; empty when nothing was.
std::string TresPerNode(const pb::JobSpec& spec);  // "gres/gpu:a100:2,gres/nic:1"
std::string TresPerJob(const pb::JobSpec& spec);   // "gres/gpu:8"
std::string TresPerTask(const pb::JobSpec& spec);  // "cpu=4,gres/gpu=1"
std::string CpusPerTres(const pb::JobSpec& spec);  // "gres/gpu:4"
std::string MemPerTres(const pb::JobSpec& spec);   // "gres/gpu:1024"

// How many GPUs it asks for, on all its nodes.
uint64_t RequestedGpus(const pb::Job& job);
// To be put behind other TRES: ",gres/gpu=4,gres/nic=2"; empty when there are none.
std::string RequestedGresTres(const pb::Job& job);
std::string AllocatedGresTres(const NodeShares& shares);
// The same of a list such as Gres= or "gpu:a100:2(IDX:0-1)".
std::string GresTres(const std::string& list);

// "gpu:a100:4,nic:2", over all nodes; empty when there are none.
std::string GresTotals(const NodeShares& shares);
// "gpu:a100:2(IDX:0-1),nic:1(IDX:0)", of one node.
std::string GresWithIds(const pb::NodeShare& share);

}  // namespace reeve::cli
