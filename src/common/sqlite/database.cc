#include "common/sqlite/database.h"

#include <endian.h>
#include <sqlite3.h>

#include <cstring>

#include "common/base/text.h"

namespace reeve::sqlite {
namespace {

absl::StatusCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kAborted;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_CANTOPEN:
      return absl::StatusCode::kNotFound;
    default:
      return absl::StatusCode::kInternal;
  }
}

void RecordSumFunction(sqlite3_context* context, int, sqlite3_value** values) {
  const void* bytes = sqlite3_value_blob(values[0]);
  const int length = sqlite3_value_bytes(values[0]);
  sqlite3_result_int64(context, RecordSum({static_cast<const char*>(bytes),
                                           static_cast<size_t>(bytes == nullptr ? 0 : length)}));
}

}  // namespace

// FNV-1a over eight bytes at a time: each step can be undone, so that no single change gets lost.
int64_t RecordSum(std::string_view record) {
  constexpr uint64_t kPrime = 1099511628211u;
  uint64_t sum = 14695981039346656037u ^ record.size();
  for (; record.size() >= 8; record.remove_prefix(8)) {
    uint64_t word = 0;
    memcpy(&word, record.data(), sizeof word);
    sum = (sum ^ le64toh(word)) * kPrime;
    sum ^= sum >> 32;
  }
  for (unsigned char byte : record) sum = (sum ^ byte) * kPrime;
  return static_cast<int64_t>(sum);
}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}
Statement& Statement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}
Statement& Statement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(statement_, index);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* database = sqlite3_db_handle(statement_);
  return absl::Status(
      CodeOf(code), StrCat(sqlite3_db_filename(database, "main"), ": ", sqlite3_errmsg(database)));
}

absl::Status Statement::Run() {
  absl::StatusOr<bool> row = true;
  while (row.ok() && *row) row = Step();
  Reset();
  return row.status();
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::string Statement::Text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  int length = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), length);
}

absl::StatusOr<Database> Database::Open(const std::string& path, Mode mode) {
  Database database;
  database.path_ = path;
  int flags =
      SQLITE_OPEN_NOMUTEX |
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  int code = sqlite3_open_v2(path.c_str(), &database.database_, flags, nullptr);
  if (code != SQLITE_OK) return database.Error(code, "cannot open");
  sqlite3_extended_result_codes(database.database_, 1);
  sqlite3_busy_timeout(database.database_, 5000);
  code = sqlite3_create_function_v2(database.database_, "record_sum", 1,
                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, RecordSumFunction,
                                    nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return database.Error(code, "record_sum");
  if (mode == Mode::kReadOnly) return database;
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"}) {
    absl::Status status = database.Execute(pragma);
    if (!status.ok()) return status;
  }
  return database;
}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(path_, other.path_);
  return *this;
}

Database::~Database() {
  sqlite3_close_v2(database_);
}

absl::Status Database::Error(int code, std::string_view what) const {
  return absl::Status(CodeOf(code), StrCat(path_, ": ", what, ": ",
                                           database_ != nullptr ? sqlite3_errmsg(database_)
                                                                : sqlite3_errstr(code)));
}

absl::Status Database::Execute(const char* fixed_sql) {
  int code = sqlite3_exec(database_, fixed_sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code, fixed_sql);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view fixed_sql) {
  Statement statement;
  int code = sqlite3_prepare_v3(database_, fixed_sql.data(), static_cast<int>(fixed_sql.size()),
                                SQLITE_PREPARE_PERSISTENT, &statement.statement_, nullptr);
  if (code != SQLITE_OK) return Error(code, fixed_sql);
  return statement;
}

void Database::Rollback() {
  sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

absl::StatusOr<int64_t> Database::QueryInt(std::string_view fixed_sql) {
  absl::StatusOr<Statement> statement = Prepare(fixed_sql);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Int(0) : 0;
}

absl::Status ExplainDamage(const absl::Status& status, std::string_view path) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(
      StrCat(Message(status),
             ": the file is damaged and was left as it is; put a copy of it back, see what `",
             "sqlite3 ", path, " .recover` can read, or move it away to begin with an empty one"));
}

absl::Status Migrate(Database& database, std::span<const char* const> scripts,
                     std::string_view what) {
  absl::StatusOr<int64_t> version = database.QueryInt("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version > static_cast<int64_t>(scripts.size())) {
    return absl::FailedPreconditionError(StrCat(what, " has version ", *version,
                                                ", this program knows up to ", scripts.size(),
                                                ": run the newer program it was written by"));
  }
  for (size_t next = static_cast<size_t>(*version); next < scripts.size(); ++next) {
    absl::Status status = database.Begin();
    if (status.ok()) status = database.Execute(scripts[next]);
    if (status.ok()) {
      status = database.Execute(StrCat("PRAGMA user_version=", next + 1).c_str());
    }
    if (status.ok()) status = database.CommitTransaction();
    if (!status.ok()) {
      database.Rollback();
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace reeve::sqlite
