// squeue --sort: keys by the letters of -o, each with an optional '+' or '-'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "cli/job_view.h"
#include "cli/view_field.h"

namespace reeve::cli {

// Takes what rows (JobRow or StepRow) are sorted by while they come; the rows need not stay.
template <class Row>
class RowSorter {
 public:
  // "P,t,-p". InvalidArgument, with the text, for a key that no field has.
  static absl::StatusOr<RowSorter> Create(std::string_view keys);

  std::vector<const ViewField<Row>*> fields() const;  // that rows are sorted by
  void Add(const Row& row);
  size_t size() const { return jobs_.size(); }
  // The rows by number, from 0 in the order in which they came, sorted. Those that are equal by all
  // keys are in ascending order of their jobs' ids, and those of one job stay as they came. Once.
  std::vector<uint32_t> Order();

 private:
  enum class Kind { kText, kFirst, kSecond };  // the number of a text, or one of the field's own
  struct Key {
    const ViewField<Row>* field;
    bool descending;
    Kind kind;
  };

  int64_t TextNumber(std::string text);
  std::vector<int64_t> TextRanks() const;  // by text number: its place among all texts

  std::vector<Key> keys_;  // one for each number of a field: an array's task has two
  // Row by row, as many as there are keys: what compares as the field means it.
  std::vector<int64_t> values_;
  std::vector<uint32_t> jobs_;  // the rows' job ids
  absl::flat_hash_map<std::string, int64_t> texts_;
};

extern template class RowSorter<JobRow>;
extern template class RowSorter<StepRow>;

}  // namespace reeve::cli
