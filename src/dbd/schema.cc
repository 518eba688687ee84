#include "dbd/schema.h"

namespace reeve::dbd {
namespace {

// One row of `job` is one run: a requeued job has several. `record` is the whole reeve.v1.Job with
// its steps; the columns beside it are what queries filter and sort on. Times are 0 while unknown,
// and `ended` (with the record's end_time) is 0 until the run is over.
//
// A controller is told apart by its incarnation, so that job ids which a new store hands out again
// never touch the rows of the old one; `submitted` is part of the key for ids that wrapped around.
constexpr const char* kMigrations[] = {
    R"sql(
    CREATE TABLE cluster (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE controller (
      id INTEGER PRIMARY KEY,
      cluster INTEGER NOT NULL REFERENCES cluster (id),
      incarnation TEXT NOT NULL,
      acknowledged INTEGER NOT NULL,
      UNIQUE (cluster, incarnation));
    CREATE TABLE job (
      id INTEGER PRIMARY KEY,
      cluster INTEGER NOT NULL REFERENCES cluster (id),
      controller INTEGER NOT NULL REFERENCES controller (id),
      job_id INTEGER NOT NULL,
      restarts INTEGER NOT NULL,
      submitted INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      array_job_id INTEGER NOT NULL,
      array_task INTEGER,
      uid INTEGER NOT NULL,
      gid INTEGER NOT NULL,
      user TEXT NOT NULL,
      account TEXT NOT NULL,
      partition TEXT NOT NULL,
      name TEXT NOT NULL,
      qos TEXT NOT NULL,
      state INTEGER NOT NULL,
      flags INTEGER NOT NULL,
      eligible INTEGER NOT NULL,
      started INTEGER NOT NULL,
      ended INTEGER NOT NULL,
      record BLOB NOT NULL,
      UNIQUE (controller, job_id, restarts, submitted));
    CREATE INDEX job_by_id ON job (job_id);
    CREATE INDEX job_by_array ON job (array_job_id) WHERE array_job_id != 0;
    CREATE INDEX job_by_end ON job (ended, eligible);
    CREATE INDEX job_by_user ON job (uid, ended);
    CREATE TABLE node_event (
      id INTEGER PRIMARY KEY,
      cluster INTEGER NOT NULL REFERENCES cluster (id),
      node TEXT NOT NULL,
      time INTEGER NOT NULL,
      state TEXT NOT NULL,
      reason TEXT NOT NULL,
      user TEXT NOT NULL);
    CREATE INDEX node_event_by_node ON node_event (cluster, node, time);
    )sql",
};

}  // namespace

std::span<const char* const> Migrations() {
  return kMigrations;
}

}  // namespace reeve::dbd
