#include "replay/accounting_trace.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <optional>

#include "common/base/text.h"
#include "common/base/units.h"
#include "replay/lines.h"
#include "replay/problems.h"

namespace reeve::replay {
namespace {

constexpr std::string_view kDelimiter = "|";
constexpr int64_t kLatest = 100'000'000'000;  // in seconds since 1970: the year 5138

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "Unknown" of a job that has not come so far, "None" of one that never will.
bool IsNever(std::string_view text) {
  return text.empty() || EqualsIgnoreCase(text, "Unknown") || EqualsIgnoreCase(text, "None");
}

// Where the columns are in a line; absent: they are not there.
struct Columns {
  size_t count = 0;
  std::optional<size_t> id, user, partition, submit, start, end, cpus, nodes, limit, limit_minutes,
      memory;
};

absl::StatusOr<Columns> FindColumns(std::string_view header) {
  const std::vector<std::string_view> names = Split(header, kDelimiter);
  const auto find = [&](std::initializer_list<std::string_view> wanted) -> std::optional<size_t> {
    for (std::string_view name : wanted) {
      for (size_t i = 0; i < names.size(); ++i) {
        if (EqualsIgnoreCase(Strip(names[i]), name)) return i;
      }
    }
    return std::nullopt;
  };
  Columns columns{.count = names.size(),
                  .id = find({"JobID", "JobIDRaw"}),
                  .user = find({"User", "UID"}),
                  .partition = find({"Partition"}),
                  .submit = find({"Submit"}),
                  .start = find({"Start"}),
                  .end = find({"End"}),
                  .cpus = find({"ReqCPUS", "NCPUS", "AllocCPUS"}),
                  .nodes = find({"ReqNodes"}),
                  .limit = find({"Timelimit"}),
                  .limit_minutes = find({"TimelimitRaw"}),
                  .memory = find({"ReqMem"})};
  const std::pair<std::string_view, bool> needed[] = {{"JobID", columns.id.has_value()},
                                                      {"Submit", columns.submit.has_value()},
                                                      {"Start", columns.start.has_value()},
                                                      {"End", columns.end.has_value()},
                                                      {"ReqCPUS", columns.cpus.has_value()}};
  for (const auto& [name, there] : needed) {
    if (!there) return absl::InvalidArgumentError(StrCat("no column ", name));
  }
  return columns;
}

absl::StatusOr<absl::Time> ParseTime(std::string_view text, absl::TimeZone zone) {
  if (IsNumber(text) && text.size() <= 11) {
    return absl::FromUnixSeconds(static_cast<int64_t>(*ParseUint(text, "time", UINT64_MAX)));
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%dT%H:%M:%S", ToAbsl(text), zone, &time, &error) ||
      time < absl::UnixEpoch() || time > absl::FromUnixSeconds(kLatest)) {
    return absl::InvalidArgumentError(StrCat("not a time: ", Quoted(text)));
  }
  return time;
}

// "4G" of the whole job; "4Gn" a node, "4Gc" a CPU, as older versions of Slurm print.
absl::StatusOr<std::optional<uint64_t>> ParseMemory(std::string_view text, uint32_t cpus,
                                                    uint32_t nodes) {
  uint64_t share = cpus;
  if (text.ends_with('c')) share = 1;
  if (text.ends_with('n')) share = std::max(cpus / std::max(nodes, 1u), 1u);
  if (text.ends_with('c') || text.ends_with('n')) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  absl::StatusOr<uint64_t> mb = ParseMemoryMb(text);
  if (!mb.ok()) return mb.status();
  if (*mb == 0) return std::nullopt;
  return *mb / share + (*mb % share != 0);
}

class Reader {
 public:
  Reader(std::string_view name, absl::TimeZone zone) : problems_(name), zone_(zone) {
    trace_.name = name;
    trace_.names_partitions = true;
  }

  absl::StatusOr<Trace> Read(std::string_view text) {
    Lines lines(text);
    bool seen_header = false;
    while (const std::optional<std::string_view> line = lines.Next()) {
      line_ = lines.number();
      if (Strip(*line).empty()) continue;
      if (seen_header) {
        TakeLine(*line);
        continue;
      }
      absl::StatusOr<Columns> columns = FindColumns(*line);
      if (!columns.ok()) {
        problems_.Add(line_, StrCat(Message(columns.status()),
                                    "; a line that names sacct's columns is to come first"));
        return problems_.status();
      }
      columns_ = *columns;
      seen_header = true;
    }
    if (!problems_.empty()) return problems_.status();
    trace_.notes = tally_.Notes(trace_.name);
    return std::move(trace_);
  }

