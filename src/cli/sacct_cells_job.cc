// Names and numbers of the job.
#include <pwd.h>

#include <vector>

#include "cli/sacct_cells.h"
#include "common/base/ids.h"
#include "common/base/task_pattern.h"
#include "common/base/text.h"

namespace reeve::cli::cells {
namespace {

// A relative name is one in the job's working directory.
std::string FileOf(const Row& row, const Context& context, std::string_view pattern) {
  const v1::Job& job = *row.job;
  std::string path(pattern);
  if (context.expand_patterns) {
    PatternValues values{.job = reeve::JobId{job.job_id()},
                         .restarts = job.restarts(),
                         .node_name = job.batch_host(),
                         .user_name = job.user_name(),
                         .job_name = job.spec().name()};
    if (job.array_job_id() != 0) values.array_job = reeve::JobId{job.array_job_id()};
    if (job.has_array_task_id()) values.array_task = job.array_task_id();
    const absl::StatusOr<std::string> expanded = ExpandFilePattern(pattern, values);
    if (expanded.ok()) path = *expanded;
  }
  if (path.empty() || path[0] == '/') return path;
  return StrCat(job.spec().work_dir(), "/", path);
}

std::optional<uid_t> LocalUid(const std::string& name) {
  struct passwd entry;
  struct passwd* found = nullptr;
  std::vector<char> buffer(1 << 16);
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return found->pw_uid;
}

// "block:cyclic" is a matter of the step's first level.
std::string LayoutName(std::string_view distribution) {
  if (StartsWithIgnoreCase(distribution, "block")) return "Block";
  if (StartsWithIgnoreCase(distribution, "cyclic")) return "Cyclic";
  if (StartsWithIgnoreCase(distribution, "plane")) return "Plane";
  if (StartsWithIgnoreCase(distribution, "arbitrary")) return "Arbitrary";
  return "Unknown";
}

}  // namespace

std::string Account(const Row& row, const Context&) {
  return row.job->account().empty() ? row.job->spec().account() : row.job->account();
}
std::string Cluster(const Row& row, const Context&) {
  return row.job->cluster();
}
std::string Comment(const Row& row, const Context&) {
  return row.job->spec().comment();
}
std::string Constraints(const Row& row, const Context&) {
  return row.step ? "" : row.job->spec().features();
}
std::string DbIndex(const Row& row, const Context&) {
  return StrCat(row.db_index);
}
std::string Exclusive(const Row& row, const Context&) {
  return row.step ? "" : row.job->spec().exclusive() ? "YES" : "NO";
}
std::string Gid(const Row& row, const Context&) {
  return row.step ? "" : StrCat(row.job->gid());
}
std::string Group(const Row& row, const Context&) {
  return row.step ? "" : row.job->group_name();
}
std::string JobId(const Row& row, const Context&) {
  if (row.step == nullptr) return row.job_id;
  return StrCat(row.job_id, ".", ToString(StepId{row.step->step_id()}));
}
std::string JobIdRaw(const Row& row, const Context&) {
  const reeve::JobId job{row.job->job_id()};
  return row.step ? ToString(job, StepId{row.step->step_id()}) : ToString(job);
}
std::string JobName(const Row& row, const Context&) {
  return row.step ? row.step->name() : row.job->spec().name();
}
std::string Layout(const Row& row, const Context&) {
  return row.step ? LayoutName(row.step->dist()) : "";
}
std::string OverSubscribe(const Row& row, const Context&) {
  return row.step ? "" : row.job->spec().oversubscribe() ? "YES" : "NO";
}
std::string Partition(const Row& row, const Context&) {
  if (row.step) return "";
  return row.job->partition().empty() ? row.job->spec().partition() : row.job->partition();
}
std::string Priority(const Row& row, const Context&) {
  return row.step ? "" : StrCat(row.job->priority());
}
std::string Qos(const Row& row, const Context&) {
  return row.step ? "" : row.job->qos();
}
std::string QosRequested(const Row& row, const Context&) {
  return row.step ? "" : row.job->spec().qos();
}
std::string Reason(const Row& row, const Context&) {
  if (row.step) return "";
  return row.job->reason().empty() ? "None" : row.job->reason();
}
std::string Restarts(const Row& row, const Context&) {
  return row.step ? "" : StrCat(row.job->restarts());
}
std::string StdErr(const Row& row, const Context& context) {
  return row.step ? "" : FileOf(row, context, row.job->spec().std_err());
}
std::string StdIn(const Row& row, const Context& context) {
  const v1::JobSpec& spec = row.job->spec();
  if (row.step || !spec.batch()) return "";
  return FileOf(row, context, spec.std_in().empty() ? "/dev/null" : spec.std_in());
}
std::string StdOut(const Row& row, const Context& context) {
  const v1::JobSpec& spec = row.job->spec();
  if (row.step || !spec.batch()) return "";
  const std::string_view unsaid = row.job->array_job_id() != 0 ? "slurm-%A_%a.out" : "slurm-%j.out";
  return FileOf(row, context, spec.std_out().empty() ? unsaid : spec.std_out());
}
std::string SubmitLine(const Row& row, const Context&) {
  return row.step ? row.step->submit_line() : row.job->spec().submit_line();
}
std::string Uid(const Row& row, const Context& context) {
  if (row.step) return "";
  if (context.use_local_uid) {
    if (const std::optional<uid_t> uid = LocalUid(row.job->user_name())) return StrCat(*uid);
  }
  return StrCat(row.job->uid());
}
std::string User(const Row& row, const Context&) {
  return row.step ? "" : row.job->user_name();
}
std::string WorkDir(const Row& row, const Context&) {
  return row.step ? "" : row.job->spec().work_dir();
}

}  // namespace reeve::cli::cells
