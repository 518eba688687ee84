// The accounting daemon: pushes and queries of any content, against a real database. A push is
// refused with a reason or stored and acknowledged; a repeated one changes nothing; whatever is
// stored can be queried.
#include "dbd/job_query.h"
#include "dbd/reader.h"
#include "dbd/record_writer.h"
#include "dbd/schema.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_filler.h"
#include "tests/support/temp_dir.h"

namespace reeve::dbd {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

const absl::Time kNow = absl::FromUnixSeconds(1'795'500'000);

// One database for all inputs: each begins with empty tables.
struct Files {
  Files() {
    database = *sqlite::Database::Open(folder / "acct.db", sqlite::Database::Mode::kReadWrite);
    Expect(sqlite::Migrate(database, Migrations(), "acct.db").ok(), "no schema");
    Expect(database.Execute("PRAGMA synchronous=OFF").ok(), "no pragma");
    writer = *RecordWriter::Create(database);
    reader = *Reader::Open(folder / "acct.db");
  }
  testing::TempDir folder;
  sqlite::Database database;
  RecordWriter writer;
  Reader reader;
};

Files& TheFiles() {
  static Files* const files = [] {
    auto* made = new Files;
    atexit([] { os::RemoveTree(TheFiles().folder.path()).IgnoreError(); });
    return made;
  }();
  return *files;
}

void Empty(Files& files) {
  for (const char* sql : {"DELETE FROM job", "DELETE FROM node_event", "DELETE FROM controller",
                          "DELETE FROM cluster"}) {
    absl::Status status = files.database.Execute(sql);
    Expect(status.ok(), status.ToString());
  }
}

uint64_t Apply(Files& files, const v1::PushRecordsRequest& request) {
  Expect(files.database.Begin().ok(), "no transaction");
  absl::StatusOr<uint64_t> acknowledged = files.writer.Apply(request, kNow);
  Expect(acknowledged.ok(), "a checked push is not stored: ", acknowledged.status().ToString());
  Expect(files.database.CommitTransaction().ok(), "no commit");
  return *acknowledged;
}

int64_t Rows(Files& files) {
  return *files.database.QueryInt("SELECT count(*) FROM job") +
         *files.database.QueryInt("SELECT count(*) FROM node_event");
}

void Push(Files& files, Bytes& bytes) {
  v1::PushRecordsRequest request;
  if (!fuzz::Fill(bytes, &request)) return;
  if (bytes.Flag()) {  // most of what is made at random has no order
    request.set_cluster("test");
    request.set_incarnation("one");
    uint64_t sequence = 0;
    for (auto& record : *request.mutable_records()) record.set_sequence(++sequence);
  }
  absl::Status checked = CheckPush(request);
  if (!checked.ok()) {
    return Expect(!Message(checked).empty() && Message(checked).size() < 4096, "no word of why");
  }
  const uint64_t acknowledged = Apply(files, request);
  if (request.records_size() > 0) {
    Expect(acknowledged >= request.records(request.records_size() - 1).sequence(),
           "less acknowledged than sent");
  }
  const int64_t rows = Rows(files);
  Expect(Apply(files, request) == acknowledged && Rows(files) == rows, "a repetition counts");
}

void Query(Files& files, Bytes& bytes) {
  v1::QueryAccountingRequest request;
  fuzz::Fill(bytes, &request);
  absl::StatusOr<JobQuery> query = JobQuery::Create(request);
  if (!query.ok()) {
    return Expect(!Message(query.status()).empty() && Message(query.status()).size() < 4096,
                  "no word of why");
  }
  absl::StatusOr<std::vector<int64_t>> ids = files.reader.FindJobs(*query);
  Expect(ids.ok(), "our own SQL fails: ", ids.status().ToString(), "\n", query->sql().text);
  Expect(static_cast<int64_t>(ids->size()) <= Rows(files), "a row twice");
  v1::QueryAccountingResponse response;
  absl::Status loaded = files.reader.LoadJobs(*query, *ids, &response);
  Expect(loaded.ok(), loaded.ToString());
  Expect(response.jobs_size() == response.db_index_size(), "rows without their number");
}

void Check(Bytes bytes) {
  Files& files = TheFiles();
  Empty(files);
  for (int i = 0; i < 8 && !bytes.empty(); ++i)
    bytes.Flag() ? Push(files, bytes) : Query(files, bytes);
}

}  // namespace
}  // namespace reeve::dbd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::dbd::Check(reeve::fuzz::Bytes(data, size));
  return 0;
}
