// scontrol update: jobs, nodes, partitions, reservations. Which keys a job or a partition takes is
// the controller's word; a node's are fields of the request.
#include <algorithm>

#include "cli/command.h"
#include "cli/job_id_list.h"
#include "cli/resize_script.h"
#include "cli/scontrol.h"
#include "cli/scontrol_changes.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;

int NotSupported(const ScontrolSession& session, std::string_view word) {
  session.Complain(StrCat("Update of this parameter is not supported: ", word));
  session.Complain("Request aborted");
  return 1;
}

// What the controller says about the request as such rather than about a job.
bool IsAboutRequest(std::string_view text) {
  return text.starts_with("Update of this parameter is not supported");
}

int UpdateOneJob(ScontrolSession& session, const std::string& id, const pb::UpdateJobRequest& form,
                 bool changes_size) {
  auto report = [&](std::string_view error, std::string_view label) {
    if (IsAboutRequest(error)) {
      session.Complain(error);
      session.Complain("Request aborted");
    } else {
      session.Complain(StrCat(error, " for job ", label));
    }
    return 1;
  };
  absl::StatusOr<JobSelector> selector = ParseJobSelector(id);
  if (!selector.ok() || selector->step.has_value()) return report("Invalid job id specified", id);
  pb::UpdateJobRequest request = form;
  *request.mutable_job() = ToProto(*selector);
  absl::StatusOr<pb::UpdateJobResponse> answer =
      session.client()->Call<pb::UpdateJobResponse>("Controller/UpdateJob", request);
  if (!answer.ok()) {
    const DaemonError error = ExplainStatus(answer.status());
    for (const std::string& note : error.notes) session.Complain(note);
    return report(error.text, id);
  }
  int code = 0;
  for (const pb::JobResult& result : answer->results()) {
    if (!result.error().empty()) {
      code = report(result.error(), result.label());
    } else if (changes_size && getenv("SLURM_JOB_ID") != nullptr) {
      // There are variables of a job to be set to the new size.
      code = std::max(code, WriteResizeScripts(session, result.job_id()));
    }
  }
  return code;
}

int UpdateJobs(ScontrolSession& session, const std::string& ids,
               const std::vector<Change>& changes) {
  if (changes.empty()) {
    session.Complain("No changes specified");
    return 1;
  }
  if (session.client() == nullptr) return 1;
  pb::UpdateJobRequest form;
  AddChanges(changes, form.mutable_changes());
  int code = 0;
  for (const std::string& id : SplitJobIds(ids)) {
    code = std::max(code, UpdateOneJob(session, id, form, ChangesSize(changes)));
  }
  return code;
}

constexpr std::string_view kNodeStates[] = {"DOWN", "DRAIN", "FAIL", "IDLE", "RESUME", "UNDRAIN"};

// The state that the word is or, with three letters or more, abbreviates.
std::string_view FindNodeState(std::string_view word) {
  for (std::string_view state : kNodeStates) {
    if (EqualsIgnoreCase(word, state)) return state;
    if (word.size() >= 3 && StartsWithIgnoreCase(state, word)) return state;
  }
  return "";
}

// States of Slurm's that nothing acts on yet.
constexpr std::string_view kRefusedNodeStates[] = {
    "CANCEL_REBOOT",    "CLOUD",    "FUTURE", "NORESP", "POWER_DOWN", "POWER_DOWN_ASAP",
    "POWER_DOWN_FORCE", "POWER_UP", "REBOOT"};

// False after an error has been printed.
bool TakeNodeState(const ScontrolSession& session, const Change& change,
                   pb::UpdateNodeRequest* request) {
  for (std::string_view refused : kRefusedNodeStates) {
    if (!EqualsIgnoreCase(change.value, refused)) continue;
    session.Complain(StrCat("State=", refused, " is not supported yet"));
    return false;
  }
  const std::string_view state = FindNodeState(change.value);
  if (state.empty()) {
    session.Complain(StrCat("Invalid input: ", change.word));
    session.Complain("Request aborted");
    session.Complain(StrCat("Valid states are: ", Join(kNodeStates, " ")));
    session.Complain("Not all states are valid given a node's prior state");
    return false;
  }
  request->set_state(std::string(state));
  return true;
}

int UpdateNodes(ScontrolSession& session, const std::string& names,
                const std::vector<Change>& changes) {
  pb::UpdateNodeRequest request;
  request.set_nodes(names);
  for (const Change& change : changes) {
    if (IsKey(change, {"State"})) {
      if (!TakeNodeState(session, change, &request)) return 1;
    } else if (IsKey(change, {"Reason"})) {
      request.set_reason(change.value);
    } else if (IsKey(change, {"Features", "AvailableFeatures", "AvailFeatures"})) {
      request.set_features(change.value);
    } else if (IsKey(change, {"Comment"})) {
      request.set_comment(change.value);
    } else if (IsKey(change, {"Weight"})) {
      absl::StatusOr<uint64_t> weight = ParseUint(change.value, "Weight", UINT32_MAX - 1);
      if (!weight.ok()) return session.Fail("scontrol: error", weight.status());
      request.set_weight(static_cast<uint32_t>(*weight));
    } else {
      return NotSupported(session, change.word);
    }
  }
  const std::string& state = request.state();
  if ((state == "DOWN" || state == "DRAIN" || state == "FAIL") && request.reason().empty()) {
    session.Complain("You must specify a reason when DOWNING or DRAINING a node. Request denied");
    return 1;
  }
  if (changes.empty()) {
    session.Complain("No changes specified");
    return 1;
  }
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::UpdateNodeResponse> answer =
      client->Call<pb::UpdateNodeResponse>("Controller/UpdateNode", request);
  return answer.ok() ? 0 : session.Fail("slurm_update error", answer.status());
}

int UpdatePartitions(ScontrolSession& session, const std::string& name,
                     const std::vector<Change>& changes) {
  if (changes.empty()) {
    session.Complain("No changes specified");
    return 1;
  }
  pb::UpdatePartitionRequest request;
  request.set_name(name);
  AddChanges(changes, request.mutable_changes());
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::UpdatePartitionResponse> answer =
      client->Call<pb::UpdatePartitionResponse>("Controller/UpdatePartition", request);
  if (answer.ok()) return 0;
  const std::string text = StatusText(answer.status());
  if (!IsAboutRequest(text)) return session.Fail("slurm_update error", answer.status());
  PrintError("scontrol", text);
  PrintError("scontrol", "Request aborted");
  return 1;
}

}  // namespace

int ScontrolUpdate(ScontrolSession& session, const Words& words) {
  if (words.empty()) {
    session.Complain("too few arguments for update keyword");
    return 1;
  }
  std::vector<Change> changes = ParseChanges(words);
  if (auto ids = Take({"JobId", "Job"}, &changes)) return UpdateJobs(session, *ids, changes);
  if (auto names = Take({"NodeName", "Node"}, &changes)) {
    return UpdateNodes(session, *names, changes);
  }
  if (auto name = Take({"PartitionName"}, &changes)) {
    return UpdatePartitions(session, *name, changes);
  }
  if (auto name = Take({"ReservationName", "Reservation"}, &changes)) {
    return UpdateReservation(session, *name, changes);
  }
  session.Complain("No valid entity in update command");
  session.Complain(
      "Input line must include \"NodeName\", \"PartitionName\", \"ReservationName\" or \"JobId\"");
  return 1;
}

}  // namespace reeve::cli
