// Sets of small integers as ranges, and the --array grammar built on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

// A set of ids kept as sorted, disjoint, non-adjacent ranges: an array of a million tasks is one
// element. All operations are linear in the number of ranges at worst.
class IdRanges {
 public:
  struct Range {
    uint32_t first = 0;
    uint32_t last = 0;  // inclusive
    friend bool operator==(const Range&, const Range&) = default;
  };

  IdRanges() = default;
  static IdRanges Single(uint32_t id) { return Of(id, id); }
  static IdRanges Of(uint32_t first, uint32_t last);
  static IdRanges FromRanges(std::vector<Range> ranges);  // in any order, overlaps merged

  // "3-6,9", in any order, overlaps merged; empty text is the empty set.
  static absl::StatusOr<IdRanges> Parse(std::string_view text, uint32_t max_id = UINT32_MAX - 2);

  void Insert(uint32_t first, uint32_t last);
  void Insert(uint32_t id) { Insert(id, id); }
  bool Erase(uint32_t id);  // false when it was not there
  bool Contains(uint32_t id) const;
  bool Intersects(const IdRanges& other) const;
  IdRanges Intersection(const IdRanges& other) const;
  IdRanges Difference(const IdRanges& other) const;

  bool empty() const { return ranges_.empty(); }
  uint64_t count() const;
  std::optional<uint32_t> min() const;
  std::optional<uint32_t> max() const;
  const std::vector<Range>& ranges() const { return ranges_; }
  void ForEach(const std::function<void(uint32_t)>& visit) const;
  std::string ToString() const;  // "3-6,9"

  friend bool operator==(const IdRanges&, const IdRanges&) = default;

 private:
  std::vector<Range> ranges_;
};

inline constexpr uint32_t kHighestTask = 4'000'000;  // of any array: what MaxArraySize may allow
inline constexpr uint64_t kMaxSteppedElements =
    4'000'000;  // of one --array text, all steps together

struct ArraySpec {
  IdRanges tasks;
  uint32_t limit = 0;  // tasks that may run at once; 0: no limit
  uint32_t step = 1;   // of the first range that has one, for SLURM_ARRAY_TASK_STEP
};

// "0-15", "1,3,5-7", "1-7:2", "0-15%4". Every id must be below `max_size` (MaxArraySize),
// duplicates are merged. InvalidArgument otherwise; so for a limit of 0.
absl::StatusOr<ArraySpec> ParseArraySpec(std::string_view text, uint32_t max_size);

// The numbers of nodes that --nodes may list: "2,4-6", "1-9:2", each from 1 to `most`, in any
// order. InvalidArgument for anything else.
absl::StatusOr<IdRanges> ParseNodeCounts(std::string_view text, uint32_t most = 1'000'000);

// How squeue shows the tasks left in a pending array: "1-3,7", "1-7:2" when the tasks form one
// stepped range, "%4" appended with a limit; shortened to `max_length` with "..." (0: never).
std::string FormatArrayTasks(const IdRanges& tasks, uint32_t limit, size_t max_length);

}  // namespace reeve
