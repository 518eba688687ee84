#include "dbd/reader.h"

#include <utility>

#include "common/base/text.h"

namespace reeve::dbd {

absl::StatusOr<Reader> Reader::Open(const std::string& path) {
  absl::StatusOr<sqlite::Database> database =
      sqlite::Database::Open(path, sqlite::Database::Mode::kReadOnly);
  if (!database.ok()) return database.status();
  Reader reader;
  reader.database_ = *std::move(database);
  absl::StatusOr<sqlite::Statement> load =
      reader.database_.Prepare("SELECT record FROM job WHERE id = ?");
  if (!load.ok()) return load.status();
  reader.load_ = *std::move(load);
  return reader;
}

absl::StatusOr<std::vector<int64_t>> Reader::FindJobs(const JobQuery& query) {
  absl::StatusOr<sqlite::Statement> statement = database_.Prepare(query.sql().text);
  if (!statement.ok()) return statement.status();
  query.sql().BindTo(*statement);
  std::vector<int64_t> ids;
  for (;;) {
    absl::StatusOr<bool> row = statement->Step();
    if (!row.ok()) return row.status();
    if (!*row) return ids;
    ids.push_back(statement->Int(0));
  }
}

absl::Status Reader::LoadJobs(const JobQuery& query, std::span<const int64_t> ids,
                              v1::QueryAccountingResponse* response) {
  for (int64_t id : ids) {
    absl::StatusOr<bool> row = load_.Bind(1, id).Step();
    const std::string record = row.ok() && *row ? load_.Text(0) : "";
    load_.Reset();
    if (!row.ok()) return row.status();
    if (!*row) continue;
    v1::Job job;
    if (!job.ParseFromString(record)) {
      return absl::DataLossError(StrCat("row ", id, " of the accounting data is unreadable"));
    }
    if (!query.Admits(job)) continue;
    *response->add_jobs() = std::move(job);
    response->add_db_index(id);
  }
  return absl::OkStatus();
}

}  // namespace reeve::dbd
