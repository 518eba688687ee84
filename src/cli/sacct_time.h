// The times that sacct reads.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace reeve::cli {

// --starttime and --endtime, sacct(1): "now", "now-2days" (seconds, minutes, hours, days, weeks, or
// their beginnings), a date, a time of day, or both with '-', 'T' or a blank between:
//   dates  YYYY-MM-DD, MM/DD[/YY], MM.DD[.YY], MMDD, MMDDYY, today, tomorrow, yesterday
//   times  HH:MM[:SS][AM|PM], midnight, noon, elevenses, fika, teatime
// A time alone is today's, also when it is still to come; a date alone is its midnight; without a
// year it is this year's. InvalidArgument: "Invalid time specification (pos=0): TEXT".
absl::StatusOr<absl::Time> ParsePastTime(std::string_view text, absl::Time now,
                                         absl::TimeZone zone = absl::LocalTimeZone());

}  // namespace reeve::cli
