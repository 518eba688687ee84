#include "common/base/array_spec.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

constexpr uint32_t kMaxStep = UINT32_MAX - 2;

absl::Status Invalid(std::string_view text) {
  return absl::InvalidArgumentError(
      StrCat("invalid array specification '", text.substr(0, 100), "'"));
}

struct SteppedRange {
  IdRanges::Range range;
  uint32_t step = 1;
};

// "7", "1-7", "1-7:2".
std::optional<SteppedRange> ParseElement(std::string_view element, uint32_t max_id, bool may_step) {
  SteppedRange result;
  const size_t colon = element.find(':');
  const size_t dash = element.find('-');
  if (colon != element.npos) {
    if (!may_step || dash == element.npos) return std::nullopt;
    absl::StatusOr<uint64_t> step = ParseUint(element.substr(colon + 1), "step", kMaxStep);
    if (!step.ok() || *step == 0) return std::nullopt;
    result.step = static_cast<uint32_t>(*step);
    element = element.substr(0, colon);
  }
  absl::StatusOr<uint64_t> first = ParseUint(element.substr(0, dash), "id", max_id);
  absl::StatusOr<uint64_t> last =
      dash == element.npos ? first : ParseUint(element.substr(dash + 1), "id", max_id);
  if (!first.ok() || !last.ok() || *last < *first) return std::nullopt;
  result.range = {static_cast<uint32_t>(*first), static_cast<uint32_t>(*last)};
  return result;
}

