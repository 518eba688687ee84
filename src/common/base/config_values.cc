#include "common/base/config_values.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <vector>

#include "common/base/array_spec.h"
#include "common/base/config_preempt.h"
#include "common/base/config_priority.h"
#include "common/base/config_security.h"
#include "common/base/hostlist.h"
#include "common/base/ids.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

using Setter = std::function<absl::Status(Config&, std::string_view)>;
using Printer = std::function<std::string(const Config&)>;

std::string OrNull(std::string_view text) {
  return text.empty() ? "(null)" : std::string(text);
}

// ---- Kinds of values ----------------------------------------------------------------------------

ValueBinding Text(std::string_view key, std::string Config::*member) {
  return {key,
          [member](Config& config, std::string_view value) {
            config.*member = std::string(value);
            return absl::OkStatus();
          },
          [member](const Config& config) { return OrNull(config.*member); }};
}

// An absolute path.
ValueBinding Path(std::string_view key, std::string Config::*member) {
  return {key,
          [member](Config& config, std::string_view value) {
            if (!value.empty() && value[0] != '/') return Refused(value, "is not an absolute path");
            config.*member = std::string(value);
            return absl::OkStatus();
          },
          [member](const Config& config) { return OrNull(config.*member); }};
}

// An absolute path, or (null) for none; `unset` is what an empty one is printed as.
ValueBinding Script(std::string_view key, std::string Config::*member,
                    std::string_view unset = "(null)") {
  return {key,
          [member](Config& config, std::string_view value) {
            if (value == "(null)") value = "";
            if (!value.empty() && value[0] != '/') return Refused(value, "is not an absolute path");
            config.*member = std::string(value);
            return absl::OkStatus();
          },
          [=](const Config& config) {
            return (config.*member).empty() ? std::string(unset) : config.*member;
          }};
}

template <class T>
ValueBinding Number(std::string_view key, T Config::*member, int64_t min, int64_t max) {
  return {key,
          [=](Config& config, std::string_view value) {
            absl::StatusOr<int64_t> number = ParseInt(value, "number", min, max);
            if (!number.ok()) {
              return Refused(value, StrCat("is not a number from ", min, " to ", max));
            }
            config.*member = static_cast<T>(*number);
            return absl::OkStatus();
          },
          [member](const Config& config) { return StrCat(config.*member); }};
}

ValueBinding Port(std::string_view key, uint16_t Config::*member) {
  return Number(key, member, 1, 65535);
}

ValueBinding Seconds(std::string_view key, absl::Duration Config::*member, int64_t min = 0) {
  return {key,
          [=](Config& config, std::string_view value) {
            absl::StatusOr<int64_t> seconds = ParseInt(value, "seconds", min, 65533);
            if (!seconds.ok()) {
              return Refused(value, StrCat("is not a number of seconds from ", min, " to 65533"));
            }
            config.*member = absl::Seconds(*seconds);
            return absl::OkStatus();
          },
          [member](const Config& config) {
            return StrCat(absl::ToInt64Seconds(config.*member), " sec");
          }};
}

ValueBinding Bool(std::string_view key, bool Config::*member, std::string_view yes,
                  std::string_view no) {
  return {key,
          [member](Config& config, std::string_view value) {
            absl::StatusOr<bool> parsed = ParseYesNo(value);
            if (!parsed.ok()) return parsed.status();
            config.*member = *parsed;
            return absl::OkStatus();
          },
          [=](const Config& config) { return std::string(config.*member ? yes : no); }};
}

ValueBinding Level(std::string_view key, LogLevel Config::*member) {
  return {key,
          [member](Config& config, std::string_view value) {
            absl::StatusOr<LogLevel> level = ParseLogLevel(value);
            if (!level.ok()) return level.status();
            config.*member = *level;
            return absl::OkStatus();
          },
          [member](const Config& config) { return std::string(LogLevelName(config.*member)); }};
}

