// scontrol create, update, delete and show reservation.
#include <cstdio>

#include "cli/query_cluster.h"
#include "cli/scontrol.h"
#include "cli/scontrol_changes.h"
#include "cli/show_reservation.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;
using Request = pb::UpdateReservationRequest;

// Keys in small letters, other spellings of them as the controller has them, and times as it takes
// them: what "tomorrow" means is said here, where the user is.
absl::Status FillChanges(const std::vector<Change>& changes, Request* request) {
  std::vector<Change> sent = changes;
  for (Change& change : sent) {
    change.key = ToLower(change.key);
    if (change.key == "nodecount") change.key = "nodecnt";
    if (change.key == "node") change.key = "nodes";
    if (change.key == "flag") change.key = "flags";
    if (change.key != "starttime" && change.key != "endtime") continue;
    absl::StatusOr<absl::Time> time = ParseBegin(change.value, absl::Now());
    if (!time.ok()) return absl::InvalidArgumentError(StrCat("Invalid time: ", change.word));
    change.value = StrCat(absl::ToUnixSeconds(*time));
  }
  AddChanges(sent, request->mutable_changes());
  return absl::OkStatus();
}

// The reservation's name; nothing after "FAILED: WORDS" has been printed.
std::optional<std::string> Send(ScontrolSession& session, const Request& request,
                                std::string_view failed) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return std::nullopt;
  absl::StatusOr<pb::UpdateReservationResponse> answer =
      client->Call<pb::UpdateReservationResponse>("Controller/UpdateReservation", request);
  if (answer.ok()) return answer->name();
  session.Fail(failed, answer.status());
  return std::nullopt;
}

bool Has(const std::vector<Change>& changes, std::initializer_list<std::string_view> keys) {
  for (const Change& change : changes) {
    if (IsKey(change, keys)) return true;
  }
  return false;
}

int Refuse(const ScontrolSession& session, std::string_view why, std::string_view done) {
  session.Complain(StrCat(why, ": no reservation ", done));
  return 1;
}

}  // namespace

int ScontrolCreate(ScontrolSession& session, const Words& words) {
  Words rest = words;
  const bool plain = EqualsIgnoreCase(rest[0], "reservation") || EqualsIgnoreCase(rest[0], "res");
  if (plain) rest.erase(rest.begin());
  std::vector<Change> changes = ParseChanges(rest);
  const std::optional<std::string> name = Take({"ReservationName", "Reservation"}, &changes);
  if (!plain && !name.has_value()) {
    session.Complain("Only reservations can be created: create reservation KEY=VALUE ...");
    return 1;
  }
  if (!Has(changes, {"StartTime"})) return Refuse(session, "StartTime is missing", "created");
  if (!Has(changes, {"EndTime", "Duration"})) {
    return Refuse(session, "EndTime or Duration is missing", "created");
  }
  Request request;
  request.set_action(Request::ACTION_CREATE);
  request.set_name(name.value_or(""));
  if (absl::Status status = FillChanges(changes, &request); !status.ok()) {
    return Refuse(session, Message(status), "created");
  }
  const auto made = Send(session, request, "Error creating the reservation");
  if (!made.has_value()) return 1;
  printf("Reservation created: %s\n", made->c_str());
  return 0;
}

int UpdateReservation(ScontrolSession& session, const std::string& name,
                      const std::vector<Change>& changes) {
  if (changes.empty()) return Refuse(session, "No changes specified", "updated");
  Request request;
  request.set_action(Request::ACTION_UPDATE);
  request.set_name(name);
  if (absl::Status status = FillChanges(changes, &request); !status.ok()) {
    return Refuse(session, Message(status), "updated");
  }
  if (!Send(session, request, "Error updating the reservation")) return 1;
  puts("Reservation updated.");
  return 0;
}

int ScontrolDelete(ScontrolSession& session, const Words& words) {
  std::vector<Change> changes = ParseChanges(words);
  const std::optional<std::string> name = Take({"ReservationName", "Reservation", "Res"}, &changes);
  if (!name.has_value() || name->empty() || !changes.empty()) {
    session.Complain("Only reservations can be deleted: delete ReservationName=NAME");
    return 1;
  }
  Request request;
  request.set_action(Request::ACTION_DELETE);
  request.set_name(*name);
  return Send(session, request, StrCat("delete_reservation ", *name)) ? 0 : 1;
}

int ShowReservations(ScontrolSession& session, const std::string& name) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(*client);
  if (!cluster.ok()) return session.Fail("slurm_load_reservations error", cluster.status());
  bool any = false;
  for (const pb::Reservation& reservation : cluster->reservations()) {
    if (!name.empty() && reservation.name() != name) continue;
    any = true;
    fputs(
        ShowReservationText(reservation, cluster->time(), session.settings().show.one_line).c_str(),
        stdout);
  }
  if (any) return 0;
  if (!session.settings().quiet) {
    puts(name.empty() ? "No reservations in the system"
                      : StrCat("Reservation ", name, " not found").c_str());
  }
  return name.empty() ? 0 : 1;
}

}  // namespace reeve::cli
