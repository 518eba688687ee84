// Reading the accounting database beside its writer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"
#include "dbd/job_query.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::dbd {

// A read-only connection of one thread. No transaction stays open between calls, so that however
// long a client takes to read an answer, the writer's log can be folded back.
class Reader {
 public:
  static absl::StatusOr<Reader> Open(const std::string& path);

  absl::StatusOr<std::vector<int64_t>> FindJobs(const JobQuery& query);

  // Appends the rows that the query admits, as they are now, with their ids as db_index.
  absl::Status LoadJobs(const JobQuery& query, std::span<const int64_t> ids,
                        v1::QueryAccountingResponse* response);

 private:
  sqlite::Database database_;
  sqlite::Statement load_;
};

}  // namespace reeve::dbd
