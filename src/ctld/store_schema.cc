#include "ctld/store_schema.h"

#include <utility>

namespace reeve::ctld {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr const char* kMigrations[] = {
    // 1: jobs and their blobs, nodes, requests, the accounting outbox.
    R"sql(
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE job (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
    CREATE TABLE blob (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE node (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE request (uid INTEGER, id TEXT, record BLOB NOT NULL,
                          PRIMARY KEY (uid, id)) WITHOUT ROWID;
    CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL);
    )sql",
    // 2: what scontrol has changed of partitions; what steps are launched with; a sum for each
    // record, so that a damaged one is
    // found when it is read and not believed; where damaged records are set aside.
    R"sql(
    CREATE TABLE partition (name TEXT PRIMARY KEY, record BLOB NOT NULL, sum INTEGER)
      WITHOUT ROWID;
    CREATE TABLE step (job INTEGER, step INTEGER, record BLOB NOT NULL, sum INTEGER,
                       PRIMARY KEY (job, step)) WITHOUT ROWID;
    CREATE TABLE damaged (kind TEXT, key TEXT, record BLOB);
    ALTER TABLE job ADD COLUMN sum INTEGER;
    ALTER TABLE blob ADD COLUMN sum INTEGER;
    ALTER TABLE node ADD COLUMN sum INTEGER;
    ALTER TABLE request ADD COLUMN sum INTEGER;
    ALTER TABLE outbox ADD COLUMN sum INTEGER;
    UPDATE job SET sum = record_sum(record);
    UPDATE blob SET sum = record_sum(bytes);
    UPDATE node SET sum = record_sum(record);
    UPDATE request SET sum = record_sum(record);
    UPDATE outbox SET sum = record_sum(record);
    )sql",
    // 3: reservations; what users have used, for their fair share.
    R"sql(
    CREATE TABLE reservation (name TEXT PRIMARY KEY, record BLOB NOT NULL, sum INTEGER)
      WITHOUT ROWID;
    CREATE TABLE usage (uid INTEGER PRIMARY KEY, record BLOB NOT NULL, sum INTEGER);
    )sql",
};

}  // namespace

std::span<const char* const> StoreMigrations() {
  return kMigrations;
}

