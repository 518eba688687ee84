// How one accounting record changes the tables.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sqlite/database.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::dbd {

// OK when `request` can be stored: names the cluster and the incarnation, sequence numbers ascend,
// every record says something. InvalidArgument names what is wrong.
absl::Status CheckPush(const v1::PushRecordsRequest& request);

// Prepared once for one writing connection, which it must not outlive. Used inside a transaction
// that the caller begins and ends.
class RecordWriter {
 public:
  static absl::StatusOr<RecordWriter> Create(sqlite::Database& database);

  // Applies what is new of a checked push. Records up to the controller's acknowledged sequence
  // are skipped; a job row is replaced only by a higher revision. Returns the sequence that may be
  // acknowledged once the transaction is on disk. `now` ends runs that a requeue cut short.
  absl::StatusOr<uint64_t> Apply(const v1::PushRecordsRequest& request, absl::Time now);

 private:
  struct Source {
    int64_t cluster = 0;
    int64_t controller = 0;
    uint64_t acknowledged = 0;
  };
  absl::StatusOr<Source> FindSource(const std::string& cluster, const std::string& incarnation);
  absl::Status PutJob(const Source& source, v1::Job job, absl::Time now);
  absl::Status BindAndPutJob(const Source& source, const v1::Job& job);
  absl::Status CloseEarlierRuns(const Source& source, const v1::Job& job, absl::Time now);
  absl::Status PutNodeEvent(const Source& source, const v1::NodeEvent& event);

  sqlite::Statement add_cluster_, find_cluster_, add_controller_, find_controller_, acknowledge_;
  sqlite::Statement find_job_, put_job_, open_runs_, close_run_, put_node_event_;
};

}  // namespace reeve::dbd
