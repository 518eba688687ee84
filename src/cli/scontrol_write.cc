// scontrol write batch_script.
#include <cstdio>

#include "cli/command.h"
#include "cli/scontrol.h"
#include "common/base/ids.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

int WriteScript(ScontrolSession& session, const std::string& id, std::string path) {
  absl::StatusOr<JobId> job = ParseJobId(id);
  if (!job.ok()) {
    session.Complain("job script retrieval failed: Invalid job id specified");
    return 1;
  }
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  v1::GetJobScriptRequest request;
  request.set_job_id(job->value);
  absl::StatusOr<v1::GetJobScriptResponse> answer =
      client->Call<v1::GetJobScriptResponse>("Controller/GetJobScript", request);
  if (!answer.ok()) return session.Fail("job script retrieval failed", answer.status());
  const std::string& script = answer->script();
  if (path == "-") {
    fwrite(script.data(), 1, script.size(), stdout);
    if (!script.ends_with('\n')) putchar('\n');
    return 0;
  }
  if (path.empty()) path = StrCat("slurm-", id, ".sh");
  absl::Status status = os::WriteFile(path, script, 0700);
  if (!status.ok()) {
    PrintError("scontrol", Message(status));
    return 1;
  }
  if (!session.settings().quiet) {
    printf("batch script for job %s written to %s\n", id.c_str(), path.c_str());
  }
  return 0;
}

}  // namespace

int ScontrolWrite(ScontrolSession& session, const Words& words) {
  if (EqualsIgnoreCase(words[0], "config")) {
    PrintError("scontrol", "write config is not supported yet");
    return 1;
  }
  if (!EqualsIgnoreCase(words[0], "batch_script") && !EqualsIgnoreCase(words[0], "batch")) {
    session.Complain(StrCat("invalid write argument:", words[0]));
    return 1;
  }
  if (words.size() < 2 || words.size() > 3) {
    session.Complain(
        StrCat("too ", words.size() < 2 ? "few" : "many", " arguments for keyword:write"));
    return 1;
  }
  return WriteScript(session, words[1], words.size() > 2 ? words[2] : "");
}

}  // namespace reeve::cli
