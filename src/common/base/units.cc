#include "common/base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr int64_t kMaxMinutes = int64_t{1} << 31;
constexpr uint64_t kMaxField =
    100'000'000'000;  // of one field of a duration; products stay in range

absl::Status Invalid(std::string_view what, std::string_view text) {
  return absl::InvalidArgumentError(StrCat("invalid ", what, " '", text.substr(0, 100), "'"));
}

bool ParseField(std::string_view text, int64_t& value) {
  uint64_t parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size() || parsed > kMaxField) return false;
  value = static_cast<int64_t>(parsed);
  return true;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  if (EqualsIgnoreCase(text, "UNLIMITED") || EqualsIgnoreCase(text, "INFINITE") || text == "-1") {
    return absl::InfiniteDuration();
  }
  std::string_view rest = text;
  int64_t days = 0;
  const size_t dash = rest.find('-');
  if (dash != rest.npos) {
    if (!ParseField(rest.substr(0, dash), days)) return Invalid("time", text);
    rest.remove_prefix(dash + 1);
  }
  std::array<int64_t, 3> field{};
  size_t count = 0;
  for (std::string_view part : Split(rest, ":")) {
    if (count == field.size() || !ParseField(part, field[count++])) return Invalid("time", text);
  }
  // After days the first field is hours; without, one or two fields are minutes and seconds.
  if (dash == text.npos && count < 3) field = {0, field[0], field[1]};
  const absl::Duration sum = absl::Hours(24 * days) + absl::Hours(field[0]) +
                             absl::Minutes(field[1]) + absl::Seconds(field[2]);
  if (sum > absl::Minutes(kMaxMinutes)) return Invalid("time", text);
  return sum;
}

absl::StatusOr<absl::Duration> ParseTimeLimit(std::string_view text) {
  absl::StatusOr<absl::Duration> exact = ParseDuration(text);
  if (!exact.ok() || *exact == absl::InfiniteDuration()) return exact;
  return absl::Ceil(*exact, absl::Minutes(1));
}

std::string DurationFormatter::operator()(absl::Duration duration) const {
  if (duration == absl::InfiniteDuration()) return "UNLIMITED";
  if (duration < absl::ZeroDuration()) return "INVALID";
  const int64_t seconds = absl::ToInt64Seconds(duration);
  const int64_t days = seconds / 86400;
  const std::string clock =
      absl::StrFormat("%02d:%02d:%02d", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return days > 0 ? StrCat(days, "-", clock) : clock;
}

std::string FormatElapsedShort(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "UNLIMITED";
  if (duration < absl::ZeroDuration()) return "INVALID";
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds >= 86400) return FormatDuration(duration);
  if (seconds >= 3600) {
    return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
  return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
}

absl::StatusOr<uint64_t> ParseMemoryMb(std::string_view text) {
  std::string_view rest = text;
  if (absl::ascii_tolower(rest.empty() ? ' ' : rest.back()) == 'b' && rest.size() > 1 &&
      !absl::ascii_isdigit(rest[rest.size() - 2])) {
    rest.remove_suffix(1);
  }
  double unit_mb = 1;
  if (!rest.empty() && !absl::ascii_isdigit(rest.back())) {
    switch (absl::ascii_toupper(rest.back())) {
      case 'K':
        unit_mb = 1.0 / 1024;
        break;
      case 'M':
        unit_mb = 1;
        break;
      case 'G':
        unit_mb = 1024;
        break;
      case 'T':
        unit_mb = 1024.0 * 1024;
        break;
      case 'P':
        unit_mb = 1024.0 * 1024 * 1024;
        break;
      default:
        return Invalid("memory size", text);
    }
    rest.remove_suffix(1);
  }
  if (rest.empty() || rest.size() > 20 || !absl::ascii_isdigit(rest[0])) {
    return Invalid("memory size", text);
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), value, std::chars_format::fixed);
  const double mb = std::ceil(value * unit_mb);
  if (error != std::errc() || end != rest.data() + rest.size() || !(mb < 1e15)) {
    return Invalid("memory size", text);
  }
  return static_cast<uint64_t>(mb);
}

std::string FormatMemoryMb(uint64_t mb) {
  if (mb == 0) return "0";
  constexpr std::string_view kUnits = "MGTP";
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && mb % 1024 == 0) {
    mb /= 1024;
    ++unit;
  }
  return StrCat(mb, kUnits.substr(unit, 1));
}

std::string FormatTimestamp(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S", time, zone);
}

absl::StatusOr<uint64_t> ParseUint(std::string_view text, std::string_view what, uint64_t max) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) {
    return Invalid(what, text);
  }
  return value;
}

absl::StatusOr<uint32_t> ParseCount(std::string_view text, std::string_view what, uint32_t max) {
  absl::StatusOr<uint64_t> value = ParseUint(text, what, max);
  if (!value.ok()) return value.status();
  if (*value == 0) return absl::InvalidArgumentError(StrCat(what, " must be at least 1"));
  return static_cast<uint32_t>(*value);
}

absl::StatusOr<int64_t> ParseInt(std::string_view text, std::string_view what, int64_t min,
                                 int64_t max) {
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < min || value > max) {
    return Invalid(what, text);
  }
  return value;
}

}  // namespace reeve
