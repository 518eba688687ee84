#include "replay/swf.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "absl/strings/str_format.h"
#include "common/base/text.h"
#include "replay/lines.h"
#include "replay/problems.h"

namespace reeve::replay {
namespace {

// A log whose header names no date starts here: no time of a job is then the Unix epoch, which
// stands for "not set".
constexpr int64_t kNoDate = 946684800;  // 2000-01-01
constexpr double kLargest = 1e11;       // of any field; 3,000 years in seconds

enum Field {
  kNumber,
  kSubmit,
  kWait,
  kRun,
  kAllocated,
  kAverageCpu,
  kUsedMemory,
  kRequested,
  kRequestedTime,
  kRequestedMemory,
  kStatus,
  kUser,
  kGroup,
  kExecutable,
  kQueue,
  kPartition,
  kPreceding,
  kThinkTime,
  kFieldCount,
};
constexpr std::string_view kFieldNames[kFieldCount] = {"job number",
                                                       "submit time",
                                                       "wait time",
                                                       "run time",
                                                       "allocated processors",
                                                       "CPU time",
                                                       "used memory",
                                                       "requested processors",
                                                       "requested time",
                                                       "requested memory",
                                                       "status",
                                                       "user",
                                                       "group",
                                                       "executable",
                                                       "queue",
                                                       "partition",
                                                       "preceding job",
                                                       "think time"};
using Fields = std::array<double, kFieldCount>;

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || std::abs(value) > kLargest) return std::nullopt;
  return value;
}

class Reader {
 public:
  explicit Reader(std::string_view name) : problems_(name) { trace_.name = name; }

  absl::StatusOr<Trace> Read(std::string_view text) {
    Lines lines(text);
    while (const std::optional<std::string_view> line = lines.Next()) {
      line_ = lines.number();
      const std::string_view content = Strip(*line);
      if (content.empty()) continue;
      if (content.starts_with(';')) {
        TakeComment(content.substr(1));
      } else {
        TakeLine(content);
      }
    }
    if (!problems_.empty()) return problems_.status();
    for (TraceJob& job : trace_.jobs) job.submit += absl::Seconds(start_);
    trace_.notes = tally_.Notes(trace_.name);
    return std::move(trace_);
  }

 private:
  // "MaxProcs: 128". Other comments, and values that are no number, are for people.
  void TakeComment(std::string_view comment) {
    const size_t colon = comment.find(':');
    if (colon == comment.npos) return;
    const std::string_view key = Strip(comment.substr(0, colon));
    const std::optional<double> value = ParseNumber(Strip(comment.substr(colon + 1)));
    if (!value.has_value() || *value < 1) return;
    if (key == "UnixStartTime") start_ = static_cast<int64_t>(*value);
    if (*value > UINT32_MAX) return;
    if (key == "MaxNodes") trace_.max_nodes = static_cast<uint32_t>(*value);
    if (key == "MaxProcs") trace_.max_cpus = static_cast<uint32_t>(*value);
  }

  void TakeLine(std::string_view line) {
    const std::vector<std::string_view> words = SplitSkipEmpty(line, " \t");
    if (words.size() != kFieldCount) {
      return problems_.Add(line_, StrCat(words.size(), " fields; a job has ", int{kFieldCount}));
    }
    Fields fields;
    for (int i = 0; i < kFieldCount; ++i) {
      const std::optional<double> value = ParseNumber(words[i]);
      if (!value.has_value()) {
        return problems_.Add(
            line_,
            StrCat(kFieldNames[i], ": not a number that a log can have: ", Quoted(words[i])));
      }
      fields[i] = *value;
    }
    if (fields[kSubmit] < 0) return problems_.Add(line_, "a job without a submit time");
    if (std::max(fields[kRequested], fields[kAllocated]) > UINT32_MAX) {
      return problems_.Add(line_, StrCat("more processors than ", UINT32_MAX));
    }
    if (CanBeReplayed(fields)) Add(fields, words[kNumber]);
  }