// DefMem* and MaxMem*. Slurm prints one line of each pair, and that per node where neither is set.
ValueBinding Memory(std::string_view key, std::optional<uint64_t> Config::*member,
                    std::optional<uint64_t> Config::*rival, bool per_node) {
  return {key,
          [=](Config& config, std::string_view value) {
            absl::StatusOr<std::optional<uint64_t>> mb = ParseMbOrUnlimited(value);
            if (!mb.ok()) return mb.status();
            if (mb->has_value() && (config.*rival).has_value()) {
              return Refused(value, "excludes the setting per CPU or node given before");
            }
            config.*member = *mb;
            return absl::OkStatus();
          },
          [=](const Config& config) {
            if ((config.*member).has_value()) return StrCat(*(config.*member));
            return std::string(per_node && !(config.*rival).has_value() ? "UNLIMITED" : "");
          }};
}

// One of a few words (the plugin's prefix, "sched/", may be left out) for one of two values.
Setter TwoWords(bool Config::*member, std::string_view prefix, std::string_view yes,
                std::string_view no) {
  return [=](Config& config, std::string_view value) {
    std::string_view word = value;
    if (StartsWithIgnoreCase(word, prefix)) word.remove_prefix(prefix.size());
    if (!EqualsIgnoreCase(word, yes) && !EqualsIgnoreCase(word, no)) {
      return Refused(value, StrCat("is not supported; use ", prefix, yes, " or ", prefix, no));
    }
    config.*member = EqualsIgnoreCase(word, yes);
    return absl::OkStatus();
  };
}

Printer ShowTwoWords(bool Config::*member, std::string_view yes, std::string_view no) {
  return [=](const Config& config) { return std::string(config.*member ? yes : no); };
}

// ---- Single keys --------------------------------------------------------------------------------

absl::Status SetClusterName(Config& config, std::string_view value) {
  if (!IsHostName(value) || value.size() > 40) return Refused(value, "is no name for a cluster");
  config.cluster_name = ToLower(value);
  return absl::OkStatus();
}

// "name" or "name(address)".
absl::Status AddController(Config& config, std::string_view value) {
  const size_t open = value.find('(');
  ControllerHost controller;
  controller.host = std::string(value.substr(0, open));
  controller.addr = controller.host;
  if (open != value.npos) {
    if (!value.ends_with(')') || value.size() - open < 3) {
      return Refused(value, "is not of the form host(address)");
    }
    controller.addr = std::string(value.substr(open + 1, value.size() - open - 2));
  }
  if (!IsHostName(controller.host)) return Refused(value, "is no host name");
  if (config.controllers.size() >= 16) return Refused(value, "is one controller too many");
  config.controllers.push_back(std::move(controller));
  return absl::OkStatus();
}

// The spelling before SlurmctldHost: names and addresses on lines of their own, in any order.
Setter OldController(size_t index, std::string ControllerHost::*member) {
  return [=](Config& config, std::string_view value) {
    if (config.controllers.size() <= index) config.controllers.resize(index + 1);
    config.controllers[index].*member = std::string(value);
    return absl::OkStatus();
  };
}

absl::Status SetAuthInfo(Config& config, std::string_view value) {
  for (std::string_view option : SplitSkipEmpty(value, ",")) {
    constexpr std::string_view kSocket = "socket=";
    if (!StartsWithIgnoreCase(option, kSocket)) {
      return Refused(option, "is not supported; socket=PATH is");
    }
    config.auth_socket = std::string(option.substr(kSocket.size()));
  }
  return absl::OkStatus();
}

std::string ShowAuthInfo(const Config& config) {
  return config.auth_socket.empty() ? "(null)" : StrCat("socket=", config.auth_socket);
}

