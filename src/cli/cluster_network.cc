#include "cli/cluster_network.h"

#include <algorithm>
#include <span>

#include "common/base/text.h"
#include "common/rpc/endpoints.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kDaemons[] = {"orted", "prted", "hydra_pmi_proxy"};
constexpr std::string_view kLaunchers[] = {"mpirun", "mpiexec", "orterun", "prterun",
                                           "mpiexec.hydra"};

bool IsOneOf(const std::string& program, std::span<const std::string_view> names) {
  std::string_view name = std::string_view(program).substr(program.rfind('/') + 1);
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool CallsMpiLauncherBack(const std::string& program) {
  return IsOneOf(program, kDaemons);
}
bool IsMpiLauncher(const std::string& program) {
  return IsOneOf(program, kLaunchers);
}

std::string LoginHostHint(const Config& config) {
  if (!rpc::ControllerTarget(config).address.starts_with("unix:")) return "";
  std::string folder = config.path.substr(0, config.path.rfind('/'));
  return StrCat(
      "mpirun needs the cluster's network, which this shell is not on: run it on the login ",
      "host (reeve cluster shell --dir ", folder, ")");
}

}  // namespace reeve::cli