  bool CanBeReplayed(const Fields& fields) {
    const double status = fields[kStatus];
    if (status >= 2 && status <= 4) {
      tally_.Add("line of a job's single burst is left out",
                 "lines of jobs' single bursts are left out", line_);
    } else if (status == 5 && fields[kRun] <= 0) {
      tally_.Add("job that was cancelled before it ran is left out",
                 "jobs that were cancelled before they ran are left out", line_);
    } else if (fields[kRun] < 0) {
      tally_.Add("job without a run time is left out", "jobs without a run time are left out",
                 line_);
    } else if (fields[kRequested] < 1 && fields[kAllocated] < 1) {
      tally_.Add("job without a number of processors is left out",
                 "jobs without a number of processors are left out", line_);
    } else {
      return true;
    }
    return false;
  }

  void Add(const Fields& fields, std::string_view label) {
    TraceJob job;
    job.label = label;
    job.line = line_;
    job.submit = absl::FromUnixSeconds(static_cast<int64_t>(fields[kSubmit]));
    job.run = absl::Seconds(static_cast<int64_t>(std::ceil(fields[kRun])));
    if (fields[kRequestedTime] > 0) {
      job.limit = absl::Seconds(static_cast<int64_t>(std::ceil(fields[kRequestedTime])));
    }
    job.cpus =
        static_cast<uint32_t>(fields[kRequested] >= 1 ? fields[kRequested] : fields[kAllocated]);
    if (fields[kRequestedMemory] > 0) {
      job.mem_per_cpu_mb = static_cast<uint64_t>(std::ceil(fields[kRequestedMemory] / 1024));
    }
    job.user = trace_.users.IdOf(Number(fields[kUser]));
    job.partition = trace_.partitions.IdOf(Number(fields[kPartition]));
    if (fields[kPreceding] > 0) {
      tally_.Add("job names a preceding one: it comes when the trace says all the same",
                 "jobs name a preceding one: they come when the trace says all the same", line_);
    }
    trace_.jobs.push_back(std::move(job));
  }

  static std::string Number(double value) {
    return value < 0 ? "unknown" : StrCat(static_cast<int64_t>(value));
  }

  Trace trace_;
  Problems problems_;
  Tally tally_;
  int line_ = 0;
  int64_t start_ = kNoDate;
};

}  // namespace

absl::StatusOr<Trace> ParseSwf(std::string_view text, std::string_view name) {
  return Reader(name).Read(text);
}

std::string FormatSwf(const Trace& trace) {
  const absl::Time start =
      trace.jobs.empty() ? absl::FromUnixSeconds(kNoDate) : trace.jobs.front().submit;
  std::string text = "; Version: 2.2\n";
  StrAppend(&text, "; Note: made by reeve sim from ", trace.name, "\n");
  StrAppend(&text, "; MaxJobs: ", trace.jobs.size(), "\n");
  StrAppend(&text, "; UnixStartTime: ", absl::ToUnixSeconds(start), "\n");
  if (trace.max_nodes > 0) StrAppend(&text, "; MaxNodes: ", trace.max_nodes, "\n");
  if (trace.max_cpus > 0) StrAppend(&text, "; MaxProcs: ", trace.max_cpus, "\n");
  int number = 0;
  for (const TraceJob& job : trace.jobs) {
    const bool limited = job.limit.has_value() && *job.limit < absl::InfiniteDuration();
    const int64_t memory =
        job.mem_per_cpu_mb.has_value() ? static_cast<int64_t>(*job.mem_per_cpu_mb) * 1024 : -1;
    absl::StrAppendFormat(&text, "%d %d -1 %d %d -1 -1 %d %d %d 1 %d -1 -1 -1 %d -1 -1\n", ++number,
                          absl::ToInt64Seconds(job.submit - start), absl::ToInt64Seconds(job.run),
                          job.cpus, job.cpus, limited ? absl::ToInt64Seconds(*job.limit) : -1,
                          memory, job.user + 1, job.partition + 1);
  }
  return text;
}

}  // namespace reeve::replay