absl::Status SetEnforcePartLimits(Config& config, std::string_view value) {
  if (EqualsIgnoreCase(value, "NO") || value == "0") {
    config.enforce_part_limits = EnforcePartLimits::kNo;
  } else if (EqualsIgnoreCase(value, "ANY")) {
    config.enforce_part_limits = EnforcePartLimits::kAny;
  } else if (EqualsIgnoreCase(value, "ALL") || EqualsIgnoreCase(value, "YES") || value == "1") {
    config.enforce_part_limits = EnforcePartLimits::kAll;
  } else {
    return Refused(value, "is none of NO, ANY, ALL");
  }
  return absl::OkStatus();
}

std::string ShowEnforcePartLimits(const Config& config) {
  switch (config.enforce_part_limits) {
    case EnforcePartLimits::kNo:
      return "NO";
    case EnforcePartLimits::kAny:
      return "ANY";
    case EnforcePartLimits::kAll:
      return "ALL";
  }
  return "";
}

absl::Status SetSelectTypeParameters(Config& config, std::string_view value) {
  struct Word {
    std::string_view name;
    SelectFlags flags;
  };
  static constexpr Word kWords[] = {
      {"CR_Core", {.core = true, .memory = false, .cpus = true}},
      {"CR_Core_Memory", {.core = true, .memory = true, .cpus = true}},
      {"CR_CPU", {.core = false, .memory = false, .cpus = true}},
      {"CR_CPU_Memory", {.core = false, .memory = true, .cpus = true}},
      {"CR_Memory", {.core = false, .memory = true, .cpus = false}},
  };
  const absl::Status refused =
      Refused(value,
              "is not supported; one of CR_Core, CR_Core_Memory, CR_CPU, CR_CPU_Memory, CR_Memory "
              "is, and CR_LLN with it");
  bool lln = false;
  const Word* chosen = nullptr;
  for (std::string_view name : SplitSkipEmpty(value, ",")) {
    if (EqualsIgnoreCase(name, "CR_LLN")) {
      lln = true;
      continue;
    }
    const auto word = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Word& w) { return EqualsIgnoreCase(name, w.name); });
    if (word == std::end(kWords) || chosen != nullptr) return refused;
    chosen = word;
  }
  if (chosen == nullptr && !lln) return refused;
  config.select = chosen == nullptr ? Config().select : chosen->flags;
  config.select.lln = lln;
  return absl::OkStatus();
}

std::string ShowSelectTypeParameters(const Config& config) {
  const std::string_view lln = config.select.lln ? ",CR_LLN" : "";
  if (!config.select.cpus) return StrCat("CR_MEMORY", lln);
  return StrCat(config.select.core ? "CR_CORE" : "CR_CPU", config.select.memory ? "_MEMORY" : "",
                lln);
}

absl::Status SetSlurmdParameters(Config& config, std::string_view value) {
  config.config_overrides = false;
  for (std::string_view option : SplitSkipEmpty(value, ",")) {
    if (!EqualsIgnoreCase(option, "config_overrides")) {
      return Refused(option, "is not supported; config_overrides is");
    }
    config.config_overrides = true;
  }
  return absl::OkStatus();
}

absl::Status SetPrologFlags(Config& config, std::string_view value) {
  config.prolog_at_allocation = config.prolog_no_hold = false;
  if (value == "(null)" || EqualsIgnoreCase(value, "none")) return absl::OkStatus();
  for (std::string_view flag : SplitSkipEmpty(value, ",")) {
    if (EqualsIgnoreCase(flag, "Alloc")) {
      config.prolog_at_allocation = true;
    } else if (EqualsIgnoreCase(flag, "NoHold")) {
      config.prolog_no_hold = true;
    } else {
      return Refused(flag, "is not supported; Alloc and NoHold are");
    }
  }
  if (config.prolog_no_hold && !config.prolog_at_allocation) {
    return Refused(value, "makes no sense without Alloc");
  }
  return absl::OkStatus();
}

std::string ShowPrologFlags(const Config& config) {
  if (!config.prolog_at_allocation) return "(null)";
  return config.prolog_no_hold ? "Alloc,NoHold" : "Alloc";
}

