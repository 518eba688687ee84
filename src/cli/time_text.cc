#include "cli/time_text.h"

#include <cstdlib>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

std::string Format(const char* format, absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime(format, time, zone);
}

std::string RelativeText(absl::Time time, absl::Time now, absl::TimeZone zone) {
  const absl::CivilDay day = absl::ToCivilDay(time, zone);
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  const auto distance = day - today;
  if (distance == 0) return Format("%H:%M:%S", time, zone);
  if (distance == 1) return Format("Tomorr %H:%M", time, zone);
  if (distance == -1) return Format("Ystday %H:%M", time, zone);
  if (distance > 1 && distance < 7) return Format("%a %H:%M", time, zone);
  if (day.year() == today.year()) return Format("%-d %b %H:%M", time, zone);
  return Format("%-d %b %Y", time, zone);
}

}  // namespace

std::string TimeText(absl::Time time, std::string_view format, absl::Time now,
                     absl::TimeZone zone) {
  if (format.empty() || format == "standard") return FormatTimestamp(time, zone);
  if (format == "relative") return RelativeText(time, now, zone);
  const std::tm fields = absl::ToTM(time, zone);
  char text[256];
  const size_t length = strftime(text, sizeof text, std::string(format).c_str(), &fields);
  return std::string(text, length);
}

std::string TimeText(int64_t seconds, std::string_view unset) {
  if (seconds == 0) return std::string(unset);
  const char* format = getenv("SLURM_TIME_FORMAT");
  return TimeText(absl::FromUnixSeconds(seconds), format == nullptr ? "" : format, absl::Now());
}

std::string DateLine(absl::Time time, absl::TimeZone zone) {
  return Format("%a %b %e %H:%M:%S %Y", time, zone);
}

}  // namespace reeve::cli
