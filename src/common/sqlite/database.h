// SQLite with our error type, prepared statements only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace reeve::sqlite {

class Database;

// A prepared statement. Bind from 1 on, then Step until it says false; Reset before the next use.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept { *this = std::move(other); }
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& BindNull(int index);

  absl::StatusOr<bool> Step();  // true: a row is there
  absl::Status Run();           // Step to the end, then Reset
  void Reset();

  int64_t Int(int column) const;
  std::string Text(int column) const;  // also for blobs
  bool IsNull(int column) const;

 private:
  friend class Database;
  sqlite3_stmt* statement_ = nullptr;
};

// One connection, for one thread at a time.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  // WAL and synchronous=FULL for a writer. DataLoss when the file is damaged or no database,
  // ResourceExhausted when the disk is full, else as SQLite says; messages name the path.
  static absl::StatusOr<Database> Open(const std::string& path, Mode mode);

  Database() = default;
  Database(Database&& other) noexcept { *this = std::move(other); }
  Database& operator=(Database&& other) noexcept;
  ~Database();

  absl::Status Execute(const char* fixed_sql);  // our own text only, never a user's
  absl::StatusOr<Statement> Prepare(std::string_view fixed_sql);
  absl::Status Begin() { return Execute("BEGIN IMMEDIATE"); }
  absl::Status CommitTransaction() { return Execute("COMMIT"); }
  void Rollback();
  absl::StatusOr<int64_t> QueryInt(std::string_view fixed_sql);

 private:
  absl::Status Error(int code, std::string_view what) const;
  sqlite3* database_ = nullptr;
  std::string path_;
};

// A number that changes with every byte of a record: what a row is checked by when it is read back.
// In SQL, on every connection: record_sum(BLOB).
int64_t RecordSum(std::string_view record);

// A damaged database (DataLoss) in one line with what can be done; any other status as it is.
absl::Status ExplainDamage(const absl::Status& status, std::string_view path);

// Ordered migrations: scripts[i] takes the schema from version i to i+1 (PRAGMA user_version), each
// in a transaction of its own. FailedPrecondition for a database of a newer version.
absl::Status Migrate(Database& database, std::span<const char* const> scripts,
                     std::string_view what);

}  // namespace reeve::sqlite
