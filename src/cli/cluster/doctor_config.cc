// Checks of what the configuration says: keys, users, folders, host names.
#include <netdb.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_format.h"
#include "cli/cluster/doctor.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

bool Resolves(const std::string& host) {
  addrinfo* found = nullptr;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  freeaddrinfo(found);
  return true;
}

// A folder that a daemon of `user` writes to, and nobody else.
void CheckFolder(const std::string& key, const std::string& path, const std::string& user,
                 Report* report) {
  const passwd* owner = getpwnam(user.c_str());
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == EACCES) {
      report->Note("folders", StrCat(key, " ", path, ": not visible to this user"));
    } else {
      report->Error("folders", StrCat(key, " ", path, ": ", strerror(errno)),
                    absl::StrFormat("install -d -m 0700 -o %s %s", user, path));
    }
    return;
  }
  if (owner != nullptr && info.st_uid != owner->pw_uid) {
    report->Error(
        "folders",
        absl::StrFormat("%s %s belongs to uid %d, not to %s", key, path, info.st_uid, user),
        absl::StrFormat("chown %s %s", user, path));
  } else if ((info.st_mode & 022) != 0) {
    report->Error("folders",
                  absl::StrFormat("%s %s can be written by others (mode %04o)", key, path,
                                  info.st_mode & 07777),
                  "chmod go-w " + path);
  } else {
    report->Ok("folders", StrCat(key, " ", path));
  }
}

}  // namespace

void CheckConfiguration(const Patient& patient, const absl::Status& load, Report* report) {
  if (patient.conf_path.empty()) {
    report->Note("configuration",
                 "none yet: `reeve cluster up` starts an embedded cluster; an installation has\n" +
                     FindConfigPath());
    return;
  }
  if (load.ok()) {
    report->Ok("configuration", patient.conf_path);
    return;
  }
  if (absl::IsNotFound(load)) {
    report->Error("configuration", std::string(Message(load)),
                  patient.cluster.has_value() ? "reeve cluster up --dir " + patient.cluster->folder
                                              : "write that file, or correct SLURM_CONF");
    return;
  }
  for (std::string_view line : SplitSkipEmpty(Message(load), "\n")) {
    report->Error("configuration", std::string(line), "correct that line; see reeve check-config");
  }
}

void CheckUsers(const Patient& patient, Report* report) {
  const std::pair<const char*, std::string> users[] = {{"SlurmUser", patient.config->slurm_user},
                                                       {"SlurmdUser", patient.config->slurmd_user}};
  for (const auto& [key, user] : users) {
    bool number = !user.empty() && user.find_first_not_of("0123456789") == std::string::npos;
    if (number || getpwnam(user.c_str()) != nullptr) continue;
    report->Error("users", StrCat(key, "=", user, ": no such user on this host"),
                  "useradd --system --no-create-home " + user);
  }
}

void CheckFolders(const Patient& patient, Report* report) {
  const Config& config = *patient.config;
  if (patient.cluster.has_value()) {
    CheckFolder("cluster folder", patient.cluster->folder, config.slurm_user, report);
    return;
  }
  if (patient.is_controller) {
    CheckFolder("StateSaveLocation", config.state_save_location, config.slurm_user, report);
  }
  if (patient.is_node) {
    CheckFolder("SlurmdSpoolDir",
                ExpandNodePath(config.slurmd_spool_dir, patient.host, patient.host),
                config.slurmd_user, report);
  }
}

// The hosts of an embedded cluster know each other by the /etc/hosts they are given.
void CheckNames(const Patient& patient, Report* report) {
  if (patient.cluster.has_value()) return;
  std::vector<std::string> hosts;
  for (const ControllerHost& controller : patient.config->controllers) {
    hosts.push_back(controller.addr);
  }
  if (patient.config->accounting) hosts.push_back(patient.config->accounting_host);
  for (const NodeConfig& node : patient.config->nodes) hosts.push_back(node.address);
  std::vector<std::string> unknown;
  for (const std::string& host : hosts) {
    if (!Resolves(host)) unknown.push_back(host);
  }
  if (unknown.empty()) {
    report->Ok("names", StrCat("all ", hosts.size(), " host names resolve"));
  } else {
    report->Error("names", "these hosts of slurm.conf do not resolve: " + CompressHostlist(unknown),
                  "add them to /etc/hosts or DNS, or give their NodeAddr=");
  }
}

}  // namespace reeve::cluster
