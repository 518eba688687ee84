#include "cli/test_only.h"

#include <cstdio>
#include <string>

#include "cli/command.h"
#include "cli/time_text.h"
#include "common/base/text.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

// As it is everywhere else but for the last line, which programs that read it know without the
// command's name.
void PrintRefusal(const std::string& command, const absl::Status& status) {
  const DaemonError error = ExplainStatus(status);
  for (const std::string& note : error.notes) PrintError(command, note);
  fprintf(stderr, "allocation failure: %s\n", error.text.c_str());
}

}  // namespace

int TellStart(const ControllerClient& client, const JobRequest& request) {
  pb::SubmitJobRequest test;
  test.set_test_only(true);
  *test.mutable_spec() = request.spec;
  const absl::StatusOr<pb::SubmitJobResponse> answer =
      client.Call<pb::SubmitJobResponse>("Controller/SubmitJob", test);
  if (!answer.ok()) {
    PrintRefusal(client.command(), answer.status());
    return 1;
  }
  if (!answer->has_expected()) {
    PrintError(client.command(),
               StrCat("the controller is older than --test-only: it has submitted job ",
                      answer->job_id()));
    return 1;
  }
  if (request.quiet) return 0;
  for (const std::string& note : answer->notes()) PrintInfo(client.command(), note);
  const pb::ExpectedStart& start = answer->expected();
  PrintInfo(client.command(),
            StrCat("Job ", answer->job_id(), " to start at ", TimeText(start.time(), "Unknown"),
                   " using ", start.cpus(), " processors on nodes ", start.nodes(),
                   " in partition ", start.partition()));
  return 0;
}

}  // namespace reeve::cli