 private:
  void TakeLine(std::string_view line) {
    const std::vector<std::string_view> cells = Split(line, kDelimiter);
    if (cells.size() != columns_.count) {
      return problems_.Add(line_, StrCat(cells.size(), " cells under ", columns_.count,
                                         " columns (a column whose text may hold '|'?)"));
    }
    if (cells[*columns_.id].find('.') != std::string_view::npos) return;
    absl::StatusOr<std::optional<TraceJob>> job = MakeJob(cells);
    if (!job.ok()) return problems_.Add(line_, Message(job.status()));
    if (job->has_value()) trace_.jobs.push_back(**std::move(job));
  }

  absl::StatusOr<std::optional<TraceJob>> MakeJob(const std::vector<std::string_view>& cells) {
    TraceJob job;
    job.label = cells[*columns_.id];
    job.line = line_;
    if (IsNever(cells[*columns_.start])) {
      tally_.Add("job that never started is left out", "jobs that never started are left out",
                 line_);
      return std::nullopt;
    }
    if (IsNever(cells[*columns_.end])) {
      tally_.Add("job that has not ended is left out", "jobs that have not ended are left out",
                 line_);
      return std::nullopt;
    }
    if (absl::Status status = TakeTimes(cells, &job); !status.ok()) return status;
    if (absl::Status status = TakeSizes(cells, &job); !status.ok()) return status;
    if (absl::Status status = TakeLimit(cells, &job); !status.ok()) return status;
    job.user = trace_.users.IdOf(columns_.user ? cells[*columns_.user] : "unknown");
    job.partition = trace_.partitions.IdOf(columns_.partition ? cells[*columns_.partition] : "");
    return job;
  }

  absl::Status TakeTimes(const std::vector<std::string_view>& cells, TraceJob* job) const {
    const absl::StatusOr<absl::Time> submit = ParseTime(cells[*columns_.submit], zone_);
    if (!submit.ok()) return Annotate(submit.status(), "Submit");
    const absl::StatusOr<absl::Time> start = ParseTime(cells[*columns_.start], zone_);
    if (!start.ok()) return Annotate(start.status(), "Start");
    const absl::StatusOr<absl::Time> end = ParseTime(cells[*columns_.end], zone_);
    if (!end.ok()) return Annotate(end.status(), "End");
    if (*submit <= absl::UnixEpoch()) return absl::InvalidArgumentError("Submit is before 1970");
    if (*end < *start) return absl::InvalidArgumentError("End is before Start");
    job->submit = *submit;
    job->run = *end - *start;
    return absl::OkStatus();
  }

  absl::Status TakeSizes(const std::vector<std::string_view>& cells, TraceJob* job) const {
    const absl::StatusOr<uint64_t> cpus = ParseUint(cells[*columns_.cpus], "CPUs", UINT32_MAX);
    if (!cpus.ok()) return cpus.status();
    job->cpus = static_cast<uint32_t>(std::max<uint64_t>(*cpus, 1));
    if (columns_.nodes.has_value()) {
      const absl::StatusOr<uint64_t> nodes = ParseUint(cells[*columns_.nodes], "nodes", UINT32_MAX);
      if (!nodes.ok()) return nodes.status();
      if (*nodes > 1) job->nodes = static_cast<uint32_t>(*nodes);
    }
    if (columns_.memory.has_value()) {
      const auto memory = ParseMemory(Strip(cells[*columns_.memory]), job->cpus, job->nodes);
      if (!memory.ok()) return Annotate(memory.status(), "ReqMem");
      job->mem_per_cpu_mb = *memory;
    }
    return absl::OkStatus();
  }

  absl::Status TakeLimit(const std::vector<std::string_view>& cells, TraceJob* job) const {
    const std::optional<size_t> column = columns_.limit ? columns_.limit : columns_.limit_minutes;
    if (!column.has_value()) return absl::OkStatus();
    const std::string_view text = Strip(cells[*column]);
    if (text.empty() || EqualsIgnoreCase(text, "Partition_Limit")) return absl::OkStatus();
    // Both are minutes when they are a single number.
    const absl::StatusOr<absl::Duration> limit = ParseDuration(text);
    if (!limit.ok()) return Annotate(limit.status(), "Timelimit");
    if (*limit > absl::ZeroDuration()) job->limit = *limit;
    return absl::OkStatus();
  }

  Trace trace_;
  Problems problems_;
  absl::TimeZone zone_;
  Columns columns_;
  Tally tally_;
  int line_ = 0;
};

}  // namespace

absl::StatusOr<Trace> ParseAccounting(std::string_view text, std::string_view name,
                                      absl::TimeZone zone) {
  return Reader(name, zone).Read(text);
}

}  // namespace reeve::replay
