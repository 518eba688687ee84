// scancel: ends and signals jobs and steps.
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/job_id_list.h"
#include "cli/job_query.h"
#include "cli/scancel_options.h"
#include "cli/squeue_rows.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr size_t kJobsPerRequest = 5000;  // the controller takes 10,000

bool IsStep(const std::string& label) {
  return label.find('.') != label.npos;
}

void Announce(const ScancelOptions& options, const std::string& label) {
  if (!options.verbose) return;
  const int signal = options.filters.signal();
  const char* what = IsStep(label) ? "step " : options.filters.batch_only() ? "batch job " : "job ";
  PrintInfo("scancel", signal == 0 ? StrCat("Terminating ", what, label)
                                   : StrCat("Signal ", signal, " to ", what, label));
}

// Prints what went wrong with one job, unless nobody cares: that a job which is to end does not
// run any more is no error. Returns what it adds to the exit code.
int Report(const ScancelOptions& options, const pb::JobResult& result) {
  if (result.error().empty()) return 0;
  const bool over = result.error() == "Job/step already completing or completed";
  const bool gone = over || result.error() == "Invalid job id specified";
  const bool harmless = IsStep(result.label()) || options.filters.signal() != 0 ? over : gone;
  if (options.verbose || !(harmless || (over && options.quiet))) {
    PrintError("scancel", StrCat("Kill job error on job ", IsStep(result.label()) ? "step " : "",
                                 "id ", result.label(), ": ", result.error()));
  }
  return harmless ? 0 : 1;
}

int CancelSome(const ControllerClient& client, const ScancelOptions& options, size_t from) {
  pb::CancelJobsRequest request = options.filters;
  for (size_t i = from; i < std::min(options.jobs.size(), from + kJobsPerRequest); ++i) {
    *request.add_jobs() = ToProto(options.jobs[i]);
  }
  absl::StatusOr<pb::CancelJobsResponse> answer =
      client.Call<pb::CancelJobsResponse>("Controller/CancelJobs", request);
  if (!answer.ok()) {
    PrintDaemonError("scancel", "", answer.status());
    return 1;
  }
  int code = 0;
  for (const pb::JobResult& result : answer->results()) {
    if (options.jobs.empty()) Announce(options, result.label());
    code = std::max(code, Report(options, result));
  }
  if (answer->results_size() == 0 && options.verbose) {
    PrintError("scancel",
               StrCat("No active jobs match ALL job filters, including: ", options.filters_text));
  }
  return code;
}

int Cancel(const ControllerClient& client, const ScancelOptions& options) {
  for (const std::string& id : options.typed_ids) Announce(options, id);
  int code = CancelSome(client, options, 0);
  for (size_t from = kJobsPerRequest; from < options.jobs.size(); from += kJobsPerRequest) {
    code = std::max(code, CancelSome(client, options, from));
  }
  return code;
}

// The filters in squeue's terms, to find what to ask about.
SqueueOptions AsListing(const ScancelOptions& options) {
  SqueueOptions listing;
  const pb::CancelJobsRequest& filters = options.filters;
  auto one = [](const std::string& value) {
    return value.empty() ? std::vector<std::string>() : std::vector<std::string>{value};
  };
  listing.jobs = options.jobs;
  listing.all_partitions = true;
  listing.names = one(filters.name());
  listing.partitions = one(filters.partition());
  listing.accounts = one(filters.account());
  listing.qos = one(filters.qos());
  if (absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(filters.node_list());
      nodes.ok()) {
    listing.nodes = *std::move(nodes);
  }
  listing.by_user = filters.has_uid();
  if (filters.has_uid()) listing.uids = {filters.uid()};
  if (filters.has_state()) {
    listing.by_state = true;
    listing.states = {StateFilter{static_cast<JobState>(filters.state()), 0}};
  }
  listing.sort = "i";
  return listing;
}

bool Confirms(const std::string& question) {
  std::string answer;
  while (true) {
    printf("%s [y/n]? ", question.c_str());
    fflush(stdout);
    if (!std::getline(std::cin, answer)) return false;
    if (EqualsIgnoreCase(answer, "y") || EqualsIgnoreCase(answer, "yes")) return true;
    if (EqualsIgnoreCase(answer, "n") || EqualsIgnoreCase(answer, "no")) return false;
  }
}

// Asks about each job and step that is meant and leaves those that are confirmed.
absl::Status AskAboutEach(const ControllerClient& client, ScancelOptions* options) {
  absl::StatusOr<JobsAnswer> answer = QueryJobs(client, pb::QueryJobsRequest());
  if (!answer.ok()) return answer.status();
  const ViewContext context = MakeContext(client, answer->time);
  absl::StatusOr<std::vector<JobRow>> rows =
      SelectJobs(answer->jobs, AsListing(*options), {}, context);
  if (!rows.ok()) return rows.status();
  std::vector<JobSelector> confirmed;
  auto ask = [&](const std::string& id, const JobRow& row) {
    const char* what = IsStep(id) ? "Cancel step_id=" : "Cancel job_id=";
    absl::StatusOr<JobSelector> selector = ParseJobSelector(id);
    if (selector.ok() && Confirms(StrCat(what, id, " name=", row.job->spec().name(),
                                         " partition=", PartitionText(*row.job)))) {
      confirmed.push_back(*std::move(selector));
    }
  };
  for (const JobRow& row : *rows) {
    std::vector<std::string> steps;
    for (size_t i = 0; i < options->jobs.size(); ++i) {
      const bool this_job = options->jobs[i].job.value == row.job->job_id() ||
                            options->jobs[i].job.value == row.job->array_job_id() ||
                            IsComponentOf(*row.job, options->jobs[i]);
      if (this_job && options->jobs[i].step.has_value()) steps.push_back(options->typed_ids[i]);
    }
    for (const std::string& step : steps) ask(step, row);
    if (!steps.empty()) continue;
    // The array's own record is named by its tasks alone: no limit, no shortened list.
    const bool whole = IsPendingArray(*row.job) && !row.task.has_value();
    ask(whole ? StrCat(row.job->array_job_id(), "_[", row.job->array_tasks(), "]") : JobIdText(row),
        row);
  }
  options->jobs = std::move(confirmed);
  options->typed_ids.clear();
  return absl::OkStatus();
}

}  // namespace

int Scancel(int argc, char** argv) {
  ScancelOptions options;
  if (std::optional<int> code = ReadScancelOptions(argc, argv, &options)) return *code;
  std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint("scancel");
  if (client == nullptr) return 1;
  if (options.interactive) {
    absl::Status status = AskAboutEach(*client, &options);
    if (!status.ok()) {
      PrintDaemonError("scancel", "", status);
      return 1;
    }
    if (options.jobs.empty()) return 0;
  }
  return Cancel(*client, options);
}

}  // namespace reeve::cli
