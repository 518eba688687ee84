#include "ctld/core/errors.h"

#include "common/base/text.h"

namespace reeve::ctld {

absl::Status Refuse(std::string_view words, std::string_view note) {
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
  if (words == kInvalidJobId) code = absl::StatusCode::kNotFound;
  if (words == kAccessDenied || words == kGroupDenied || words == kInvalidAccount ||
      words == kInvalidUser || words == kReservationAccess) {
    code = absl::StatusCode::kPermissionDenied;
  }
  if (words == kAlreadyDone || words == kJobPending || words == kJobNotPending ||
      words == kDisabled || words == kNodesBusy || words == kNotImmediate ||
      words == kJobNotRunning || words == kJobNotSuspended || words == kNotNow ||
      words == kJobHeld || words == kNodeNotAvail || words == kPartitionNotNow ||
      words == kReservationBusy || words == kReservationOverlaps) {
    code = absl::StatusCode::kFailedPrecondition;
  }
  if (words == kTooManyJobs) code = absl::StatusCode::kResourceExhausted;
  if (note.empty()) return absl::Status(code, ToAbsl(words));
  return absl::Status(code, StrCat(note, "\n", words));
}

std::string WordsOf(const absl::Status& status) {
  const std::string_view message = Message(status);
  const size_t newline = message.rfind('\n');
  return std::string(newline == std::string_view::npos ? message : message.substr(newline + 1));
}

}  // namespace reeve::ctld
