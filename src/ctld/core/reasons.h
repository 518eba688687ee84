// Why a job waits or how it ended: Slurm's reason codes as data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::ctld {

enum class Reason : uint8_t {
  kNone,
  kPriority,
  kResources,
  kDependency,
  kDependencyNeverSatisfied,
  kBeginTime,
  kJobHeldUser,
  kJobHeldAdmin,
  kJobArrayTaskLimit,
  kPartitionDown,
  kPartitionInactive,
  kPartitionTimeLimit,
  kPartitionNodeLimit,
  kPartitionConfig,
  kReqNodeNotAvail,
  kBadConstraints,
  kAccountNotAllowed,
  kTimeLimit,
  kNodeDown,
  kNonZeroExitCode,
  kRaisedSignal,  // its text is made from the exit status
  kJobLaunchFailure,
  kOutOfMemory,
  kInactiveLimit,
  kReservation,
  kReservationDeleted,
  kDeadline,
  kLicenses,
};

// "Resources", "JobHeldUser", ... kRaisedSignal gives "RaisedSignal" alone: see ReasonText in
// job.h.
std::string_view ReasonName(Reason reason);
std::optional<Reason> ParseReason(std::string_view name);

// "Killed", "Segmentation fault": what strsignal says in the C locale, without calling it.
std::string SignalName(int signal);

}  // namespace reeve::ctld