// Sorts and merges: quicker than inserting one by one.
std::vector<IdRanges::Range> Merged(std::vector<IdRanges::Range> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<IdRanges::Range> merged;
  for (const IdRanges::Range& range : ranges) {
    if (!merged.empty() && uint64_t{merged.back().last} + 1 >= range.first) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

IdRanges IdRanges::FromRanges(std::vector<Range> ranges) {
  IdRanges result;
  result.ranges_ = Merged(std::move(ranges));
  return result;
}

IdRanges IdRanges::Of(uint32_t first, uint32_t last) {
  IdRanges result;
  result.Insert(first, last);
  return result;
}

absl::StatusOr<IdRanges> IdRanges::Parse(std::string_view text, uint32_t max_id) {
  std::vector<Range> ranges;
  if (text.empty()) return IdRanges();
  for (std::string_view element : Split(text, ",")) {
    std::optional<SteppedRange> parsed = ParseElement(element, max_id, /*may_step=*/false);
    if (!parsed.has_value()) {
      return absl::InvalidArgumentError(StrCat("invalid list of ids '", text.substr(0, 100), "'"));
    }
    ranges.push_back(parsed->range);
  }
  return FromRanges(std::move(ranges));
}

void IdRanges::Insert(uint32_t first, uint32_t last) {
  if (last < first) return;
  // All ranges that touch [first, last] become one.
  auto begin = std::partition_point(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return uint64_t{range.last} + 1 < first;
  });
  auto end = std::partition_point(
      begin, ranges_.end(), [&](const Range& range) { return range.first <= uint64_t{last} + 1; });
  if (begin == end) {
    ranges_.insert(begin, {first, last});
    return;
  }
  begin->first = std::min(begin->first, first);
  begin->last = std::max((end - 1)->last, last);
  ranges_.erase(begin + 1, end);
}

bool IdRanges::Erase(uint32_t id) {
  auto at = std::partition_point(ranges_.begin(), ranges_.end(),
                                 [&](const Range& range) { return range.last < id; });
  if (at == ranges_.end() || at->first > id) return false;
  const Range old = *at;
  if (old.first == old.last) {
    ranges_.erase(at);
  } else if (old.first == id) {
    at->first = id + 1;
  } else if (old.last == id) {
    at->last = id - 1;
  } else {
    at->last = id - 1;
    ranges_.insert(at + 1, {id + 1, old.last});
  }
  return true;
}

bool IdRanges::Contains(uint32_t id) const {
  auto at = std::partition_point(ranges_.begin(), ranges_.end(),
                                 [&](const Range& range) { return range.last < id; });
  return at != ranges_.end() && at->first <= id;
}

IdRanges IdRanges::Intersection(const IdRanges& other) const {
  IdRanges result;
  size_t i = 0, j = 0;
  while (i < ranges_.size() && j < other.ranges_.size()) {
    const Range& a = ranges_[i];
    const Range& b = other.ranges_[j];
    const uint32_t first = std::max(a.first, b.first), last = std::min(a.last, b.last);
    if (first <= last) result.ranges_.push_back({first, last});
    (a.last < b.last ? i : j) += 1;
  }
  return result;
}

bool IdRanges::Intersects(const IdRanges& other) const {
  return !Intersection(other).empty();
}

IdRanges IdRanges::Difference(const IdRanges& other) const {
  IdRanges result;
  size_t j = 0;
  for (const Range& range : ranges_) {
    uint64_t first = range.first;
    while (j < other.ranges_.size() && other.ranges_[j].last < range.first) ++j;
    for (size_t k = j; k < other.ranges_.size() && other.ranges_[k].first <= range.last; ++k) {
      const Range& cut = other.ranges_[k];
      if (cut.first > first)
        result.ranges_.push_back({static_cast<uint32_t>(first), cut.first - 1});
      first = std::max(first, uint64_t{cut.last} + 1);
    }
    if (first <= range.last) result.ranges_.push_back({static_cast<uint32_t>(first), range.last});
  }
  return result;
}

uint64_t IdRanges::count() const {
  uint64_t sum = 0;
  for (const Range& range : ranges_) sum += uint64_t{range.last} - range.first + 1;
  return sum;
}

std::optional<uint32_t> IdRanges::min() const {
  if (ranges_.empty()) return std::nullopt;
  return ranges_.front().first;
}

std::optional<uint32_t> IdRanges::max() const {
  if (ranges_.empty()) return std::nullopt;
  return ranges_.back().last;
}

void IdRanges::ForEach(const std::function<void(uint32_t)>& visit) const {
  for (const Range& range : ranges_) {
    for (uint64_t id = range.first; id <= range.last; ++id) visit(static_cast<uint32_t>(id));
  }
}

std::string IdRanges::ToString() const {
  std::string out;
  for (const Range& range : ranges_) {
    StrAppend(&out, out.empty() ? "" : ",", range.first);
    if (range.last > range.first) StrAppend(&out, "-", range.last);
  }
  return out;
}

absl::StatusOr<ArraySpec> ParseArraySpec(std::string_view text, uint32_t max_size) {
  ArraySpec spec;
  std::string_view list = text;
  const size_t percent = text.find('%');
  if (percent != text.npos) {
    absl::StatusOr<uint64_t> limit = ParseUint(text.substr(percent + 1), "limit", UINT32_MAX - 2);
    if (!limit.ok() || *limit == 0) return Invalid(text);
    spec.limit = static_cast<uint32_t>(*limit);
    list = text.substr(0, percent);
  }
  if (max_size == 0 || list.size() > (1 << 20)) return Invalid(text);
  std::vector<IdRanges::Range> ranges;
  uint64_t stepped = 0;  // elements that steps have spread out; bounds what a short text can cost
  for (std::string_view element : Split(list, ",")) {
    std::optional<SteppedRange> parsed = ParseElement(element, max_size - 1, /*may_step=*/true);
    if (!parsed.has_value()) return Invalid(text);
    const auto [range, step] = *parsed;
    if (step == 1) {
      ranges.push_back(range);
      continue;
    }
    if (spec.step == 1) spec.step = step;
    stepped += (range.last - range.first) / step + 1;
    if (stepped > std::min<uint64_t>(max_size, kMaxSteppedElements)) return Invalid(text);
    for (uint64_t id = range.first; id <= range.last; id += step) {
      ranges.push_back({static_cast<uint32_t>(id), static_cast<uint32_t>(id)});
    }
  }
  spec.tasks = IdRanges::FromRanges(std::move(ranges));
  return spec;
}

absl::StatusOr<IdRanges> ParseNodeCounts(std::string_view text, uint32_t most) {
  if (text.find('%') != text.npos) return Invalid(text);
  absl::StatusOr<ArraySpec> spec = ParseArraySpec(text, most + 1);
  if (!spec.ok()) return spec.status();
  constexpr size_t kMostRanges = 1000;  // it is looked through for each start
  if (spec->tasks.empty() || spec->tasks.Contains(0)) return Invalid(text);
  if (spec->tasks.ranges().size() > kMostRanges) return Invalid(text);
  return std::move(spec->tasks);
}

std::string FormatArrayTasks(const IdRanges& tasks, uint32_t limit, size_t max_length) {
  const std::vector<IdRanges::Range>& ranges = tasks.ranges();
  std::string out;
  // Single ids at equal distances are one stepped range.
  bool stepped = ranges.size() > 2;
  const uint32_t step = stepped ? ranges[1].first - ranges[0].first : 0;
  for (size_t i = 0; i < ranges.size() && stepped; ++i) {
    stepped = ranges[i].first == ranges[i].last &&
              (i == 0 || ranges[i].first - ranges[i - 1].first == step);
  }
  out =
      stepped ? StrCat(ranges.front().first, "-", ranges.back().last, ":", step) : tasks.ToString();
  if (max_length > 0 && out.size() > max_length) {
    const size_t cut = out.rfind(',', max_length - 1);
    out.resize(cut == out.npos ? max_length : cut + 1);
    out += "...";
  }
  if (limit > 0) StrAppend(&out, "%", limit);
  return out;
}

}  // namespace reeve
