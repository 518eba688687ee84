#include "cli/job_sort.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>

#include "cli/job_fields.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

using Numbers = std::pair<int64_t, int64_t>;

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

constexpr std::string_view NumericLetters(const JobRow*) {
  return "iAFKcCdDmpQUGySeVMlL";
}
constexpr std::string_view NumericLetters(const StepRow*) {
  return "iAMSU";
}

// Of a numeric field; the second number only of 'i'.
Numbers NumbersOf(char letter, const JobRow& row) {
  const pb::Job& job = *row.job;
  const int64_t now = row.context->now;
  switch (letter) {
    case 'i':
      return Numbers{ArrayJobId(job), TaskOrder(row)};
    case 'A':
      return Numbers{job.job_id(), 0};
    case 'F':
      return Numbers{ArrayJobId(job), 0};
    case 'K':
      return Numbers{TaskOrder(row), 0};
    case 'c':
      return Numbers{MinCpusPerNode(job), 0};
    case 'C':
      return Numbers{job.num_cpus(), 0};
    case 'd':
      return Numbers{job.spec().tmp_disk_mb(), 0};
    case 'D':
      return Numbers{job.num_nodes(), 0};
    case 'm':
      return Numbers{static_cast<int64_t>(MinMemory(job.spec())), 0};
    case 'p':
    case 'Q':
      return Numbers{job.priority(), 0};
    case 'U':
      return Numbers{job.uid(), 0};
    case 'G':
      return Numbers{job.gid(), 0};
    case 'y':
      return Numbers{job.spec().nice(), 0};
    case 'S':
      return Numbers{UnknownLast(StartTime(job, now)), 0};
    case 'e':
      return Numbers{UnknownLast(EndTime(job, now)), 0};
    case 'V':
      return Numbers{job.submit_time(), 0};
    case 'M':
      return Numbers{SecondsUsed(job, now), 0};
    case 'l':
      return Numbers{job.time_limit() < 0 ? kLast : job.time_limit(), 0};
    case 'L':
      return Numbers{job.time_limit() < 0 ? kLast : job.time_limit() - SecondsUsed(job, now), 0};
    default:
      return {};
  }
}

Numbers NumbersOf(char letter, const StepRow& row) {
  switch (letter) {
    case 'i': {
      const JobRow job{row.job, std::nullopt, row.context};
      // The batch step's number is the highest of all, as Slurm counts.
      return Numbers{static_cast<int64_t>(ArrayJobId(*row.job)) * (int64_t{1} << 32) +
                         std::min<int64_t>(TaskOrder(job), (int64_t{1} << 32) - 1),
                     static_cast<uint32_t>(row.step->step_id())};
    }
    case 'A':
      return Numbers{row.step->num_tasks(), 0};
    case 'M':
      return Numbers{-row.step->start_time(), 0};
    case 'S':
      return Numbers{row.step->start_time(), 0};
    case 'U':
      return Numbers{row.job->uid(), 0};
    default:
      return {};
  }
}

std::span<const ViewField<JobRow>> FieldsOf(const JobRow*) {
  return JobFields();
}
std::span<const ViewField<StepRow>> FieldsOf(const StepRow*) {
  return StepFields();
}

template <class Row>
const ViewField<Row>* FieldOf(char letter) {
  const std::span<const ViewField<Row>> fields = FieldsOf(static_cast<const Row*>(nullptr));
  auto found = std::find_if(fields.begin(), fields.end(),
                            [letter](const ViewField<Row>& f) { return f.letter == letter; });
  return found == fields.end() ? nullptr : &*found;
}

}  // namespace

template <class Row>
absl::StatusOr<RowSorter<Row>> RowSorter<Row>::Create(std::string_view keys) {
  RowSorter sorter;
  for (std::string_view part : SplitSkipEmpty(keys, ",")) {
    if (EqualsIgnoreCase(part, "cluster")) continue;  // all jobs are of one cluster
    Key key{nullptr, part.front() == '-', Kind::kText};
    if (part.front() == '-' || part.front() == '+') part.remove_prefix(1);
    if (part.size() == 1) key.field = FieldOf<Row>(part.front());
    if (key.field == nullptr) {
      return absl::InvalidArgumentError(StrCat("Invalid sort specification: ", part));
    }
    const std::string_view numeric = NumericLetters(static_cast<const Row*>(nullptr));
    if (numeric.find(part.front()) != numeric.npos) key.kind = Kind::kFirst;
    sorter.keys_.push_back(key);
    if (part.front() != 'i') continue;
    key.kind = Kind::kSecond;
    sorter.keys_.push_back(key);
  }
  return sorter;
}

template <class Row>
std::vector<const ViewField<Row>*> RowSorter<Row>::fields() const {
  std::vector<const ViewField<Row>*> fields;
  for (const Key& key : keys_) fields.push_back(key.field);
  return fields;
}

template <class Row>
void RowSorter<Row>::Add(const Row& row) {
  for (const Key& key : keys_) {
    if (key.kind == Kind::kText) {
      values_.push_back(TextNumber(key.field->cell(row)));
    } else {
      const Numbers numbers = NumbersOf(key.field->letter, row);
      values_.push_back(key.kind == Kind::kFirst ? numbers.first : numbers.second);
    }
  }
  jobs_.push_back(row.job->job_id());
}

template <class Row>
int64_t RowSorter<Row>::TextNumber(std::string text) {
  const auto number = static_cast<int64_t>(texts_.size());
  return texts_.try_emplace(std::move(text), number).first->second;
}

template <class Row>
std::vector<int64_t> RowSorter<Row>::TextRanks() const {
  std::vector<std::pair<std::string_view, int64_t>> sorted(texts_.begin(), texts_.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> ranks(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) ranks[sorted[i].second] = static_cast<int64_t>(i);
  return ranks;
}

template <class Row>
std::vector<uint32_t> RowSorter<Row>::Order() {
  const std::vector<int64_t> ranks = TextRanks();
  for (size_t i = 0; i < values_.size(); ++i) {
    if (keys_[i % keys_.size()].kind == Kind::kText) values_[i] = ranks[values_[i]];
  }
  std::vector<uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0);
  auto before = [&](uint32_t a, uint32_t b) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      const int64_t x = values_[a * keys_.size() + i], y = values_[b * keys_.size() + i];
      if (x != y) return keys_[i].descending ? y < x : x < y;
    }
    return jobs_[a] < jobs_[b];
  };
  // Most queues come as they are to be shown.
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::stable_sort(order.begin(), order.end(), before);
  }
  return order;
}

template class RowSorter<JobRow>;
template class RowSorter<StepRow>;

}  // namespace reeve::cli
