// ParseBegin: the many ways in which --begin may be written.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

struct Parts {
  std::optional<absl::CivilDay> day;
  std::optional<Clock> clock;
};

std::optional<int> Number(std::string_view text, size_t min_digits, size_t max_digits, int max) {
  if (text.size() < min_digits || text.size() > max_digits) return std::nullopt;
  absl::StatusOr<uint64_t> value = ParseUint(text, "number", static_cast<uint64_t>(max));
  if (!value.ok()) return std::nullopt;
  return static_cast<int>(*value);
}

// "16:00", "4:05:30"; "pm" has been cut off by the caller.
std::optional<Clock> ParseClock(std::string_view text, std::optional<bool> pm) {
  const std::vector<std::string_view> fields = Split(text, ":");
  if (fields.size() > 3 || (fields.size() < 2 && !pm.has_value())) return std::nullopt;
  std::array<int, 3> value{};
  for (size_t i = 0; i < fields.size(); ++i) {
    std::optional<int> number = Number(fields[i], i == 0 ? 1 : 2, 2, i == 0 ? 23 : 59);
    if (!number.has_value()) return std::nullopt;
    value[i] = *number;
  }
  if (pm.has_value()) {
    if (value[0] < 1 || value[0] > 12) return std::nullopt;
    value[0] = value[0] % 12 + (*pm ? 12 : 0);
  }
  return Clock{value[0], value[1], value[2]};
}

std::optional<absl::CivilDay> MakeDay(int year, int month, int day) {
  const absl::CivilDay made(year, month, day);  // normalizes what does not exist
  if (made.year() != year || made.month() != month || made.day() != day) return std::nullopt;
  return made;
}

// "MMDDYY", "MM/DD", "MM/DD/YY" (with '/' or '.'), "YYYY-MM-DD".
std::optional<absl::CivilDay> ParseDay(std::string_view text, absl::CivilDay today) {
  if (text.size() == 6 && std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    return MakeDay(2000 + *Number(text.substr(4), 2, 2, 99), *Number(text.substr(0, 2), 2, 2, 99),
                   *Number(text.substr(2, 2), 2, 2, 99));
  }
  std::vector<std::string_view> fields = Split(text, "-");
  if (fields.size() == 3) {
    std::optional<int> year = Number(fields[0], 4, 4, 9999);
    std::optional<int> month = Number(fields[1], 1, 2, 12);
    std::optional<int> day = Number(fields[2], 1, 2, 31);
    if (!year || !month || !day) return std::nullopt;
    return MakeDay(*year, *month, *day);
  }
  fields = Split(text, "/.");
  if (fields.size() != 2 && fields.size() != 3) return std::nullopt;
  std::optional<int> month = Number(fields[0], 1, 2, 12);
  std::optional<int> day = Number(fields[1], 1, 2, 31);
  if (!month || !day) return std::nullopt;
  if (fields.size() == 3) {
    std::optional<int> year = Number(fields[2], 2, 4, 9999);
    if (!year || fields[2].size() == 3) return std::nullopt;
    return MakeDay(fields[2].size() == 2 ? 2000 + *year : *year, *month, *day);
  }
  std::optional<absl::CivilDay> this_year = MakeDay(static_cast<int>(today.year()), *month, *day);
  if (this_year.has_value() && *this_year >= today) return this_year;
  return MakeDay(static_cast<int>(today.year()) + 1, *month, *day);
}

std::optional<Clock> NamedClock(std::string_view word) {
  if (word == "midnight") return Clock{0, 0, 0};
  if (word == "noon") return Clock{12, 0, 0};
  if (word == "elevenses") return Clock{11, 0, 0};
  if (word == "fika") return Clock{15, 0, 0};
  if (word == "teatime") return Clock{16, 0, 0};
  return std::nullopt;
}

std::optional<absl::Duration> UnitOf(std::string_view word) {
  if (word.empty() || std::string_view("seconds").starts_with(word)) return absl::Seconds(1);
  if (std::string_view("minutes").starts_with(word)) return absl::Minutes(1);
  if (std::string_view("hours").starts_with(word)) return absl::Hours(1);
  if (std::string_view("days").starts_with(word)) return absl::Hours(24);
  if (std::string_view("weeks").starts_with(word)) return absl::Hours(24 * 7);
  return std::nullopt;
}

// What follows "now": "", "+90", "-2hours", "+3 days".
std::optional<absl::Duration> ParseOffset(std::string_view text) {
  if (text.empty()) return absl::ZeroDuration();
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const bool minus = text[0] == '-';
  text = Strip(text.substr(1));
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
  absl::StatusOr<uint64_t> count = ParseUint(text.substr(0, digits), "count", 1'000'000'000);
  std::optional<absl::Duration> unit = UnitOf(Strip(text.substr(digits)));
  if (!count.ok() || !unit) return std::nullopt;
  return (minus ? -1 : 1) * static_cast<int64_t>(*count) * *unit;
}

// Adds one word to what is known; false when it fits nothing or says the same twice.
bool AddWord(std::string_view word, absl::CivilDay today, Parts& parts) {
  std::optional<absl::CivilDay> day;
  if (word == "today") day = today;
  if (word == "tomorrow") day = today + 1;
  if (!day) day = ParseDay(word, today);
  if (day.has_value()) {
    if (parts.day.has_value()) return false;
    parts.day = day;
    return true;
  }
  std::optional<Clock> clock = NamedClock(word);
  if (!clock) {
    std::optional<bool> pm;
    if (word.ends_with("am") || word.ends_with("pm")) {
      pm = word[word.size() - 2] == 'p';
      word.remove_suffix(2);
    }
    clock = ParseClock(word, pm);
  }
  if (!clock || parts.clock.has_value()) return false;
  parts.clock = clock;
  return true;
}

}  // namespace

absl::StatusOr<absl::Time> ParseBegin(std::string_view text, absl::Time now, absl::TimeZone zone) {
  const absl::Status invalid =
      absl::InvalidArgumentError(StrCat("invalid time specification '", text.substr(0, 100), "'"));
  std::string lower = ToLower(Strip(text.substr(0, 100)));
  if (lower.empty() || text.size() > 100) return invalid;
  if (lower.starts_with("now")) {
    std::optional<absl::Duration> offset = ParseOffset(Strip(std::string_view(lower).substr(3)));
    if (!offset) return invalid;
    const absl::Time when = now + *offset;
    // Beyond these nothing that is printed can be read.
    const int64_t year = absl::ToCivilYear(when, zone).year();
    if (year < 1970 || year > 9999) return invalid;
    return when;
  }
  // "2026-11-22t22:54" and "4:00 pm" are one word and two that belong together.
  if (lower.size() > 10 && lower[10] == 't' && lower[4] == '-') lower[10] = ' ';
  lower = ReplaceAll(ReplaceAll(lower, " am", "am"), " pm", "pm");
  const absl::CivilSecond civil_now = absl::ToCivilSecond(now, zone);
  const absl::CivilDay today(civil_now);
  Parts parts;
  for (std::string_view word : SplitSkipEmpty(lower, " \t")) {
    if (!AddWord(word, today, parts)) return invalid;
  }
  if (!parts.day && !parts.clock) return invalid;
  const Clock clock = parts.clock.value_or(Clock{});
  absl::CivilDay day = parts.day.value_or(today);
  absl::CivilSecond when(day.year(), day.month(), day.day(), clock.hour, clock.minute,
                         clock.second);
  if (!parts.day && when <= civil_now) when += 86400;
  return absl::FromCivil(when, zone);
}

}  // namespace reeve
