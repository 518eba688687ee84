// What QueryAccounting asks, as SQL and as a check of the records found.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::dbd {

// A statement's text, made of our own words only, and the values for its question marks.
struct SqlQuery {
  std::string text;
  std::vector<std::variant<int64_t, std::string>> values;

  void BindTo(sqlite::Statement& statement) const;
};

class JobQuery {
 public:
  // InvalidArgument for an unknown state name, a bad node list, and more than 30,000 values.
  static absl::StatusOr<JobQuery> Create(const v1::QueryAccountingRequest& request);

  // Yields the row ids in the order of a listing: by controller, job (an array's tasks by number
  // under the array's id, what has not split off last) and run.
  //
  // The time window, with the meaning of sacct(1): without states, jobs that were eligible in it
  // (with jobs selected: also those that are not eligible yet); with states, jobs that were
  // pending, running or suspended at some time in it, or came to another state in it. Without
  // `duplicates` only the latest of the runs that the window admits.
  const SqlQuery& sql() const { return sql_; }

  // What no column tells: nodes, and array tasks that have not split off.
  bool Admits(const v1::Job& job) const;

 private:
  v1::QueryAccountingRequest request_;
  std::vector<std::string> nodes_;
  SqlQuery sql_;
};

}  // namespace reeve::dbd
