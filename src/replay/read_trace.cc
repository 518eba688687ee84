#include "replay/read_trace.h"

#include <algorithm>
#include <string>

#include "common/base/text.h"
#include "replay/accounting_trace.h"
#include "replay/gunzip.h"
#include "replay/lines.h"
#include "replay/swf.h"

namespace reeve::replay {
namespace {

constexpr size_t kLargestText = size_t{1} << 31;

// Only sacct's lines have such bars.
bool LooksLikeAccounting(std::string_view text) {
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.Next()) {
    const std::string_view content = Strip(*line);
    if (content.empty()) continue;
    if (content.starts_with(';')) return false;
    return content.find('|') != content.npos;
  }
  return false;
}

void PutInOrder(Trace& trace) {
  const auto earlier = [](const TraceJob& a, const TraceJob& b) { return a.submit < b.submit; };
  const auto& jobs = trace.jobs;
  if (std::is_sorted(jobs.begin(), jobs.end(), earlier)) return;
  // sacct sorts by id, which is the order of submission but for clocks that were set.
  if (!trace.names_partitions) {
    const auto first = std::is_sorted_until(jobs.begin(), jobs.end(), earlier);
    trace.notes.push_back(StrCat(trace.name, ":", first->line,
                                 ": submitted before the line above it; jobs are replayed in the "
                                 "order of their times"));
  }
  std::stable_sort(trace.jobs.begin(), trace.jobs.end(), earlier);
}

}  // namespace

absl::StatusOr<Trace> ReadTrace(std::string_view data, std::string_view name, absl::TimeZone zone) {
  std::string unpacked;
  if (IsGzip(data)) {
    absl::StatusOr<std::string> content = Gunzip(data, kLargestText);
    if (!content.ok()) return Annotate(content.status(), name);
    unpacked = *std::move(content);
    data = unpacked;
  }
  absl::StatusOr<Trace> trace =
      LooksLikeAccounting(data) ? ParseAccounting(data, name, zone) : ParseSwf(data, name);
  if (!trace.ok()) return trace.status();
  if (trace->jobs.empty()) {
    std::string notes;
    for (const std::string& note : trace->notes) StrAppend(&notes, "\n", note);
    return absl::InvalidArgumentError(StrCat(name, ": no job that could be replayed", notes));
  }
  PutInOrder(*trace);
  return trace;
}

}  // namespace reeve::replay
