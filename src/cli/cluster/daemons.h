// The daemons of a cluster: their names, hosts, programs and arguments.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/cluster/layout.h"
#include "common/base/config.h"

namespace reeve::cluster {

struct DaemonSpec {
  std::string name;  // "munged", "reevectld", "reevedbd", "reevenoded-n1": its log's name too
  std::string host;
  std::vector<std::string> argv;  // argv[0] is the program's path; one argument names the folder
};
inline constexpr char kMunged[] = "munged";
inline constexpr char kController[] = "reevectld";
inline constexpr char kAccounting[] = "reevedbd";
std::string NodeDaemon(const std::string& node);

// In the order they are to be started. NotFound names every program that is missing and where it
// was looked for.
absl::StatusOr<std::vector<DaemonSpec>> PlanDaemons(const Layout& layout, const Config& config);

// Beside the running program, in ../sbin or ../libexec/reeve; "" when it is nowhere.
std::string FindProgram(const std::string& name);
std::string FindMunged();                       // /usr/sbin, /usr/local/sbin, $PATH
std::string OwnProgram();                       // path of the running program
std::string RealPath(const std::string& path);  // links resolved; as it is when it does not exist
std::string CommandsFolder();  // where the running program's links (sbatch, ...) lie

}  // namespace reeve::cluster
