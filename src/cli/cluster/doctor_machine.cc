// Checks of the machine itself: programs, namespaces, cgroups, disk.
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "absl/strings/str_format.h"
#include "cli/cluster/conf_writer.h"
#include "cli/cluster/daemons.h"
#include "cli/cluster/doctor.h"
#include "cli/cluster/namespaces.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

constexpr const char* kCommands[] = {"sbatch",  "srun",     "salloc", "squeue", "sinfo",
                                     "scancel", "scontrol", "sacct",  "sprio"};
constexpr double kLowDiskGb = 1.0;
constexpr double kFullDiskGb = 0.1;

// The first program of this name in $PATH, and "" for none.
std::string InPath(const std::string& name) {
  const char* path = getenv("PATH");
  for (std::string_view folder : SplitSkipEmpty(path != nullptr ? path : "", ":")) {
    std::string program = StrCat(folder, "/", name);
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

// Runs `check` in a child, because it changes the process; its error as text, "" when it went well.
template <class Check>
std::string InChild(Check check) {
  absl::StatusOr<os::Pipe> pipe = os::MakePipe();
  if (!pipe.ok()) return std::string(Message(pipe.status()));
  pid_t child = fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    absl::Status status = check();
    (void)os::WriteAll(pipe->write.get(), status.ok() ? "ok" : Message(status));
    _exit(0);
  }
  pipe->write.reset();
  absl::StatusOr<std::string> text = os::ReadFd(pipe->read.get());
  waitpid(child, nullptr, 0);
  if (!text.ok()) return std::string(Message(text.status()));
  return *text == "ok" ? "" : *text;
}

// A controller and a login host, as `cluster up` makes them; they vanish with the child.
absl::Status TryVirtualHosts() {
  if (!HasHostCapabilities()) {
    if (absl::Status status = EnterUserNamespace(); !status.ok()) return status;
  }
  HostsPlan plan;
  plan.controller = {"ctl", 0x0affff01};
  plan.login = {"login", 0x0affff02};
  return CreateHosts(plan, "/etc/hosts").status();
}

void CheckDiskOf(const std::string& what, const std::string& path, Report* report) {
  struct statvfs info;
  std::string existing = path;
  while (!existing.empty() && statvfs(existing.c_str(), &info) != 0) {
    existing.resize(existing.rfind('/') == std::string::npos ? 0 : existing.rfind('/'));
  }
  if (existing.empty() && statvfs("/", &info) != 0) return;
  double free_gb = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / 1e9;
  std::string text = absl::StrFormat("%.1f GB free for %s (%s)", free_gb, what, path);
  bool no_inodes = info.f_files > 0 && info.f_favail < 1000;
  if (no_inodes) text += absl::StrFormat(", only %d inodes", info.f_favail);
  if (free_gb < kFullDiskGb || no_inodes) {
    report->Error("disk", text, "free space there, or move the folder: jobs cannot be stored");
  } else if (free_gb < kLowDiskGb) {
    report->Warning("disk", text, "free space there soon: a full disk stops new jobs");
  } else {
    report->Ok("disk", text);
  }
}

}  // namespace

void CheckPrograms(const Patient& patient, Report* report) {
  std::vector<std::string> missing;
  for (const char* daemon : {"reevectld", "reevedbd", "reevenoded", "reeve-stepd"}) {
    if (FindProgram(daemon).empty()) missing.push_back(daemon);
  }
  bool embedded = patient.cluster.has_value() || patient.conf_path.empty();
  if (missing.empty()) {
    report->Ok("programs", "daemons found beside " + OwnProgram());
  } else if (embedded || patient.is_controller || patient.is_node) {
    report->Error("programs", "not found beside " + OwnProgram() + ": " + Join(missing, ", "),
                  "build or install all of Reeve (packages reeve-ctld, reeve-noded, reeve-dbd)");
  } else {
    report->Note("programs",
                 "only the commands are installed here: " + Join(missing, ", ") + " are not");
  }
  std::vector<std::string> links;
  for (const char* command : kCommands) {
    if (RealPath(CommandsFolder() + "/" + command) != RealPath(OwnProgram())) {
      links.push_back(command);
    }
  }
  if (!links.empty()) {
    report->Error("programs", "no links to reeve in " + CommandsFolder() + ": " + Join(links, ", "),
                  StrCat("cd ", CommandsFolder(), " && for c in ", Join(links, " "),
                         "; do ln -s reeve $c; done"));
  }
}

