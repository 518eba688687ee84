// Slurm's words for refusals, and the statuses made of them: notes for the user, one a line, then
// the words as the last line.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/text.h"

namespace reeve::ctld {

inline constexpr std::string_view kInvalidJobId = "Invalid job id specified";
inline constexpr std::string_view kAlreadyDone = "Job/step already completing or completed";
inline constexpr std::string_view kAccessDenied = "Access/permission denied";
inline constexpr std::string_view kInvalidUser = "Invalid user id";
inline constexpr std::string_view kJobPending = "Job is pending execution";
inline constexpr std::string_view kJobNotPending = "Job is no longer pending execution";
inline constexpr std::string_view kJobHeld = "Job is in held state, pending scheduler release";
inline constexpr std::string_view kJobNotRunning = "Job is not running";
inline constexpr std::string_view kJobNotSuspended = "Job is not suspended";
inline constexpr std::string_view kNotNow = "Job can not be altered now, try again later";
inline constexpr std::string_view kDisabled = "Requested operation is presently disabled";
inline constexpr std::string_view kBatchOnly = "Only batch jobs are accepted or processed";
inline constexpr std::string_view kInvalidPartition = "Invalid partition name specified";
inline constexpr std::string_view kNoPartition =
    "No partition specified or system default partition";
inline constexpr std::string_view kPartitionNotAvail =
    "Required partition not available (inactive or drain)";
inline constexpr std::string_view kGroupDenied = "User's group not permitted to use this partition";
inline constexpr std::string_view kInvalidAccount =
    "Invalid account or account/partition combination specified";
inline constexpr std::string_view kInvalidQos = "Invalid qos specification";
inline constexpr std::string_view kInvalidNodeCount = "Node count specification invalid";
inline constexpr std::string_view kInvalidNodeName = "Invalid node name specified";
inline constexpr std::string_view kInvalidFeature = "Invalid feature specification";
inline constexpr std::string_view kInvalidGres = "Invalid generic resource (gres) specification";
inline constexpr std::string_view kInvalidLicense = "Invalid license specification";
inline constexpr std::string_view kInvalidTres = "Invalid Trackable RESource (TRES) specification";
inline constexpr std::string_view kInvalidArray = "Invalid job array specification";
inline constexpr std::string_view kNotWholeHetJob =
    "Operation not permitted on individual component of heterogeneous job";
inline constexpr std::string_view kDependencyProblem = "Job dependency problem";
inline constexpr std::string_view kNodeConfig = "Requested node configuration is not available";
inline constexpr std::string_view kNodeNotAvail =
    "Required node not available (down, drained or reserved)";
inline constexpr std::string_view kPartitionNotNow =
    "Requested partition configuration not available now";
inline constexpr std::string_view kNodesNotInPartition = "Requested nodes not in this partition";
inline constexpr std::string_view kInvalidTimeLimit =
    "Requested time limit is invalid (missing or exceeds some limit)";
inline constexpr std::string_view kNotImmediate =
    "Immediate execution impossible, insufficient priority";
inline constexpr std::string_view kNodesBusy = "Requested nodes are busy";
inline constexpr std::string_view kInvalidTime = "Invalid time specified";
inline constexpr std::string_view kReservationInvalid = "Requested reservation is invalid";
inline constexpr std::string_view kReservationAccess = "Access denied to requested reservation";
inline constexpr std::string_view kReservationBusy = "Requested reservation is in use";
inline constexpr std::string_view kReservationOverlaps =
    "Requested reservation overlaps with another reservation";
inline constexpr std::string_view kReservationNameTaken = "Duplicate reservation name";
inline constexpr std::string_view kTooManyTasks = "More processors requested than permitted";
inline constexpr std::string_view kUnsupported = "Requested feature is not supported";
inline constexpr std::string_view kTooLong =
    "Pathname of a file, directory or other parameter too long";
inline constexpr std::string_view kTooManyJobs = "Job count limit (MaxJobCount) reached";

// The code follows from the words; `note` (may be empty) is what the user reads before them.
absl::Status Refuse(std::string_view words, std::string_view note = "");
// The last line of a status's message: the words.
std::string WordsOf(const absl::Status& status);

}  // namespace reeve::ctld
