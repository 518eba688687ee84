// Between the core's plain values and the messages that travel and are stored.
#pragma once

#include "absl/status/statusor.h"
#include "ctld/core/controller.h"
#include "ctld/core/effects.h"
#include "ctld/core/events.h"
#include "ctld/core/job.h"
#include "ctld/core/node.h"
#include "ctld/core/partition.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/store.pb.h"
#include "reeve/v1/types.pb.h"

namespace reeve::ctld {

namespace pb = reeve::v1;

pb::JobSpec ToProto(const JobSpec& spec);
JobSpec FromProto(const pb::JobSpec& spec);
pb::CpuWishes ToProto(const CpuWishes& wishes);
CpuWishes FromProto(const pb::CpuWishes& wishes);

// All of a job: what queries show, the store keeps and accounting gets.
pb::Job ToProto(const Job& job, const std::string& cluster);
pb::Job WithoutSpec(const Job& job, const std::string& cluster);  // all else
// DataLoss for a record that no controller wrote.
absl::StatusOr<Job> FromProto(const pb::Job& job);
// The spec is not the message's.
absl::StatusOr<Job> FromProto(const pb::Job& job, std::shared_ptr<const JobSpec> spec);

pb::Node ToProto(const Node& node);
pb::StoredNode ToStored(const Node& node);
pb::Partition ToProto(const Partition& partition);
pb::Reservation ToProto(const Reservation& reservation);
// DataLoss when it says what no reservation can be.
absl::StatusOr<Reservation> FromProto(const pb::Reservation& reservation);
pb::StoredPartition ToStored(const Partition& partition);  // what scontrol has changed
StoredNode FromProto(const pb::StoredNode& node);
StoredPartition FromProto(const pb::StoredPartition& partition);

std::shared_ptr<const StepSpec> FromProto(const pb::CreateStepRequest& request);
std::shared_ptr<const GresSpec> GresOf(const pb::CreateStepRequest& request);  // null: all
pb::StoredStepSpec ToProto(const StepToLaunch& step);
StepToLaunch FromProto(const pb::StoredStepSpec& step);

pb::StoredRequest ToProto(const RequestResult& request);
RequestResult FromProto(const pb::StoredRequest& request);

pb::NodeShare ToProto(const NodeShare& share);

pb::JobPriority ToProto(const PriorityFactors& factors, std::string_view partition,
                        uint32_t priority);
// Puts a pending job's priority of that moment in place of what the core keeps, and on demand what
// it is made of.
void ShowPriorities(const PriorityBook& book, absl::Time now, bool with_parts, pb::Job* job);

pb::StoredUsage ToProto(const StoredUsage& usage);
StoredUsage FromProto(const pb::StoredUsage& usage);

pb::Explanation ToProto(const Explanation& explanation);
pb::ExpectedStart ToProto(const ExpectedStart& start);

// Without script and user environment, which come from blobs.
pb::JobFacts ToProto(const JobFacts& facts);
pb::StepLaunch ToProto(const StepLaunch& launch, const std::string& cluster);

// What a node says; nullopt for a message this controller does not know.
std::optional<Event> ToEvent(const std::string& node, const pb::NodeMessage& message);
NodeRegistered FromProto(const pb::Registration& registration);

std::vector<Rlimit> FromProto(const google::protobuf::RepeatedPtrField<pb::Rlimit>& limits);

}  // namespace reeve::ctld
