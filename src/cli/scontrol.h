// scontrol's parts. Each verb gets the words that follow it and returns the exit code.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/controller_client.h"
#include "cli/show_job.h"

namespace reeve::cli {

struct ScontrolSettings {
  bool all = false;  // hidden partitions too
  bool future = false;
  bool quiet = false;
  ShowOptions show;
};

using Words = std::vector<std::string>;

// What a verb works with. The connection is made when a verb first asks for it: some need none.
class ScontrolSession {
 public:
  explicit ScontrolSession(ScontrolSettings settings) : settings_(settings) {}

  const ScontrolSettings& settings() const { return settings_; }
  // Null after an error has been printed.
  const ControllerClient* client();
  // A line on stderr without the command's name, as most of scontrol's messages are; nothing with
  // --quiet.
  void Complain(std::string_view message) const;
  // "PREFIX: TEXT" after the status's notes. Returns 1.
  int Fail(std::string_view prefix, const absl::Status& status) const;

 private:
  ScontrolSettings settings_;
  std::unique_ptr<ControllerClient> client_;
};

int ScontrolShow(ScontrolSession& session, const Words& words);
int ScontrolCreate(ScontrolSession& session, const Words& words);
int ScontrolDelete(ScontrolSession& session, const Words& words);
int ScontrolUpdate(ScontrolSession& session, const Words& words);
int ScontrolWrite(ScontrolSession& session, const Words& words);
int ScontrolPing(ScontrolSession& session);
int ScontrolReconfigure(ScontrolSession& session);
// hold, uhold, release, requeue, requeuehold, top.
int ScontrolControl(ScontrolSession& session, std::string_view verb, const Words& words);

// `scontrol show ENTITY [id]`; `id` is empty for all.
int ShowJobs(ScontrolSession& session, const std::string& id);
int ShowSteps(ScontrolSession& session, const std::string& id);
int ShowNodes(ScontrolSession& session, const std::string& names);
int ShowPartitions(ScontrolSession& session, const std::string& name);
int ShowReservations(ScontrolSession& session, const std::string& name);
int ShowTopology(ScontrolSession& session, const std::string& name);
int ShowLicenses(ScontrolSession& session, const std::string& name);
int ShowConfiguration(ScontrolSession& session);
int ShowDaemons(ScontrolSession& session);
int ShowHostnames(ScontrolSession& session, const std::string& list);
int ShowHostlist(ScontrolSession& session, const std::string& list, bool sorted);

}  // namespace reeve::cli
