// The tables of the controller's store, as ordered migrations, and how a batch changes them.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "common/sqlite/database.h"
#include "ctld/state_store.h"

namespace reeve::ctld {

// Element i takes the schema from version i to i+1. Never edit one that has been released: append.
std::span<const char* const> StoreMigrations();

// The statements a batch is written with, prepared once for a connection that they must not
// outlive.
class BatchWriter {
 public:
  absl::Status Prepare(sqlite::Database& database);
  absl::Status Write(const Batch& batch);  // within the caller's transaction
  absl::Status PutMeta(std::string_view key, int64_t value);
  absl::Status PutMeta(std::string_view key, std::string_view value);

 private:
  sqlite::Statement put_job_, drop_job_, put_node_, put_partition_, drop_partition_,
      put_reservation_, drop_reservation_, put_blob_, drop_blob_, put_step_, drop_step_,
      put_request_, drop_request_, put_outbox_, trim_outbox_, put_meta_, put_usage_, drop_usage_;
};

}  // namespace reeve::ctld