void CheckOtherSlurm(const Patient& patient, Report* report) {
  std::string folder = CommandsFolder();
  std::string own = RealPath(OwnProgram());
  std::string fix = patient.cluster.has_value() ? StrCat("eval \"$(reeve cluster env --dir ",
                                                         patient.cluster->folder, ")\"")
                                                : StrCat("export PATH=", folder, ":$PATH");
  std::vector<std::string> foreign, missing;
  for (const char* command : kCommands) {
    std::string found = InPath(command);
    if (found.empty()) {
      missing.push_back(command);
    } else if (RealPath(found) != own) {
      foreign.push_back(found);
    }
  }
  if (!foreign.empty()) {
    std::string text = "first in PATH and not this Reeve's: " + Join(foreign, ", ");
    if (patient.conf_path.empty()) {
      report->Warning("other Slurm", text, fix + ", once a cluster is up");
    } else {
      report->Error("other Slurm", text, fix);
    }
  } else if (!missing.empty()) {
    report->Warning("PATH", "the commands are not in PATH: " + Join(missing, ", "), fix);
  } else {
    report->Ok("PATH", "sbatch and the others are this Reeve's");
  }
}

void CheckVirtualHosts(const Patient& patient, Report* report) {
  if (!patient.cluster.has_value() && !patient.conf_path.empty()) return;
  std::string error = InChild(TryVirtualHosts);
  bool root = HasHostCapabilities();
  if (error.empty()) {
    report->Ok("virtual hosts", root ? "can be made (as root)" : "can be made in a user namespace");
  } else {
    report->Error("virtual hosts", "cannot be made: " + error,
                  root ? "the kernel needs network, UTS and mount namespaces, bridge and veth"
                       : "allow user namespaces as said above, or run `reeve cluster` as root");
  }
}

void CheckCgroups(const Patient&, Report* report) {
  const std::string mounts = os::ReadFile("/proc/self/mounts").value_or("");
  std::vector<std::string> v1;
  std::string v2_controllers;
  std::string folder;
  for (std::string_view line : SplitSkipEmpty(mounts, "\n")) {
    std::vector<std::string_view> fields = Split(line, " ");
    if (fields.size() < 4) continue;
    if (fields[2] == "cgroup2") {
      absl::StatusOr<std::string> text = os::ReadFile(StrCat(fields[1], "/cgroup.controllers"));
      if (text.ok()) v2_controllers = Strip(*text);
      if (folder.empty()) folder = fields[1];
    } else if (fields[2] == "cgroup") {
      folder = fields[1];
      v1.emplace_back(fields[1].substr(fields[1].rfind('/') + 1));
    }
  }
  if (folder.empty()) {
    report->Warning("cgroups", "none are mounted: jobs run without memory limits",
                    "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
    return;
  }
  std::string text =
      v1.empty() ? "version 2, controllers: " + v2_controllers : "version 1: " + Join(v1, " ");
  if (v1.empty() && v2_controllers.find("memory") == std::string::npos) {
    report->Warning("cgroups", text + "; no memory controller: no memory limits",
                    "boot with cgroup_enable=memory, or delegate the controller to this container");
  } else if (access(folder.c_str(), W_OK) != 0) {
    report->Note("cgroups", text + "; not writable for this user: jobs run without limits");
  } else {
    report->Ok("cgroups", text);
  }
}

void CheckDisk(const Patient& patient, Report* report) {
  if (!patient.config.has_value()) {
    absl::StatusOr<Layout> layout = FindLayout("");
    if (layout.ok()) CheckDiskOf("a cluster", layout->folder, report);
    return;
  }
  if (patient.is_controller || patient.cluster.has_value()) {
    CheckDiskOf("StateSaveLocation", patient.config->state_save_location, report);
  }
  if (patient.is_node) {
    CheckDiskOf("SlurmdSpoolDir",
                ExpandNodePath(patient.config->slurmd_spool_dir, patient.host, patient.host),
                report);
  }
}

}  // namespace reeve::cluster
