#include "ctld/core/reasons.h"

#include <array>
#include <utility>

#include "common/base/text.h"

namespace reeve::ctld {
namespace {

constexpr std::pair<Reason, std::string_view> kNames[] = {
    {Reason::kNone, "None"},
    {Reason::kPriority, "Priority"},
    {Reason::kResources, "Resources"},
    {Reason::kDependency, "Dependency"},
    {Reason::kDependencyNeverSatisfied, "DependencyNeverSatisfied"},
    {Reason::kBeginTime, "BeginTime"},
    {Reason::kJobHeldUser, "JobHeldUser"},
    {Reason::kJobHeldAdmin, "JobHeldAdmin"},
    {Reason::kJobArrayTaskLimit, "JobArrayTaskLimit"},
    {Reason::kPartitionDown, "PartitionDown"},
    {Reason::kPartitionInactive, "PartitionInactive"},
    {Reason::kPartitionTimeLimit, "PartitionTimeLimit"},
    {Reason::kPartitionNodeLimit, "PartitionNodeLimit"},
    {Reason::kPartitionConfig, "PartitionConfig"},
    {Reason::kReqNodeNotAvail, "ReqNodeNotAvail"},
    {Reason::kBadConstraints, "BadConstraints"},
    {Reason::kAccountNotAllowed, "AccountNotAllowed"},
    {Reason::kTimeLimit, "TimeLimit"},
    {Reason::kNodeDown, "NodeDown"},
    {Reason::kNonZeroExitCode, "NonZeroExitCode"},
    {Reason::kRaisedSignal, "RaisedSignal"},
    {Reason::kJobLaunchFailure, "JobLaunchFailure"},
    {Reason::kOutOfMemory, "OutOfMemory"},
    {Reason::kInactiveLimit, "InactiveLimit"},
    {Reason::kReservation, "Reservation"},
    {Reason::kReservationDeleted, "ReservationDeleted"},
    {Reason::kDeadline, "DeadLine"},
    {Reason::kLicenses, "Licenses"},
};

// Linux's numbering; index 0 is unused.
constexpr std::string_view kSignals[] = {"",
                                         "Hangup",
                                         "Interrupt",
                                         "Quit",
                                         "Illegal instruction",
                                         "Trace/breakpoint trap",
                                         "Aborted",
                                         "Bus error",
                                         "Floating point exception",
                                         "Killed",
                                         "User defined signal 1",
                                         "Segmentation fault",
                                         "User defined signal 2",
                                         "Broken pipe",
                                         "Alarm clock",
                                         "Terminated",
                                         "Stack fault",
                                         "Child exited",
                                         "Continued",
                                         "Stopped (signal)",
                                         "Stopped",
                                         "Stopped (tty input)",
                                         "Stopped (tty output)",
                                         "Urgent I/O condition",
                                         "CPU time limit exceeded",
                                         "File size limit exceeded",
                                         "Virtual timer expired",
                                         "Profiling timer expired",
                                         "Window changed",
                                         "I/O possible",
                                         "Power failure",
                                         "Bad system call"};

}  // namespace

std::string_view ReasonName(Reason reason) {
  for (const auto& [value, name] : kNames) {
    if (value == reason) return name;
  }
  return "None";
}

std::optional<Reason> ParseReason(std::string_view name) {
  if (name.starts_with("RaisedSignal")) return Reason::kRaisedSignal;
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

std::string SignalName(int signal) {
  if (signal > 0 && signal < static_cast<int>(std::size(kSignals))) {
    return std::string(kSignals[signal]);
  }
  return StrCat("Signal ", signal);
}

}  // namespace reeve::ctld
