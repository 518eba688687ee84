#include "cli/sacct_time.h"

#include <charconv>
#include <optional>

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

struct ClockTime {
  int hour = 0, minute = 0, second = 0;
};

absl::Status Invalid(std::string_view text) {
  return absl::InvalidArgumentError(StrCat("Invalid time specification (pos=0): ", text));
}

std::optional<int> Number(std::string_view text, size_t max_digits) {
  int value = 0;
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text[0] == '-') {
    return std::nullopt;
  }
  return value;
}

std::optional<absl::CivilDay> Day(std::optional<int> year, std::optional<int> month,
                                  std::optional<int> day) {
  if (!year || !month || !day) return std::nullopt;
  const absl::CivilDay date(*year < 100 ? *year + 2000 : *year, *month, *day);
  // CivilDay carries over: February 30 would become March 2.
  if (date.month() != *month || date.day() != *day) return std::nullopt;
  return date;
}

std::optional<absl::CivilDay> ParseDay(std::string_view text, absl::CivilDay today) {
  if (EqualsIgnoreCase(text, "today")) return today;
  if (EqualsIgnoreCase(text, "tomorrow")) return today + 1;
  if (EqualsIgnoreCase(text, "yesterday")) return today - 1;
  const int this_year = static_cast<int>(today.year());
  const std::vector<std::string_view> iso = Split(text, "-");
  if (iso.size() == 3 && iso[0].size() == 4) {
    return Day(Number(iso[0], 4), Number(iso[1], 2), Number(iso[2], 2));
  }
  for (std::string_view separator : {"/", "."}) {
    const std::vector<std::string_view> parts = Split(text, separator);
    if (parts.size() == 2) return Day(this_year, Number(parts[0], 2), Number(parts[1], 2));
    if (parts.size() == 3 && (parts[2].size() == 2 || parts[2].size() == 4)) {
      return Day(Number(parts[2], 4), Number(parts[0], 2), Number(parts[1], 2));
    }
  }
  if (!Number(text, 6) || (text.size() != 4 && text.size() != 6)) return std::nullopt;
  const std::optional<int> year = text.size() == 6 ? Number(text.substr(4), 2) : this_year;
  return Day(year, Number(text.substr(0, 2), 2), Number(text.substr(2, 2), 2));
}

std::optional<ClockTime> ParseClock(std::string_view text) {
  struct Word {
    std::string_view name;
    int hour;
  };
  constexpr Word kWords[] = {
      {"midnight", 0}, {"elevenses", 11}, {"noon", 12}, {"fika", 15}, {"teatime", 16}};
  for (const Word& word : kWords) {
    if (EqualsIgnoreCase(text, word.name)) return ClockTime{word.hour};
  }
  bool half_day = false;
  int offset = 0;
  if (text.size() > 2) {
    const std::string_view end = text.substr(text.size() - 2);
    half_day = EqualsIgnoreCase(end, "am") || EqualsIgnoreCase(end, "pm");
    if (half_day) {
      offset = EqualsIgnoreCase(end, "pm") ? 12 : 0;
      text = Strip(text.substr(0, text.size() - 2));
    }
  }
  const std::vector<std::string_view> parts = Split(text, ":");
  if (parts.size() != 2 && parts.size() != 3) return std::nullopt;
  const std::optional<int> hour = Number(parts[0], 2), minute = Number(parts[1], 2);
  const std::optional<int> second = parts.size() == 3 ? Number(parts[2], 2) : 0;
  if (!hour || !minute || !second || *minute > 59 || *second > 59) return std::nullopt;
  if (half_day && (*hour < 1 || *hour > 12)) return std::nullopt;
  if (*hour > 23) return std::nullopt;
  return ClockTime{half_day ? *hour % 12 + offset : *hour, *minute, *second};
}

// What follows "now": "", "-2days", "+90".
std::optional<absl::Duration> ParseOffset(std::string_view text) {
  text = Strip(text);
  if (text.empty()) return absl::ZeroDuration();
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text = Strip(text.substr(1));
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
  const std::optional<int> count = Number(text.substr(0, digits), 9);
  if (!count) return std::nullopt;
  const std::string_view unit = Strip(text.substr(digits));
  struct Unit {
    std::string_view name;
    int64_t seconds;
  };
  constexpr Unit kUnits[] = {
      {"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", 86400}, {"weeks", 604800}};
  for (const Unit& known : kUnits) {
    // An empty unit is a beginning of "seconds".
    if (StartsWithIgnoreCase(known.name, unit)) {
      return absl::Seconds(sign * *count * known.seconds);
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<absl::Time> ParsePastTime(std::string_view text, absl::Time now,
                                         absl::TimeZone zone) {
  const std::string_view all = Strip(text);
  if (StartsWithIgnoreCase(all, "now")) {
    const std::optional<absl::Duration> offset = ParseOffset(all.substr(3));
    if (!offset) return Invalid(text);
    const absl::Time when = now + *offset;
    const int64_t year = absl::ToCivilYear(when, zone).year();
    if (year < 1970 || year > 9999) return Invalid(text);
    return when;
  }
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  auto at = [&](absl::CivilDay day, ClockTime clock) {
    return absl::FromCivil(absl::CivilSecond(day.year(), day.month(), day.day(), clock.hour,
                                             clock.minute, clock.second),
                           zone);
  };
  if (auto clock = ParseClock(all)) return at(today, *clock);
  if (auto day = ParseDay(all, today)) return at(*day, {});
  for (size_t i = 1; i + 1 < all.size(); ++i) {
    const char c = all[i];
    if (c != '-' && c != 'T' && c != 't' && c != ' ') continue;
    const auto day = ParseDay(all.substr(0, i), today);
    const auto clock = ParseClock(Strip(all.substr(i + 1)));
    if (day && clock) return at(*day, *clock);
  }
  return Invalid(text);
}

}  // namespace reeve::cli
