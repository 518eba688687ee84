// scontrol hold, uhold, release, requeue, requeuehold, top, suspend, resume.
#include <unistd.h>

#include "cli/command.h"
#include "cli/job_id_list.h"
#include "cli/job_query.h"
#include "cli/scontrol.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

pb::ControlJobsRequest::Action ActionOf(std::string_view verb) {
  if (verb == "hold") return pb::ControlJobsRequest::ACTION_HOLD;
  if (verb == "uhold") return pb::ControlJobsRequest::ACTION_UHOLD;
  if (verb == "release") return pb::ControlJobsRequest::ACTION_RELEASE;
  if (verb == "requeue") return pb::ControlJobsRequest::ACTION_REQUEUE;
  if (verb == "requeuehold") return pb::ControlJobsRequest::ACTION_REQUEUE_HOLD;
  if (verb == "suspend") return pb::ControlJobsRequest::ACTION_SUSPEND;
  if (verb == "resume") return pb::ControlJobsRequest::ACTION_RESUME;
  return pb::ControlJobsRequest::ACTION_TOP;
}

bool HoldsOrReleases(std::string_view verb) {
  return verb == "hold" || verb == "uhold" || verb == "release";
}

// The name in "name=N" or "jobname=N"; empty for other words.
std::string NameIn(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == word.npos) return "";
  const std::string_view key = std::string_view(word).substr(0, equals);
  const bool named = EqualsIgnoreCase(key, "name") || EqualsIgnoreCase(key, "jobname");
  return named ? word.substr(equals + 1) : "";
}

// Pending jobs of that name: the caller's own, root's any.
absl::Status AddByName(const ControllerClient& client, const std::string& name,
                       pb::ControlJobsRequest* request) {
  pb::QueryJobsRequest query;
  if (getuid() != 0) query.add_uids(getuid());
  absl::StatusOr<JobsAnswer> answer = QueryJobs(client, query);
  if (!answer.ok()) return answer.status();
  for (const pb::Job& job : answer->jobs) {
    if (job.spec().name() != name || StateOf(job) != JobState::kPending) continue;
    pb::JobSelector* selector = request->add_jobs();
    selector->set_job_id(job.job_id());
    selector->set_array_tasks(job.array_tasks());
  }
  return absl::OkStatus();
}

class Controlling {
 public:
  Controlling(ScontrolSession& session, std::string_view verb) : session_(session), verb_(verb) {
    request_.set_action(ActionOf(verb));
  }

  int Run(const Words& words) {
    const ControllerClient* client = session_.client();
    if (client == nullptr) return 1;
    for (const std::string& word : words) {
      if (!Take(*client, word)) return 1;
    }
    if (request_.jobs_size() > 0) {
      absl::StatusOr<pb::ControlJobsResponse> answer =
          client->Call<pb::ControlJobsResponse>("Controller/ControlJobs", request_);
      if (!answer.ok()) return session_.Fail(StrCat("slurm_", verb_, " error"), answer.status());
      for (const pb::JobResult& result : answer->results()) {
        if (!result.error().empty()) Report(result.error(), result.label());
      }
    }
    if (!last_error_.empty() && HoldsOrReleases(verb_)) {
      session_.Complain(StrCat("slurm_suspend error:", last_error_));
    }
    return last_error_.empty() ? 0 : 1;
  }

 private:
  // False after an error that ends the command has been printed.
  bool Take(const ControllerClient& client, const std::string& word) {
    if (const std::string name = NameIn(word); !name.empty() && HoldsOrReleases(verb_)) {
      absl::Status status = AddByName(client, name, &request_);
      if (!status.ok()) session_.Fail("slurm_load_jobs error", status);
      return status.ok();
    }
    if (word.find('=') != word.npos) {
      PrintError("scontrol", StrCat(verb_, " ", word, " is not supported yet"));
      return false;
    }
    for (const std::string& id : SplitJobIds(word)) {
      absl::StatusOr<JobSelector> selector = ParseJobSelector(id);
      if (selector.ok() && !selector->step.has_value()) {
        *request_.add_jobs() = ToProto(*selector);
      } else {
        Report("Invalid job id specified", id);
      }
    }
    return true;
  }

  void Report(const std::string& error, const std::string& label) {
    last_error_ = error;
    session_.Complain(StrCat(error, " for job ", label));
  }

  ScontrolSession& session_;
  std::string_view verb_;
  pb::ControlJobsRequest request_;
  std::string last_error_;
};

}  // namespace

int ScontrolControl(ScontrolSession& session, std::string_view verb, const Words& words) {
  return Controlling(session, verb).Run(words);
}

}  // namespace reeve::cli
