#include "cli/job_sort.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <tuple>

#include "cli/job_fields.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

// A value that compares as the field means it: numbers and times as numbers, else by its text.
using Key = std::tuple<int64_t, int64_t, std::string>;

int64_t UnknownLast(int64_t value) {
  return value == 0 ? kLast : value;
}

// A pending array comes after the tasks that have split off from it.
int64_t TaskOrder(const JobRow& row) {
  if (row.task.has_value()) return *row.task;
  if (row.job->has_array_task_id()) return row.job->array_task_id();
  return row.job->array_job_id() != 0 ? kLast : 0;
}

uint64_t MinMemory(const pb::JobSpec& spec) {
  return spec.has_mem_per_cpu_mb() ? spec.mem_per_cpu_mb() : spec.mem_per_node_mb();
}

Key NumericKey(char letter, const JobRow& row, bool* numeric) {
  const pb::Job& job = *row.job;
  const int64_t now = row.context->now;
  *numeric = true;
  switch (letter) {
    case 'i':
      return {ArrayJobId(job), TaskOrder(row), ""};
    case 'A':
      return {job.job_id(), 0, ""};
    case 'F':
      return {ArrayJobId(job), 0, ""};
    case 'K':
      return {TaskOrder(row), 0, ""};
    case 'c':
      return {MinCpusPerNode(job), 0, ""};
    case 'C':
      return {job.num_cpus(), 0, ""};
    case 'd':
      return {job.spec().tmp_disk_mb(), 0, ""};
    case 'D':
      return {job.num_nodes(), 0, ""};
    case 'm':
      return {static_cast<int64_t>(MinMemory(job.spec())), 0, ""};
    case 'p':
    case 'Q':
      return {job.priority(), 0, ""};
    case 'U':
      return {job.uid(), 0, ""};
    case 'G':
      return {job.gid(), 0, ""};
    case 'y':
      return {job.spec().nice(), 0, ""};
    case 'S':
      return {UnknownLast(StartTime(job, now)), 0, ""};
    case 'e':
      return {UnknownLast(EndTime(job, now)), 0, ""};
    case 'V':
      return {job.submit_time(), 0, ""};
    case 'M':
      return {SecondsUsed(job, now), 0, ""};
    case 'l':
      return {job.time_limit() < 0 ? kLast : job.time_limit(), 0, ""};
    case 'L':
      return {job.time_limit() < 0 ? kLast : job.time_limit() - SecondsUsed(job, now), 0, ""};
    default:
      *numeric = false;
      return {};
  }
}

Key NumericKey(char letter, const StepRow& row, bool* numeric) {
  *numeric = true;
  switch (letter) {
    case 'i': {
      const JobRow job{row.job, std::nullopt, row.context};
      // The batch step's number is the highest of all, as Slurm counts.
      return {static_cast<int64_t>(ArrayJobId(*row.job)) * (int64_t{1} << 32) +
                  std::min<int64_t>(TaskOrder(job), (int64_t{1} << 32) - 1),
              static_cast<uint32_t>(row.step->step_id()), ""};
    }
    case 'A':
      return {row.step->num_tasks(), 0, ""};
    case 'M':
      return {-row.step->start_time(), 0, ""};
    case 'S':
      return {row.step->start_time(), 0, ""};
    case 'U':
      return {row.job->uid(), 0, ""};
    default:
      *numeric = false;
      return {};
  }
}

template <class Row>
const ViewField<Row>* FieldOf(char letter, std::span<const ViewField<Row>> fields) {
  auto found = std::find_if(fields.begin(), fields.end(),
                            [letter](const ViewField<Row>& f) { return f.letter == letter; });
  return found == fields.end() ? nullptr : &*found;
}

struct SortKey {
  char letter;
  bool descending;
};

template <class Row>
absl::StatusOr<std::vector<SortKey>> ParseKeys(std::string_view text,
                                               std::span<const ViewField<Row>> fields) {
  std::vector<SortKey> keys;
  for (std::string_view part : SplitSkipEmpty(text, ",")) {
    if (EqualsIgnoreCase(part, "cluster")) continue;  // all jobs are of one cluster
    SortKey key{0, part.front() == '-'};
    if (part.front() == '-' || part.front() == '+') part.remove_prefix(1);
    if (part.size() == 1) key.letter = part.front();
    if (key.letter == 0 || FieldOf(key.letter, fields) == nullptr) {
      return absl::InvalidArgumentError(StrCat("Invalid sort specification: ", part));
    }
    keys.push_back(key);
  }
  return keys;
}

template <class Row>
absl::Status Sort(std::string_view text, std::span<const ViewField<Row>> fields,
                  std::vector<Row>* rows) {
  absl::StatusOr<std::vector<SortKey>> keys = ParseKeys(text, fields);
  if (!keys.ok()) return keys.status();
  auto value = [&](char letter, const Row& row) {
    bool numeric = false;
    Key key = NumericKey(letter, row, &numeric);
    if (!numeric) std::get<2>(key) = FieldOf(letter, fields)->cell(row);
    return key;
  };
  // Each row's keys once: a comparison must not format times and host lists.
  std::vector<std::pair<std::vector<Key>, Row>> keyed;
  keyed.reserve(rows->size());
  for (Row& row : *rows) {
    std::vector<Key> values;
    for (const SortKey& key : *keys) values.push_back(value(key.letter, row));
    keyed.emplace_back(std::move(values), std::move(row));
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    for (size_t i = 0; i < keys->size(); ++i) {
      if (a.first[i] == b.first[i]) continue;
      return (*keys)[i].descending ? b.first[i] < a.first[i] : a.first[i] < b.first[i];
    }
    return false;
  });
  for (size_t i = 0; i < keyed.size(); ++i) (*rows)[i] = std::move(keyed[i].second);
  return absl::OkStatus();
}

}  // namespace

absl::Status SortJobs(std::string_view keys, std::vector<JobRow>* rows) {
  return Sort(keys, JobFields(), rows);
}

absl::Status SortSteps(std::string_view keys, std::vector<StepRow>* rows) {
  return Sort(keys, StepFields(), rows);
}

}  // namespace reeve::cli