absl::Status BatchWriter::Prepare(Database& database) {
  const std::pair<Statement*, const char*> all[] = {
      {&put_job_, "INSERT OR REPLACE INTO job VALUES (?1, ?2, record_sum(?2))"},
      {&drop_job_, "DELETE FROM job WHERE id = ?"},
      {&put_node_, "INSERT OR REPLACE INTO node VALUES (?1, ?2, record_sum(?2))"},
      {&put_partition_, "INSERT OR REPLACE INTO partition VALUES (?1, ?2, record_sum(?2))"},
      {&drop_partition_, "DELETE FROM partition WHERE name = ?"},
      {&put_reservation_, "INSERT OR REPLACE INTO reservation VALUES (?1, ?2, record_sum(?2))"},
      {&drop_reservation_, "DELETE FROM reservation WHERE name = ?"},
      {&put_usage_, "INSERT OR REPLACE INTO usage VALUES (?1, ?2, record_sum(?2))"},
      {&drop_usage_, "DELETE FROM usage WHERE uid = ?"},
      {&put_blob_, "INSERT OR IGNORE INTO blob VALUES (?1, ?2, record_sum(?2))"},
      {&drop_blob_, "DELETE FROM blob WHERE hash = ?"},
      {&put_step_, "INSERT OR REPLACE INTO step VALUES (?1, ?2, ?3, record_sum(?3))"},
      {&drop_step_, "DELETE FROM step WHERE job = ? AND step = ?"},
      {&put_request_, "INSERT OR REPLACE INTO request VALUES (?1, ?2, ?3, record_sum(?3))"},
      {&drop_request_, "DELETE FROM request WHERE uid = ? AND id = ?"},
      {&put_outbox_, "INSERT INTO outbox VALUES (?1, ?2, record_sum(?2))"},
      {&trim_outbox_, "DELETE FROM outbox WHERE sequence <= ?"},
      {&put_meta_, "INSERT OR REPLACE INTO meta VALUES (?, ?)"},
  };
  for (const auto& [statement, sql] : all) {
    absl::StatusOr<Statement> prepared = database.Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status BatchWriter::Write(const Batch& batch) {
  absl::Status status;
  auto keep = [&status](absl::Status next) { status.Update(std::move(next)); };
  // Blobs before the jobs that name them; sequence and counters with what they number.
  for (const auto& [hash, bytes] : batch.blobs)
    keep(put_blob_.Bind(1, hash).BindBlob(2, bytes).Run());
  for (const auto& [id, record] : batch.jobs)
    keep(put_job_.Bind(1, int64_t{id.value}).BindBlob(2, record).Run());
  for (JobId id : batch.removed_jobs) keep(drop_job_.Bind(1, int64_t{id.value}).Run());
  for (const std::string& hash : batch.removed_blobs) keep(drop_blob_.Bind(1, hash).Run());
  for (const auto& [name, record] : batch.nodes)
    keep(put_node_.Bind(1, name).BindBlob(2, record).Run());
  for (const auto& [name, record] : batch.partitions)
    keep(put_partition_.Bind(1, name).BindBlob(2, record).Run());
  for (const std::string& name : batch.removed_partitions)
    keep(drop_partition_.Bind(1, name).Run());
  for (const auto& [name, record] : batch.reservations)
    keep(put_reservation_.Bind(1, name).BindBlob(2, record).Run());
  for (const std::string& name : batch.removed_reservations)
    keep(drop_reservation_.Bind(1, name).Run());
  for (const auto& [uid, record] : batch.usage)
    keep(put_usage_.Bind(1, int64_t{uid}).BindBlob(2, record).Run());
  for (uint32_t uid : batch.removed_usage) keep(drop_usage_.Bind(1, int64_t{uid}).Run());
  for (const StepRecord& step : batch.steps) {
    keep(put_step_.Bind(1, int64_t{step.job.value})
             .Bind(2, int64_t{step.step.value})
             .BindBlob(3, step.bytes)
             .Run());
  }
  for (const auto& [job, step] : batch.removed_steps)
    keep(drop_step_.Bind(1, int64_t{job.value}).Bind(2, int64_t{step.value}).Run());
  for (const RequestRecord& request : batch.requests) {
    keep(put_request_.Bind(1, int64_t{request.uid})
             .Bind(2, request.request_id)
             .BindBlob(3, request.bytes)
             .Run());
  }
  for (const auto& [uid, id] : batch.forgotten_requests)
    keep(drop_request_.Bind(1, int64_t{uid}).Bind(2, id).Run());
  for (const OutboxRecord& record : batch.outbox) {
    keep(
        put_outbox_.Bind(1, static_cast<int64_t>(record.sequence)).BindBlob(2, record.bytes).Run());
  }
  if (!batch.outbox.empty())
    keep(PutMeta("last_sequence", static_cast<int64_t>(batch.outbox.back().sequence)));
  if (batch.outbox_acknowledged)
    keep(trim_outbox_.Bind(1, static_cast<int64_t>(*batch.outbox_acknowledged)).Run());
  if (batch.counters) {
    keep(PutMeta("next_job_id", int64_t{batch.counters->next_job_id}));
    keep(PutMeta("next_priority", int64_t{batch.counters->next_priority}));
  }
  return status;
}

absl::Status BatchWriter::PutMeta(std::string_view key, int64_t value) {
  return put_meta_.Bind(1, key).Bind(2, value).Run();
}
absl::Status BatchWriter::PutMeta(std::string_view key, std::string_view value) {
  return put_meta_.Bind(1, key).Bind(2, value).Run();
}

}  // namespace reeve::ctld