// 65534, or nothing said, is no limit.
absl::Status SetPrologEpilogTimeout(Config& config, std::string_view value) {
  absl::StatusOr<int64_t> seconds = ParseInt(value, "seconds", 0, 65534);
  if (!seconds.ok()) return Refused(value, "is not a number of seconds from 0 to 65534");
  config.prolog_epilog_timeout =
      *seconds == 65534 ? absl::InfiniteDuration() : absl::Seconds(*seconds);
  return absl::OkStatus();
}

std::string ShowPrologEpilogTimeout(const Config& config) {
  if (config.prolog_epilog_timeout == absl::InfiniteDuration()) return "65534";
  return StrCat(absl::ToInt64Seconds(config.prolog_epilog_timeout));
}

absl::Status SetHealthCheckNodeState(Config& config, std::string_view value) {
  HealthCheckStates states{false, false, false, false};
  for (std::string_view word : SplitSkipEmpty(value, ",")) {
    if (EqualsIgnoreCase(word, "ANY")) {
      states = {};
    } else if (EqualsIgnoreCase(word, "IDLE")) {
      states.idle = true;
    } else if (EqualsIgnoreCase(word, "ALLOC")) {
      states.allocated = true;
    } else if (EqualsIgnoreCase(word, "MIXED")) {
      states.mixed = true;
    } else {
      return Refused(word, "is not supported; ANY, IDLE, ALLOC and MIXED are");
    }
  }
  config.health_check_states = states;
  return absl::OkStatus();
}

std::string ShowHealthCheckNodeState(const Config& config) {
  const HealthCheckStates& states = config.health_check_states;
  if (states.other) return "ANY";
  std::vector<std::string> words;
  if (states.idle) words.push_back("IDLE");
  if (states.allocated) words.push_back("ALLOC");
  if (states.mixed) words.push_back("MIXED");
  return Join(words, ",");
}

absl::Status SetOverTimeLimit(Config& config, std::string_view value) {
  absl::StatusOr<int64_t> minutes = ParseInt(value, "minutes", 0, 65533);
  if (EqualsIgnoreCase(value, "UNLIMITED") || EqualsIgnoreCase(value, "INFINITE")) {
    config.over_time_limit = absl::InfiniteDuration();
  } else if (minutes.ok()) {
    config.over_time_limit = absl::Minutes(*minutes);
  } else {
    return Refused(value, "is neither a number of minutes nor UNLIMITED");
  }
  return absl::OkStatus();
}

std::string ShowOverTimeLimit(const Config& config) {
  if (config.over_time_limit == absl::InfiniteDuration()) return "UNLIMITED";
  return StrCat(absl::ToInt64Minutes(config.over_time_limit), " min");
}

absl::Status SetGresTypes(Config& config, std::string_view value) {
  config.gres_types = ParseNames(value);
  return absl::OkStatus();
}

absl::Status SetLicenses(Config& config, std::string_view value) {
  if (EqualsIgnoreCase(value, "(null)")) return absl::OkStatus();
  absl::StatusOr<std::vector<License>> licenses = ParseLicenses(value);
  if (!licenses.ok()) return licenses.status();
  if (licenses->size() > kMostLicenseNames) {
    return Refused(value, StrCat("names more than ", kMostLicenseNames, " licences"));
  }
  config.licenses = *std::move(licenses);
  return absl::OkStatus();
}

absl::Status SetTopologyPlugin(Config& config, std::string_view value) {
  std::string_view word = value;
  if (StartsWithIgnoreCase(word, "topology/")) word.remove_prefix(9);
  config.topology_tree = EqualsIgnoreCase(word, "tree");
  if (config.topology_tree) return absl::OkStatus();
  for (std::string_view flat : {"flat", "default", "none"}) {
    if (EqualsIgnoreCase(word, flat)) return absl::OkStatus();
  }
  return Refused(value, "is not supported yet; use topology/tree or topology/flat");
}

