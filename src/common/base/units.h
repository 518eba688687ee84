// Times, durations and sizes as Slurm's commands and files write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace reeve {

// A time limit: "M", "M:S", "H:M:S", "D-H", "D-H:M", "D-H:M:S", rounded up to the minute;
// "UNLIMITED", "INFINITE" and "-1" (any case) are absl::InfiniteDuration(). 0 stays 0: what it
// means (no limit for -t 0) is the caller's. InvalidArgument otherwise, and past 2^31 minutes.
absl::StatusOr<absl::Duration> ParseTimeLimit(std::string_view text);

// The same grammar without rounding, to the second.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

// "00:05:00", "2-03:00:00", "UNLIMITED" for InfiniteDuration. Negative prints as "INVALID".
// An object rather than a function, so that a call with an absl::Duration does not also find
// absl::FormatDuration.
struct DurationFormatter {
  std::string operator()(absl::Duration duration) const;
};
inline constexpr DurationFormatter FormatDuration;

// squeue's %M: "0:08", "12:34", "1:02:03", "2-03:00:00"; "UNLIMITED" and "INVALID" as above.
std::string FormatElapsedShort(absl::Duration duration);

// "500", "500M", "4G", "1.5T" (K M G T P, any case, "B" may follow: "4GB"), default M, in MiB;
// a size that is not whole is rounded up.
absl::StatusOr<uint64_t> ParseMemoryMb(std::string_view text);

// MiB as Slurm's job views print it: in the largest unit that divides it, "500M", "4G", "1536G";
// 0 is "0".
std::string FormatMemoryMb(uint64_t mb);

// --begin, --deadline and scontrol's times, in local time: "now+3hours", "now", "16:00", "4:05pm",
// "midnight" "noon" "elevenses" (11:00) "fika" (15:00) "teatime" (16:00), "today", "tomorrow",
// "MMDDYY", "MM/DD[/YY]", "YYYY-MM-DD[THH:MM[:SS]]", a date and a time in either order separated by
// a blank. A time of day without a date that has passed means tomorrow; a date without a time
// means its midnight. "now+90" counts seconds; units second(s) minute(s) hour(s) day(s) week(s).
absl::StatusOr<absl::Time> ParseBegin(std::string_view text, absl::Time now,
                                      absl::TimeZone zone = absl::LocalTimeZone());

// "2026-11-22T22:54:12".
std::string FormatTimestamp(absl::Time time, absl::TimeZone zone = absl::LocalTimeZone());

// Whole numbers with nothing before or after; InvalidArgument names `what` and the text.
absl::StatusOr<uint64_t> ParseUint(std::string_view text, std::string_view what, uint64_t max);
// One or more.
absl::StatusOr<uint32_t> ParseCount(std::string_view text, std::string_view what, uint32_t max);
absl::StatusOr<int64_t> ParseInt(std::string_view text, std::string_view what, int64_t min,
                                 int64_t max);

}  // namespace reeve
