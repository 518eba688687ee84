#include "cli/cluster/daemons.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "common/base/text.h"

namespace reeve::cluster {
namespace {

bool IsProgram(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

std::string FolderOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

DaemonSpec MungedSpec(const Layout& layout, const std::string& host, const std::string& program) {
  // --force: munged wants folders that every user can enter; ours are for one user only.
  return {kMunged,
          host,
          {program, "--foreground", "--force", "--num-threads=4", "--key-file=" + layout.MungeKey(),
           "--socket=" + layout.MungeSocket(), "--pid-file=" + layout.MungeDir() + "/munged.pid",
           "--seed-file=" + layout.MungeDir() + "/munged.seed"}};
}

}  // namespace

std::string NodeDaemon(const std::string& node) {
  return "reevenoded-" + node;
}

std::string OwnProgram() {
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  return size > 0 ? std::string(path, size) : "";
}

std::string RealPath(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) != nullptr ? resolved : path;
}

std::string FindProgram(const std::string& name) {
  std::string here = FolderOf(OwnProgram());
  for (const char* folder : {"", "/../sbin", "/../libexec/reeve"}) {
    std::string path = StrCat(here, folder, "/", name);
    if (IsProgram(path)) return path;
  }
  return "";
}

std::string FindMunged() {
  const char* path = getenv("PATH");
  std::string folders = StrCat("/usr/sbin:/usr/local/sbin:", path != nullptr ? path : "");
  for (std::string_view folder : SplitSkipEmpty(folders, ":")) {
    std::string program = StrCat(folder, "/munged");
    if (IsProgram(program)) return program;
  }
  return "";
}

std::string CommandsFolder() {
  std::string here = FolderOf(OwnProgram());
  bool elsewhere = !IsProgram(here + "/sbatch") && IsProgram(here + "/../bin/sbatch");
  return RealPath(elsewhere ? here + "/../bin" : here);
}

absl::StatusOr<std::vector<DaemonSpec>> PlanDaemons(const Layout& layout, const Config& config) {
  std::vector<std::string> missing;
  auto find = [&missing](const std::string& name) {
    std::string path = FindProgram(name);
    if (path.empty()) missing.push_back(name);
    return path;
  };
  std::string munged = FindMunged();
  std::string accounting = config.accounting ? find("reevedbd") : "";
  std::string controller = find("reevectld");
  std::string noded = find("reevenoded");
  find("reeve-stepd");
  if (munged.empty()) {
    return absl::NotFoundError("munged is not installed; as root: apt-get install munge");
  }
  if (!missing.empty()) {
    std::string here = FolderOf(OwnProgram());
    return absl::NotFoundError(StrCat("no ", Join(missing, ", "), " in ", here, ", ", here,
                                      "/../sbin or ", here, "/../libexec/reeve"));
  }
  std::string host = config.controllers.front().host;
  std::vector<DaemonSpec> daemons = {MungedSpec(layout, host, munged)};
  if (config.accounting) {
    daemons.push_back({kAccounting, host, {accounting, "-D", "-f", layout.Conf()}});
  }
  daemons.push_back({kController, host, {controller, "-D", "-f", layout.Conf()}});
  for (const NodeConfig& node : config.nodes) {
    daemons.push_back(
        {NodeDaemon(node.name), node.name, {noded, "-D", "-f", layout.Conf(), "-N", node.name}});
  }
  return daemons;
}

}  // namespace reeve::cluster
