#include "noded/stepd/settings.h"

#include "absl/strings/numbers.h"
#include "common/base/text.h"

namespace reeve::noded {

std::vector<std::string> ToArguments(const StepdSettings& settings) {
  std::vector<std::string> arguments = {"--forker",
                                        "--spool",
                                        settings.spool_dir,
                                        "--node",
                                        settings.node,
                                        "--cluster",
                                        settings.cluster,
                                        "--kill-wait",
                                        StrCat(absl::ToInt64Milliseconds(settings.kill_wait)),
                                        "--log-level",
                                        std::string(LogLevelName(settings.log.level))};
  if (!settings.config_path.empty()) {
    arguments.insert(arguments.end(), {"--config", settings.config_path});
  }
  if (!settings.log.file.empty()) {
    arguments.insert(arguments.end(), {"--log-file", settings.log.file});
  }
  if (!settings.task_prolog.empty()) {
    arguments.insert(arguments.end(), {"--task-prolog", settings.task_prolog});
  }
  if (!settings.task_epilog.empty()) {
    arguments.insert(arguments.end(), {"--task-epilog", settings.task_epilog});
  }
  if (settings.bind_cores) arguments.push_back("--bind-cores");
  if (!settings.cgroups) arguments.push_back("--no-cgroups");
  return arguments;
}

absl::StatusOr<StepdSettings> ParseStepdArguments(const std::vector<std::string>& arguments) {
  StepdSettings settings;
  settings.log.program = "reeve-stepd";
  bool forker = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--forker") {
      forker = true;
      continue;
    }
    if (name == "--bind-cores") {
      settings.bind_cores = true;
      continue;
    }
    if (name == "--no-cgroups") {
      settings.cgroups = false;
      continue;
    }
    if (i + 1 == arguments.size()) {
      return absl::InvalidArgumentError(StrCat("unknown argument or no value: ", name));
    }
    const std::string& value = arguments[++i];
    int64_t milliseconds = 0;
    if (name == "--spool") {
      settings.spool_dir = value;
    } else if (name == "--node") {
      settings.node = value;
    } else if (name == "--cluster") {
      settings.cluster = value;
    } else if (name == "--config") {
      settings.config_path = value;
    } else if (name == "--task-prolog") {
      settings.task_prolog = value;
    } else if (name == "--task-epilog") {
      settings.task_epilog = value;
    } else if (name == "--log-file") {
      settings.log.file = value;
    } else if (name == "--kill-wait" && absl::SimpleAtoi(ToAbsl(value), &milliseconds)) {
      settings.kill_wait = absl::Milliseconds(milliseconds);
    } else if (name == "--log-level" && ParseLogLevel(value).ok()) {
      settings.log.level = *ParseLogLevel(value);
    } else {
      return absl::InvalidArgumentError(StrCat("bad argument: ", name, " ", value));
    }
  }
  if (!forker || settings.spool_dir.empty() || settings.node.empty() || settings.cluster.empty()) {
    return absl::InvalidArgumentError("reeve-stepd is started by reevenoded only");
  }
  return settings;
}

}  // namespace reeve::noded
