// Points in time as the listing commands print them: SLURM_TIME_FORMAT decides how.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace reeve::cli {

// "2026-11-22T22:54:12" by default. SLURM_TIME_FORMAT may be "standard"; "relative": "16:04:05" for
// today, "Tomorr 16:04", "Ystday 16:04", "Mon 16:04" within the coming week, "25 Apr 16:04"
// within the year, else "6 Jun 2012"; or a strftime(3) format.
std::string TimeText(absl::Time time, std::string_view format, absl::Time now,
                     absl::TimeZone zone = absl::LocalTimeZone());

// The same by the environment and the clock; `unset` for 0.
std::string TimeText(int64_t seconds, std::string_view unset);

// "Sun Nov 22 22:40:56 2026": the line above a long listing.
std::string DateLine(absl::Time time, absl::TimeZone zone = absl::LocalTimeZone());

}  // namespace reeve::cli
