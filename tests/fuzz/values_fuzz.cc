// The grammars of single values: times, sizes, ids, arrays, states, file names. The first byte says
// which one reads the rest. What is accepted is printed and read again, and must be the same.
#include <cmath>
#include <set>

#include "common/base/array_spec.h"
#include "common/base/config.h"
#include "common/base/config_values.h"
#include "common/base/ids.h"
#include "common/base/job_state.h"
#include "common/base/licenses.h"
#include "common/base/switches.h"
#include "common/base/task_pattern.h"
#include "common/base/units.h"
#include "tests/fuzz/check.h"

namespace reeve {
namespace {

using fuzz::Bytes;
using fuzz::Expect;
using fuzz::ExpectNames;

const absl::Time kNow = absl::FromUnixSeconds(1'795'500'000);

void TimeLimit(std::string_view text) {
  absl::StatusOr<absl::Duration> exact = ParseDuration(text);
  absl::StatusOr<absl::Duration> limit = ParseTimeLimit(text);
  Expect(exact.ok() == limit.ok(), "one grammar, two opinions: '", text, "'");
  if (!exact.ok()) return ExpectNames(limit.status(), text);
  Expect(*exact >= absl::ZeroDuration() && *limit >= *exact, "negative: '", text, "'");
  Expect(*exact == absl::InfiniteDuration() || *limit - *exact < absl::Minutes(1), "rounded far");
  for (absl::Duration value : {*exact, *limit}) {
    absl::StatusOr<absl::Duration> again = ParseDuration(FormatDuration(value));
    Expect(again.ok() && *again == value, "'", text, "' prints as ", FormatDuration(value));
    Expect(!FormatElapsedShort(value).empty(), "nothing printed");
  }
}

void Memory(std::string_view text) {
  absl::StatusOr<uint64_t> mb = ParseMemoryMb(text);
  if (!mb.ok()) return ExpectNames(mb.status(), text);
  absl::StatusOr<uint64_t> again = ParseMemoryMb(FormatMemoryMb(*mb));
  Expect(again.ok() && *again == *mb, "'", text, "' prints as ", FormatMemoryMb(*mb));
}

void Begin(std::string_view text) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  absl::StatusOr<absl::Time> time = ParseBegin(text, kNow, utc);
  if (!time.ok()) return ExpectNames(time.status(), text);
  const int64_t year = absl::ToCivilYear(*time, utc).year();
  Expect(year >= 0 && year <= 9999, "'", text, "' is in the year ", year);
  if (year < 1000) return;  // four digits are read back
  const std::string printed = FormatTimestamp(*time, utc);
  absl::StatusOr<absl::Time> again = ParseBegin(printed, kNow, utc);
  Expect(again.ok() && *again == absl::FromUnixSeconds(absl::ToUnixSeconds(*time)), "'", text,
         "' prints as ", printed);
}

void Numbers(std::string_view text) {
  absl::StatusOr<uint64_t> whole = ParseUint(text, "count", UINT32_MAX);
  if (whole.ok()) {
    Expect(*whole <= UINT32_MAX && text.find_first_not_of("0123456789") == text.npos, "a number: '",
           text, "'");
  } else {
    ExpectNames(whole.status(), text);
  }
  absl::StatusOr<int64_t> number = ParseInt(text, "nice", -1000, 1000);
  if (!number.ok()) return ExpectNames(number.status(), text);
  absl::StatusOr<int64_t> again = ParseInt(StrCat(*number), "nice", -1000, 1000);
  Expect(again.ok() && *again == *number, "'", text, "' is ", *number);
}

void Arrays(std::string_view text) {
  for (uint32_t max : {10u, 1001u, 4000001u}) {
    absl::StatusOr<ArraySpec> spec = ParseArraySpec(text, max);
    if (!spec.ok()) {
      ExpectNames(spec.status(), text);
      continue;
    }
    Expect(!spec->tasks.empty() && *spec->tasks.max() < max, "'", text, "' is beyond ", max);
    const std::string printed = FormatArrayTasks(spec->tasks, spec->limit, 0);
    if (printed.size() > (1 << 20)) continue;  // longer than what is read
    absl::StatusOr<ArraySpec> again = ParseArraySpec(printed, max);
    Expect(again.ok() && again->tasks == spec->tasks && again->limit == spec->limit, "'", text,
           "' prints as ", printed);
    Expect(FormatArrayTasks(spec->tasks, 0, 20).size() <= 23, "longer than asked for: ", printed);
  }
}

// IdRanges against a plain set of ids.
void Ranges(Bytes bytes) {
  IdRanges ranges, other;
  std::set<uint32_t> ids, others;
  while (!bytes.empty()) {
    const uint32_t first = bytes.Byte(), last = std::min(255u, first + bytes.Below(8));
    switch (bytes.Below(4)) {
      case 0:
        ranges.Insert(first, last);
        for (uint32_t id = first; id <= last; ++id) ids.insert(id);
        break;
      case 1:
        other.Insert(first, last);
        for (uint32_t id = first; id <= last; ++id) others.insert(id);
        break;
      case 2:
        Expect(ranges.Erase(first) == (ids.erase(first) > 0), "erased or not?");
        break;
      default:
        Expect(ranges.Contains(first) == ids.contains(first), "contains ", first);
    }
  }
  Expect(ranges.count() == ids.size(), "count ", ranges.count());
  std::vector<uint32_t> listed;
  ranges.ForEach([&](uint32_t id) { listed.push_back(id); });
  Expect(std::equal(listed.begin(), listed.end(), ids.begin(), ids.end()), "other ids");
  absl::StatusOr<IdRanges> again = IdRanges::Parse(ranges.ToString());
  Expect(again.ok() && *again == ranges, "prints as ", ranges.ToString());
  uint64_t common = 0;
  for (uint32_t id : ids) common += others.count(id);
  Expect(ranges.Intersection(other).count() == common, "intersection");
  Expect(ranges.Intersects(other) == (common > 0), "intersects");
  Expect(ranges.Difference(other).count() == ids.size() - common, "difference");
}

void Selectors(std::string_view text) {
  absl::StatusOr<JobSelector> selector = ParseJobSelector(text);
  if (!selector.ok()) return ExpectNames(selector.status(), text);
  std::string printed = ToString(selector->job);
  if (selector->whole_array) printed += "_*";
  if (selector->array_task) StrAppend(&printed, "_", *selector->array_task);
  if (!selector->array_tasks.empty()) StrAppend(&printed, "_[", selector->array_tasks, "]");
  if (selector->step) StrAppend(&printed, ".", ToString(*selector->step));
  absl::StatusOr<JobSelector> again = ParseJobSelector(printed);
  Expect(again.ok() && again->job == selector->job && again->step == selector->step &&
             again->array_task == selector->array_task &&
             again->array_tasks == selector->array_tasks &&
             again->whole_array == selector->whole_array,
         "'", text, "' prints as ", printed);
}

void LicenseLists(std::string_view text) {
  absl::StatusOr<std::vector<License>> licenses = ParseLicenses(text);
  if (!licenses.ok()) return Expect(!Message(licenses.status()).empty(), "no word of why");
  const std::string printed = FormatLicenses(*licenses);
  absl::StatusOr<std::vector<License>> again = ParseLicenses(printed);
  Expect(again.ok() && *again == *licenses, "'", text, "' prints as ", printed);
}

void SwitchWishes(std::string_view text) {
  absl::StatusOr<SwitchWish> wish = ParseSwitches(text);
  if (!wish.ok()) return Expect(!Message(wish.status()).empty(), "no word of why");
  const absl::Duration wait = wish->wait.value_or(absl::Seconds(300));
  if (wait == absl::InfiniteDuration()) return;
  const std::string printed = FormatSwitches(wish->count, wait);
  absl::StatusOr<SwitchWish> again = ParseSwitches(printed);
  Expect(again.ok() && again->count == wish->count && again->wait == wait, "'", text,
         "' prints as ", printed);
}

void States(std::string_view text) {
  absl::StatusOr<std::vector<StateFilter>> filters = ParseStateList(text);
  if (!filters.ok()) return Expect(!Message(filters.status()).empty(), "no word of why");
  Expect(!filters->empty() || text.empty(), "no state in '", text, "'");
  for (const StateFilter& filter : *filters) {
    const std::string_view name =
        filter.state ? LongName(*filter.state) : DisplayName(JobState::kPending, filter.flag);
    absl::StatusOr<StateFilter> again = ParseStateName(name);
    Expect(again.ok() && again->state == filter.state && again->flag == filter.flag, name);
  }
}

void FilePattern(std::string_view pattern) {
  PatternValues values;
  values.job = JobId{12};
  values.array_task = 3;
  values.task = 7;
  values.node_name = "n1";
  values.user_name = "../root";
  values.job_name = "a/../b";
  absl::StatusOr<std::string> path = ExpandFilePattern(pattern, values);
  if (!path.ok()) return ExpectNames(path.status(), pattern);
  Expect(path->size() <= kMaxExpandedPattern, "a path of ", path->size(), " bytes");
  const auto slashes = [](std::string_view text) {
    return std::count(text.begin(), text.end(), '/');
  };
  Expect(slashes(*path) <= slashes(pattern), "'", pattern, "' leaves its folder: ", *path);
  PatternValues elsewhere = values;
  elsewhere.task = 8;
  absl::StatusOr<std::string> other = ExpandFilePattern(pattern, elsewhere);
  Expect(other.ok() && (*other != *path) == PatternVariesByTask(pattern), "varies by task? ",
         pattern);
}

void Words(std::string_view text) {
  if (absl::StatusOr<LogLevel> level = ParseLogLevel(text); level.ok()) {
    Expect(ParseLogLevel(LogLevelName(*level)).ok(), "a level without a name");
  } else {
    ExpectNames(level.status(), text);
  }
  if (absl::StatusOr<bool> yes = ParseYesNo(text); !yes.ok()) ExpectNames(yes.status(), text);
  absl::StatusOr<std::optional<uint64_t>> mb = ParseMbOrUnlimited(text);
  if (!mb.ok()) ExpectNames(mb.status(), text);
  for (const std::string& name : ParseNames(text)) Expect(!name.empty(), "an empty name");
  LicenseLists(text);
  SwitchWishes(text);
  Expect(ExpandNodePath(text, "n1", "host").size() <= 4 * text.size(), "a path grows");
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Bytes bytes(data, size);
  const uint8_t kind = bytes.Byte();
  if (kind % 10 == 5) return reeve::Ranges(bytes), 0;
  constexpr void (*kGrammars[])(std::string_view) = {
      reeve::TimeLimit, reeve::Memory,    reeve::Begin,  reeve::Numbers,     reeve::Arrays,
      nullptr,          reeve::Selectors, reeve::States, reeve::FilePattern, reeve::Words};
  kGrammars[kind % 10](bytes.Rest());
  return 0;
}
