// `reeve doctor`: checks of what goes wrong in a first hour, each finding with its fix.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cluster/layout.h"
#include "common/base/config.h"

namespace reeve::cluster {

enum class Severity { kOk, kNote, kWarning, kError };

struct Finding {
  Severity severity = Severity::kOk;
  std::string subject;  // what was looked at: "munge", "controller"
  std::string text;
  std::string fix;  // a command or what to change; empty for kOk
};

class Report {
 public:
  void Ok(std::string subject, std::string text) {
    findings_.push_back({Severity::kOk, std::move(subject), std::move(text), ""});
  }
  void Note(std::string subject, std::string text) {
    findings_.push_back({Severity::kNote, std::move(subject), std::move(text), ""});
  }
  void Warning(std::string subject, std::string text, std::string fix) {
    findings_.push_back({Severity::kWarning, std::move(subject), std::move(text), std::move(fix)});
  }
  void Error(std::string subject, std::string text, std::string fix) {
    findings_.push_back({Severity::kError, std::move(subject), std::move(text), std::move(fix)});
  }
  int Count(Severity severity) const;
  std::string Text(bool colour) const;
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::vector<Finding> findings_;
};

// What is examined: an embedded cluster, an installation with a slurm.conf, or, without either, the
// machine a cluster is to be started on.
struct Patient {
  std::optional<Layout> cluster;  // set for an embedded cluster
  std::string conf_path;          // empty: there is no configuration yet
  std::optional<Config> config;   // absent when conf_path cannot be read
  std::string host;               // this host's name, without domain
  bool is_controller = false;     // this host is a SlurmctldHost
  bool is_node = false;           // this host is one of the nodes
};

// doctor_machine.cc
void CheckPrograms(const Patient& patient, Report* report);
void CheckOtherSlurm(const Patient& patient, Report* report);
void CheckVirtualHosts(const Patient& patient, Report* report);
void CheckCgroups(const Patient& patient, Report* report);
void CheckDisk(const Patient& patient, Report* report);
// doctor_config.cc
void CheckConfiguration(const Patient& patient, const absl::Status& load, Report* report);
void CheckUsers(const Patient& patient, Report* report);
void CheckFolders(const Patient& patient, Report* report);
void CheckNames(const Patient& patient, Report* report);
// doctor_daemons.cc
void CheckMunge(const Patient& patient, Report* report);
void CheckController(const Patient& patient, Report* report);
void CheckAccounting(const Patient& patient, Report* report);
void CheckNodes(const Patient& patient, Report* report);

}  // namespace reeve::cluster
