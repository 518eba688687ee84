// `reeve explain`: why jobs wait and when they will start.
#include <getopt.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/explain_text.h"
#include "cli/job_id_list.h"
#include "common/base/ids.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr char kCommand[] = "reeve explain";
constexpr char kUsage[] =
    "usage: reeve explain [--json] JOBID[,JOBID...]...\n"
    "\n"
    "Says why a job is not running and when it will: which nodes do for it and which are free, "
    "who\n"
    "is ahead, which limit is in the way, and what would let it start now. 12, 12_3 and 12_[3-6]\n"
    "are jobs. Exit code 1 when one of them does not exist.\n";

struct Request {
  bool json = false;
  std::vector<std::string> jobs;
};

// An exit code when the command is over.
std::optional<int> ParseArguments(int argc, char** argv, Request* request) {
  static const option kOptions[] = {{"json", no_argument, nullptr, 'j'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  optind = 0;
  for (int found; (found = getopt_long(argc, argv, "h", kOptions, nullptr)) != -1;) {
    if (found == 'j') {
      request->json = true;
    } else {
      fputs(kUsage, found == 'h' ? stdout : stderr);
      return found == 'h' ? 0 : 1;
    }
  }
  for (int i = optind; i < argc; ++i) {
    for (std::string& job : SplitJobIds(argv[i])) request->jobs.push_back(std::move(job));
  }
  if (!request->jobs.empty()) return std::nullopt;
  PrintError(kCommand, "which job?");
  fputs(kUsage, stderr);
  return 1;
}

absl::StatusOr<pb::ExplainJobsResponse> Ask(const ControllerClient& client,
                                            const std::string& job) {
  absl::StatusOr<JobSelector> selector = ParseJobSelector(job);
  if (!selector.ok()) return selector.status();
  pb::ExplainJobsRequest request;
  *request.add_jobs() = ToProto(*selector);
  return client.Call<pb::ExplainJobsResponse>("Controller/ExplainJobs", request);
}

}  // namespace

int Explain(int argc, char** argv) {
  Request request;
  if (std::optional<int> code = ParseArguments(argc, argv, &request)) return *code;
  std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint(kCommand);
  if (client == nullptr) return 1;
  int code = 0;
  std::vector<pb::Explanation> jobs;
  uint64_t omitted = 0;
  bool first = true;
  for (const std::string& job : request.jobs) {
    absl::StatusOr<pb::ExplainJobsResponse> answer = Ask(*client, job);
    if (!answer.ok()) {
      PrintDaemonError(kCommand, job, answer.status());
      code = 1;
      continue;
    }
    omitted += answer->omitted();
    for (const pb::Explanation& explanation : answer->jobs()) {
      if (request.json) {
        jobs.push_back(explanation);
        continue;
      }
      const std::string text = ExplainText(explanation, answer->time());
      // Longer ones are apart.
      if (!first && explanation.state() == pb::JOB_STATE_PENDING) putchar('\n');
      fputs(text.c_str(), stdout);
      first = false;
    }
  }
  if (request.json) fputs(ExplainJson(jobs, omitted).c_str(), stdout);
  if (!request.json && omitted > 0) {
    PrintInfo(kCommand, StrCat(omitted, " more jobs are not shown: name them to see them"));
  }
  return code;
}

}  // namespace reeve::cli
