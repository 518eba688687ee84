#include "dbd/record_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/job_state.h"
#include "common/base/text.h"
#include "common/os/log.h"

namespace reeve::dbd {
namespace {

namespace pb = reeve::v1;
using sqlite::Database;
using sqlite::Statement;

constexpr size_t kMaxName = 255;

bool IsOver(const pb::Job& job) {
  return IsFinished(static_cast<JobState>(job.state()));
}

absl::StatusOr<int64_t> SelectId(Statement& statement) {
  absl::StatusOr<bool> row = statement.Step();
  int64_t id = row.ok() && *row ? statement.Int(0) : 0;
  statement.Reset();
  if (!row.ok()) return row.status();
  return id;
}

absl::Status CheckRecord(const pb::AccountingRecord& record) {
  switch (record.kind_case()) {
    case pb::AccountingRecord::kJob:
      if (record.job().job_id() == 0) return absl::InvalidArgumentError("a job without an id");
      if (!pb::JobState_IsValid(record.job().state())) {
        return absl::InvalidArgumentError(StrCat("job ", record.job().job_id(), " has state ",
                                                 record.job().state(), ", unknown here"));
      }
      return absl::OkStatus();
    case pb::AccountingRecord::kNodeEvent:
      if (record.node_event().node().empty()) {
        return absl::InvalidArgumentError("a node event without a node");
      }
      return absl::OkStatus();
    case pb::AccountingRecord::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a record of a kind unknown here: is reevedbd too old?");
}

}  // namespace

absl::Status CheckPush(const pb::PushRecordsRequest& request) {
  if (request.cluster().empty() || request.cluster().size() > kMaxName) {
    return absl::InvalidArgumentError("a push without the name of its cluster");
  }
  if (request.incarnation().empty() || request.incarnation().size() > kMaxName) {
    return absl::InvalidArgumentError("a push without its controller's incarnation");
  }
  uint64_t last = 0;
  for (const pb::AccountingRecord& record : request.records()) {
    absl::Status status = CheckRecord(record);
    if (status.ok() && (record.sequence() <= last || record.sequence() > INT64_MAX)) {
      status = absl::InvalidArgumentError(StrCat("sequence after ", last, " must ascend"));
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          StrCat("record ", record.sequence(), ": ", Message(status)));
    }
    last = record.sequence();
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordWriter> RecordWriter::Create(Database& database) {
  RecordWriter writer;
  const std::pair<Statement*, const char*> all[] = {
      {&writer.find_cluster_, "SELECT id FROM cluster WHERE name = ?"},
      {&writer.add_cluster_, "INSERT INTO cluster (name) VALUES (?) RETURNING id"},
      {&writer.find_controller_,
       "SELECT id, acknowledged FROM controller WHERE cluster = ? AND incarnation = ?"},
      {&writer.add_controller_,
       "INSERT INTO controller (cluster, incarnation, acknowledged) VALUES (?, ?, 0) RETURNING id"},
      {&writer.acknowledge_, "UPDATE controller SET acknowledged = ? WHERE id = ?"},
      {&writer.find_job_,
       "SELECT revision FROM job WHERE controller = ? AND job_id = ? AND restarts = ?"
       " AND submitted = ?"},
      {&writer.put_job_,
       "INSERT INTO job (cluster, controller, job_id, restarts, submitted, revision, array_job_id,"
       " array_task, uid, gid, user, account, partition, name, qos, state, flags, eligible, "
       "started,"
       " ended, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
       " ?16, ?17, ?18, ?19, ?20, ?21)"
       " ON CONFLICT (controller, job_id, restarts, submitted) DO UPDATE SET revision = ?6,"
       " array_job_id = ?7, array_task = ?8, uid = ?9, gid = ?10, user = ?11, account = ?12,"
       " partition = ?13, name = ?14, qos = ?15, state = ?16, flags = ?17, eligible = ?18,"
       " started = ?19, ended = ?20, record = ?21"},
      {&writer.open_runs_,
       "SELECT id, record FROM job WHERE controller = ? AND job_id = ? AND ended = 0"},
      {&writer.close_run_, "UPDATE job SET flags = ?, ended = ?, record = ? WHERE id = ?"},
      {&writer.put_node_event_,
       "INSERT INTO node_event (cluster, node, time, state, reason, user)"
       " VALUES (?, ?, ?, ?, ?, ?)"},
  };
  for (const auto& [statement, sql] : all) {
    absl::StatusOr<Statement> prepared = database.Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return writer;
}

absl::StatusOr<RecordWriter::Source> RecordWriter::FindSource(const std::string& cluster,
                                                              const std::string& incarnation) {
  Source source;
  absl::StatusOr<int64_t> id = SelectId(find_cluster_.Bind(1, cluster));
  if (id.ok() && *id == 0) id = SelectId(add_cluster_.Bind(1, cluster));
  if (!id.ok()) return id.status();
  source.cluster = *id;

  find_controller_.Bind(1, source.cluster).Bind(2, incarnation);
  absl::StatusOr<bool> row = find_controller_.Step();
  if (row.ok() && *row) {
    source.controller = find_controller_.Int(0);
    source.acknowledged = static_cast<uint64_t>(find_controller_.Int(1));
  }
  find_controller_.Reset();
  if (!row.ok()) return row.status();
  if (*row) return source;

  id = SelectId(add_controller_.Bind(1, source.cluster).Bind(2, incarnation));
  if (!id.ok()) return id.status();
  source.controller = *id;
  os::LogInfo(StrCat("cluster ", cluster, ": first records of controller store ", incarnation));
  return source;
}

absl::StatusOr<uint64_t> RecordWriter::Apply(const pb::PushRecordsRequest& request,
                                             absl::Time now) {
  absl::StatusOr<Source> source = FindSource(request.cluster(), request.incarnation());
  if (!source.ok()) return source.status();
  uint64_t acknowledged = source->acknowledged;
  for (const pb::AccountingRecord& record : request.records()) {
    if (record.sequence() <= acknowledged) continue;
    absl::Status status;
    if (record.has_job()) {
      pb::Job job = record.job();
      job.set_cluster(request.cluster());
      status = PutJob(*source, std::move(job), now);
    } else {
      status = PutNodeEvent(*source, record.node_event());
    }
    if (!status.ok()) return status;
    acknowledged = record.sequence();
  }
  if (acknowledged == source->acknowledged) return acknowledged;
  absl::Status status =
      acknowledge_.Bind(1, static_cast<int64_t>(acknowledged)).Bind(2, source->controller).Run();
  if (!status.ok()) return status;
  return acknowledged;
}

absl::Status RecordWriter::PutJob(const Source& source, pb::Job job, absl::Time now) {
  // While a job runs the controller keeps the end of its time limit there.
  if (!IsOver(job)) job.set_end_time(0);
  // And for one that ended while it waited, the time of that.
  if (IsOver(job) && job.shares_size() == 0) job.set_start_time(0);

  find_job_.Bind(1, source.controller).Bind(2, int64_t{job.job_id()});
  find_job_.Bind(3, int64_t{job.restarts()}).Bind(4, job.submit_time());
  absl::StatusOr<bool> row = find_job_.Step();
  const bool known = row.ok() && *row;
  const uint64_t revision = known ? static_cast<uint64_t>(find_job_.Int(0)) : 0;
  find_job_.Reset();
  if (!row.ok()) return row.status();
  if (known && job.revision() <= revision) return absl::OkStatus();
  if (!known) {
    absl::Status status = CloseEarlierRuns(source, job, now);
    if (!status.ok()) return status;
  }
  return BindAndPutJob(source, job);
}

absl::Status RecordWriter::BindAndPutJob(const Source& source, const pb::Job& job) {
  const pb::JobSpec& spec = job.spec();
  Statement& put = put_job_;
  put.Bind(1, source.cluster).Bind(2, source.controller).Bind(3, int64_t{job.job_id()});
  put.Bind(4, int64_t{job.restarts()}).Bind(5, job.submit_time());
  // Whoever asks for the first one's id means all of an array, or of a heterogeneous job.
  const uint32_t whole = job.het_job_id() != 0 ? job.het_job_id() : job.array_job_id();
  put.Bind(6, static_cast<int64_t>(job.revision())).Bind(7, int64_t{whole});
  if (job.has_array_task_id()) {
    put.Bind(8, int64_t{job.array_task_id()});
  } else {
    put.BindNull(8);
  }
  put.Bind(9, int64_t{job.uid()}).Bind(10, int64_t{job.gid()}).Bind(11, job.user_name());
  put.Bind(12, job.account().empty() ? spec.account() : job.account());
  put.Bind(13, job.partition().empty() ? spec.partition() : job.partition());
  put.Bind(14, spec.name()).Bind(15, job.qos().empty() ? spec.qos() : job.qos());
  put.Bind(16, int64_t{job.state()}).Bind(17, int64_t{job.flags()});
  put.Bind(18, job.eligible_time()).Bind(19, job.start_time()).Bind(20, job.end_time());
  return put.BindBlob(21, job.SerializeAsString()).Run();
}

// The controller goes on with the job's next run (a requeue) and says no more of the ones before.
absl::Status RecordWriter::CloseEarlierRuns(const Source& source, const pb::Job& job,
                                            absl::Time now) {
  std::vector<std::pair<int64_t, pb::Job>> open;
  open_runs_.Bind(1, source.controller).Bind(2, int64_t{job.job_id()});
  absl::StatusOr<bool> row;
  while ((row = open_runs_.Step()).ok() && *row) {
    pb::Job earlier;
    if (earlier.ParseFromString(open_runs_.Text(1))) {
      open.emplace_back(open_runs_.Int(0), std::move(earlier));
    } else {  // no reason to refuse what comes now
      os::LogError(StrCat("row ", open_runs_.Int(0), " of job ", job.job_id(),
                          " is unreadable and stays open"));
    }
  }
  open_runs_.Reset();
  if (!row.ok()) return row.status();
  for (auto& [id, earlier] : open) {
    const int64_t began = std::max(earlier.start_time(), earlier.submit_time());
    const int64_t end = job.submit_time() > began ? job.submit_time() : absl::ToUnixSeconds(now);
    earlier.set_flags(earlier.flags() | pb::JOB_FLAG_REQUEUED);
    earlier.set_end_time(std::max(began, end));
    absl::Status status = close_run_.Bind(1, int64_t{earlier.flags()})
                              .Bind(2, earlier.end_time())
                              .BindBlob(3, earlier.SerializeAsString())
                              .Bind(4, id)
                              .Run();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RecordWriter::PutNodeEvent(const Source& source, const pb::NodeEvent& event) {
  return put_node_event_.Bind(1, source.cluster)
      .Bind(2, event.node())
      .Bind(3, event.time())
      .Bind(4, event.state())
      .Bind(5, event.reason())
      .Bind(6, event.user())
      .Run();
}

}  // namespace reeve::dbd