std::string ShowAccountingHost(const Config& config) {
  if (!config.accounting_host.empty()) return config.accounting_host;
  return config.controllers.empty() ? "localhost" : config.controllers[0].addr;
}

std::vector<ValueBinding> MakeBindings() {
  const auto hidden = [](const Config&) { return std::string(); };
  using C = Config;
  return {
      {"AccountingStorageHost", Text("", &C::accounting_host).set, ShowAccountingHost},
      Port("AccountingStoragePort", &C::accounting_port),
      {"AccountingStorageType", TwoWords(&C::accounting, "accounting_storage/", "slurmdbd", "none"),
       ShowTwoWords(&C::accounting, "accounting_storage/slurmdbd", "(null)")},
      {"AuthInfo", SetAuthInfo, ShowAuthInfo},
      {"BackupAddr", OldController(1, &ControllerHost::addr), hidden},
      {"BackupController", OldController(1, &ControllerHost::host), hidden},
      {"ClusterName", SetClusterName,
       [](const Config& config) { return OrNull(config.cluster_name); }},
      {"ControlAddr", OldController(0, &ControllerHost::addr), hidden},
      {"ControlMachine", OldController(0, &ControllerHost::host), hidden},
      Memory("DefMemPerCPU", &C::def_mem_per_cpu_mb, &C::def_mem_per_node_mb, false),
      Memory("DefMemPerNode", &C::def_mem_per_node_mb, &C::def_mem_per_cpu_mb, true),
      Bool("DisableRootJobs", &C::disable_root_jobs, "yes", "no"),
      {"EnforcePartLimits", SetEnforcePartLimits, ShowEnforcePartLimits},
      Script("Epilog", &C::epilog, ""),
      Number("FirstJobId", &C::first_job_id, 1, kMaxJobId),
      {"GresTypes", SetGresTypes,
       [](const Config& config) { return OrNull(Join(config.gres_types, ",")); }},
      Seconds("HealthCheckInterval", &C::health_check_interval),
      {"HealthCheckNodeState", SetHealthCheckNodeState, ShowHealthCheckNodeState},
      Script("HealthCheckProgram", &C::health_check_program),
      Bool("JobRequeue", &C::job_requeue, "1", "0"),
      Bool("KillOnBadExit", &C::kill_on_bad_exit, "1", "0"),
      Seconds("KillWait", &C::kill_wait),
      {"Licenses", SetLicenses,
       [](const Config& config) { return OrNull(FormatLicenses(config.licenses)); }},
      Number("MaxArraySize", &C::max_array_size, 0, kHighestTask + 1),
      Number("MaxJobCount", &C::max_job_count, 2, 100000000),
      Number("MaxJobId", &C::max_job_id, 1, kMaxJobId),
      Memory("MaxMemPerCPU", &C::max_mem_per_cpu_mb, &C::max_mem_per_node_mb, false),
      Memory("MaxMemPerNode", &C::max_mem_per_node_mb, &C::max_mem_per_cpu_mb, true),
      Number("MaxStepCount", &C::max_step_count, 1, std::numeric_limits<int32_t>::max()),
      Number("MaxTasksPerNode", &C::max_tasks_per_node, 1, 65533),
      Seconds("MessageTimeout", &C::message_timeout, 1),
      Seconds("MinJobAge", &C::min_job_age),
      {"OverTimeLimit", SetOverTimeLimit, ShowOverTimeLimit},
      Script("Prolog", &C::prolog, ""),
      {"PrologEpilogTimeout", SetPrologEpilogTimeout, ShowPrologEpilogTimeout},
      {"PrologFlags", SetPrologFlags, ShowPrologFlags},
      {"ReeveAccountingDatabase", Path("", &C::accounting_database).set,
       [](const Config& config) { return config.accounting_database; }},
      {"ReeveAccountingLogFile", Path("", &C::accounting_log_file).set,
       [](const Config& config) { return config.accounting_log_file; }},
      {"ReeveSocketDir", Path("", &C::socket_dir).set,
       [](const Config& config) { return config.socket_dir; }},
      Number("ReturnToService", &C::return_to_service, 0, 2),
      {"SchedulerType", TwoWords(&C::backfill, "sched/", "backfill", "builtin"),
       ShowTwoWords(&C::backfill, "sched/backfill", "sched/builtin")},
      {"SelectTypeParameters", SetSelectTypeParameters, ShowSelectTypeParameters},
      Text("SlurmUser", &C::slurm_user),
      Level("SlurmctldDebug", &C::slurmctld_debug),
      {"SlurmctldHost", AddController, hidden},
      Path("SlurmctldLogFile", &C::slurmctld_log_file),
      Path("SlurmctldPidFile", &C::slurmctld_pid_file),
      Port("SlurmctldPort", &C::slurmctld_port),
      Level("SlurmdDebug", &C::slurmd_debug),
      Path("SlurmdLogFile", &C::slurmd_log_file),
      {"SlurmdParameters", SetSlurmdParameters,
       ShowTwoWords(&C::config_overrides, "config_overrides", "(null)")},
      Path("SlurmdPidFile", &C::slurmd_pid_file),
      Port("SlurmdPort", &C::slurmd_port),
      Path("SlurmdSpoolDir", &C::slurmd_spool_dir),
      Seconds("SlurmdTimeout", &C::slurmd_timeout),
      Text("SlurmdUser", &C::slurmd_user),
      Script("SrunEpilog", &C::srun_epilog),
      Script("SrunProlog", &C::srun_prolog),
      Path("StateSaveLocation", &C::state_save_location),
      Script("TaskEpilog", &C::task_epilog),
      Script("TaskProlog", &C::task_prolog),
      Path("TmpFS", &C::tmp_fs),
      {"TopologyPlugin", SetTopologyPlugin,
       ShowTwoWords(&C::topology_tree, "topology/tree", "topology/flat")},
  };
}

}  // namespace

