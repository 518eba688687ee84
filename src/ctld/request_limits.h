// How long the parts of a request may be. What a request leaves behind is kept in memory, stored,
// and shown to everybody who asks; Slurm's words for what is too long.
#pragma once

#include "absl/status/status.h"
#include "common/base/config.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::ctld {

namespace pb = reeve::v1;

inline constexpr size_t kMaxEnvironmentBytes = 4 << 20;
inline constexpr int kMaxSubmissions = 1000;  // of one request

// The largest request that is within the limits below, and what else its message holds.
size_t MaxRequestBytes(const Config& config);

absl::Status CheckLimits(const pb::SubmitJobRequest& request, const Config& config);
absl::Status CheckLimits(const pb::SubmitJobsRequest& request, const Config& config);
absl::Status CheckLimits(const pb::CreateStepRequest& request);
absl::Status CheckLimits(const pb::CancelJobsRequest& request);
absl::Status CheckLimits(const pb::ControlJobsRequest& request);
absl::Status CheckLimits(const pb::UpdateJobRequest& request);
absl::Status CheckLimits(const pb::ExplainJobsRequest& request);
absl::Status CheckLimits(const pb::UpdateNodeRequest& request);
absl::Status CheckLimits(const pb::UpdatePartitionRequest& request);
absl::Status CheckLimits(const pb::UpdateReservationRequest& request);

}  // namespace reeve::ctld
