#include "dbd/job_query.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/array_spec.h"
#include "common/base/hostlist.h"
#include "common/base/job_state.h"
#include "common/base/text.h"

namespace reeve::dbd {
namespace {

namespace pb = reeve::v1;

constexpr int kMaxValues = 30000;  // SQLite's own limit is 32,766

// Conditions with their values, one after another. "$" in a text stands for the table's alias.
class Conditions {
 public:
  explicit Conditions(std::string alias) : alias_(std::move(alias)) {}

  void Value(int64_t value) { query_.values.emplace_back(value); }
  void Value(std::string value) { query_.values.emplace_back(std::move(value)); }
  void Text(std::string_view text) { query_.text += ReplaceAll(text, "$", alias_); }
  void Begin() { Text(" AND "); }

  // `column IN (?, ...)`; nothing when there are no values.
  template <class Values>
  void In(std::string_view column, const Values& values) {
    if (values.empty()) return;
    Begin();
    Text(StrCat(column, " IN (", Marks(values.size()), ")"));
    for (const auto& value : values) Value(value);
  }

  static std::string Marks(size_t count, std::string_view mark = "?") {
    return Join(std::vector<std::string_view>(count, mark), ",");
  }

  SqlQuery Take() { return std::move(query_); }

 private:
  std::string alias_;
  SqlQuery query_;
};

// Jobs, whole arrays and their tasks. A task that has not split off is part of its array's row.
void SelectJobs(const pb::QueryAccountingRequest& request, Conditions& out) {
  if (request.jobs().empty()) return;
  std::set<int64_t> whole, arrays;
  std::set<std::pair<int64_t, int64_t>> tasks;
  for (const pb::JobSelectorText& job : request.jobs()) {
    if (job.has_array_task_id()) {
      tasks.emplace(job.job_id(), job.array_task_id());
      arrays.insert(job.job_id());
    } else {
      whole.insert(job.job_id());
    }
  }
  out.Begin();
  out.Text(StrCat("($.job_id IN (", Conditions::Marks(whole.size()),
                  ") OR ($.array_job_id != 0 AND $.array_job_id IN (",
                  Conditions::Marks(whole.size()), "))"));
  for (int pass = 0; pass < 2; ++pass) {
    for (int64_t id : whole) out.Value(id);
  }
  if (!tasks.empty()) {
    out.Text(StrCat(" OR ($.array_job_id != 0 AND ($.array_job_id, $.array_task) IN (VALUES ",
                    Conditions::Marks(tasks.size(), "(?,?)"),
                    ")) OR ($.array_task IS NULL AND $.array_job_id != 0 AND"
                    " $.array_job_id IN (",
                    Conditions::Marks(arrays.size()), "))"));
    for (const auto& [array, task] : tasks) {
      out.Value(array);
      out.Value(task);
    }
    for (int64_t array : arrays) out.Value(array);
  }
  out.Text(")");
}

// Without states: eligible before the window's end and not over before its start.
void EligibleInWindow(const pb::QueryAccountingRequest& request, Conditions& out) {
  if (request.jobs().empty()) out.Text(" AND $.eligible != 0");
  if (request.end_time() != 0) {
    out.Text(" AND $.eligible <= ?");
    out.Value(request.end_time());
  }
  if (request.start_time() != 0) {
    out.Text(" AND ($.ended = 0 OR $.ended >= ?)");
    out.Value(request.start_time());
  }
}

void InStateInWindow(const StateFilter& filter, int64_t start, int64_t end, Conditions& out) {
  if (!filter.state) {
    out.Text("($.flags & ?) != 0");
    out.Value(int64_t{filter.flag});
  } else if (*filter.state == JobState::kPending) {
    out.Text(
        "($.eligible != 0 AND $.eligible <= ?"
        " AND (CASE WHEN $.started != 0 THEN $.started > ? ELSE $.ended = 0 OR $.ended > ? END))");
    out.Value(end);
    out.Value(start);
    out.Value(start);
  } else if (*filter.state == JobState::kRunning) {
    out.Text("($.started != 0 AND $.started <= ? AND ($.ended = 0 OR $.ended > ?))");
    out.Value(end);
    out.Value(start);
  } else if (*filter.state == JobState::kSuspended) {
    out.Text("$.state = ?");
    out.Value(static_cast<int64_t>(*filter.state));
  } else {
    out.Text("($.state = ? AND $.ended BETWEEN ? AND ?)");
    out.Value(static_cast<int64_t>(*filter.state));
    out.Value(start);
    out.Value(end);
  }
}

void SelectWindow(const pb::QueryAccountingRequest& request, const std::vector<StateFilter>& states,
                  Conditions& out) {
  if (states.empty()) return EligibleInWindow(request, out);
  const int64_t end = request.end_time() != 0 ? request.end_time() : INT64_MAX;
  out.Text(" AND (");
  for (size_t i = 0; i < states.size(); ++i) {
    if (i > 0) out.Text(" OR ");
    InStateInWindow(states[i], request.start_time(), end, out);
  }
  out.Text(")");
}

SqlQuery BuildSql(const pb::QueryAccountingRequest& request,
                  const std::vector<StateFilter>& states) {
  Conditions out("j");
  out.Text("SELECT $.id FROM job AS $ WHERE 1");
  if (!request.clusters().empty()) {
    out.Begin();
    out.Text(StrCat("$.cluster IN (SELECT id FROM cluster WHERE name IN (",
                    Conditions::Marks(request.clusters().size()), "))"));
    for (const std::string& name : request.clusters()) out.Value(name);
  }
  SelectJobs(request, out);
  out.In("$.uid", request.uids());
  out.In("$.gid", request.gids());
  out.In("$.account", request.accounts());
  out.In("$.partition", request.partitions());
  out.In("$.name", request.names());
  out.In("$.qos", request.qos());
  SelectWindow(request, states, out);
  SqlQuery query = out.Take();
  if (!request.duplicates()) {
    Conditions later("n");
    later.Text(
        "SELECT 1 FROM job AS $ WHERE $.job_id = j.job_id AND $.cluster = j.cluster"
        " AND $.id > j.id");
    SelectWindow(request, states, later);
    SqlQuery inner = later.Take();
    StrAppend(&query.text, " AND NOT EXISTS (", inner.text, ")");
    query.values.insert(query.values.end(), inner.values.begin(), inner.values.end());
  }
  StrAppend(&query.text,
            " ORDER BY j.controller,"
            " CASE WHEN j.array_job_id != 0 THEN j.array_job_id ELSE j.job_id END,"
            " j.array_task IS NULL, j.array_task, j.id");
  return query;
}

}  // namespace

void SqlQuery::BindTo(sqlite::Statement& statement) const {
  for (size_t i = 0; i < values.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    if (const int64_t* number = std::get_if<int64_t>(&values[i])) {
      statement.Bind(index, *number);
    } else {
      statement.Bind(index, std::get<std::string>(values[i]));
    }
  }
}

absl::StatusOr<JobQuery> JobQuery::Create(const pb::QueryAccountingRequest& request) {
  JobQuery query;
  const int values = request.clusters_size() + 3 * request.jobs_size() + request.uids_size() +
                     request.gids_size() + request.accounts_size() + request.partitions_size() +
                     request.names_size() + request.qos_size() + 8 * request.states_size();
  if (request.jobs_size() > kMaxValues || values > kMaxValues) {
    return absl::InvalidArgumentError("the query names too many jobs or other values");
  }
  std::vector<StateFilter> states;
  for (const std::string& name : request.states()) {
    absl::StatusOr<StateFilter> state = ParseStateName(name);
    if (!state.ok()) return state.status();
    states.push_back(*state);
  }
  absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(request.node_list());
  if (!nodes.ok()) return nodes.status();
  query.nodes_ = *std::move(nodes);
  std::sort(query.nodes_.begin(), query.nodes_.end());
  query.request_ = request;
  query.sql_ = BuildSql(request, states);
  return query;
}

bool JobQuery::Admits(const pb::Job& job) const {
  if (!nodes_.empty()) {
    const bool ran_there =
        std::any_of(job.shares().begin(), job.shares().end(), [&](const auto& share) {
          return std::binary_search(nodes_.begin(), nodes_.end(), share.node());
        });
    if (!ran_there) return false;
  }
  if (job.het_job_id() != 0 && !request_.jobs().empty()) {  // which has no tasks
    return std::any_of(request_.jobs().begin(), request_.jobs().end(), [&](const auto& selector) {
      return !selector.has_array_task_id() &&
             (selector.job_id() == job.job_id() || selector.job_id() == job.het_job_id());
    });
  }
  if (job.array_job_id() == 0 || job.has_array_task_id() || request_.jobs().empty()) return true;
  const absl::StatusOr<IdRanges> left = IdRanges::Parse(job.array_tasks());
  return std::any_of(request_.jobs().begin(), request_.jobs().end(), [&](const auto& selector) {
    if (selector.job_id() != job.job_id() && selector.job_id() != job.array_job_id()) return false;
    return !selector.has_array_task_id() || (left.ok() && left->Contains(selector.array_task_id()));
  });
}

}  // namespace reeve::dbd