std::span<const ValueBinding> ConfigValues() {
  static const std::vector<ValueBinding>* const bindings = [] {
    auto* all = new std::vector<ValueBinding>(MakeBindings());
    for (ValueBinding& binding : PriorityBindings()) all->push_back(std::move(binding));
    for (ValueBinding& binding : PreemptBindings()) all->push_back(std::move(binding));
    for (ValueBinding& binding : SecurityBindings()) all->push_back(std::move(binding));
    return all;
  }();
  return *bindings;
}

const ValueBinding* FindConfigValue(std::string_view key) {
  for (const ValueBinding& binding : ConfigValues()) {
    if (EqualsIgnoreCase(binding.key, key)) return &binding;
  }
  return nullptr;
}

absl::StatusOr<bool> ParseYesNo(std::string_view text) {
  for (std::string_view word : {"YES", "TRUE", "1"}) {
    if (EqualsIgnoreCase(text, word)) return true;
  }
  for (std::string_view word : {"NO", "FALSE", "0"}) {
    if (EqualsIgnoreCase(text, word)) return false;
  }
  return Refused(text, "is neither YES nor NO");
}

absl::StatusOr<std::optional<uint64_t>> ParseMbOrUnlimited(std::string_view text) {
  if (EqualsIgnoreCase(text, "UNLIMITED") || EqualsIgnoreCase(text, "INFINITE") || text == "0") {
    return std::optional<uint64_t>();
  }
  absl::StatusOr<uint64_t> mb = ParseMemoryMb(text);
  if (!mb.ok()) return mb.status();
  return std::optional<uint64_t>(*mb);
}

std::vector<std::string> ParseNames(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view name : SplitSkipEmpty(text, ",")) {
    if (!Strip(name).empty()) names.emplace_back(Strip(name));
  }
  return names;
}

absl::Status Refused(std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("'", value.substr(0, 100), "' ", why));
}

}  // namespace reeve
