#include "common/base/config_security.h"

#include <limits>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

constexpr int64_t kMaxScriptSize = 64 << 20;
constexpr int64_t kMaxSwitchWait = 365 * 24 * 3600;
constexpr int64_t kMaxUint32 = std::numeric_limits<int32_t>::max();

std::string OrNull(std::string_view text) {
  return text.empty() ? "(null)" : std::string(text);
}

bool IsNull(std::string_view value) {
  return value.empty() || value == "(null)";
}

// "name=value" or "name".
struct Option {
  std::string_view name;
  std::string_view value;
};
Option SplitOption(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

absl::StatusOr<int64_t> NumberOf(const Option& option, int64_t min, int64_t max) {
  absl::StatusOr<int64_t> number = ParseInt(option.value, "number", min, max);
  if (number.ok()) return number;
  return Refused(StrCat(option.name, "=", option.value),
                 StrCat("needs a number from ", min, " to ", max));
}

// Passes are neither timed nor of limited depth, so these tune nothing; they are accepted because
// nearly every slurm.conf has some.
constexpr std::string_view kTuning[] = {
    "bf_continue",         "bf_interval",    "bf_max_job_test",     "bf_max_time",
    "bf_yield_interval",   "bf_yield_sleep", "default_queue_depth", "max_rpc_cnt",
    "partition_job_depth", "sched_interval", "sched_max_job_start", "sched_min_interval",
};

absl::Status SetSchedulerParameters(Config& config, std::string_view value) {
  config.scheduler_parameters.clear();
  config.max_script_size = Config().max_script_size;
  config.max_switch_wait = Config().max_switch_wait;
  if (IsNull(value)) return absl::OkStatus();
  for (std::string_view text : SplitSkipEmpty(value, ",")) {
    const Option option = SplitOption(Strip(text));
    bool known = false;
    for (std::string_view name : kTuning) known = known || EqualsIgnoreCase(option.name, name);
    if (EqualsIgnoreCase(option.name, "max_script_size")) {
      absl::StatusOr<int64_t> size = NumberOf(option, 1, kMaxScriptSize);
      if (!size.ok()) return size.status();
      config.max_script_size = static_cast<uint32_t>(*size);
    } else if (EqualsIgnoreCase(option.name, "max_switch_wait")) {
      absl::StatusOr<int64_t> seconds = NumberOf(option, 0, kMaxSwitchWait);
      if (!seconds.ok()) return seconds.status();
      config.max_switch_wait = absl::Seconds(*seconds);
    } else if (!known) {
      return Refused(text, StrCat("is not supported yet; accepted: max_script_size, "
                                  "max_switch_wait, and without effect ",
                                  Join(kTuning, ", ")));
    }
  }
  config.scheduler_parameters = std::string(value);
  return absl::OkStatus();
}

absl::Status SetRateOption(RateLimit& limit, const Option& option) {
  if (EqualsIgnoreCase(option.name, "rl_enable")) {
    limit.enabled = true;
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> number = NumberOf(option, -1, kMaxUint32);
  if (!number.ok()) return number.status();
  if (EqualsIgnoreCase(option.name, "rl_log_freq")) {
    limit.log_every = *number < 0 ? absl::InfiniteDuration() : absl::Seconds(*number);
    return absl::OkStatus();
  }
  if (*number < 1) return Refused(StrCat(option.name, "=", option.value), "must be 1 or more");
  if (EqualsIgnoreCase(option.name, "rl_refill_period")) {
    limit.refill_period = absl::Seconds(*number);
    return absl::OkStatus();
  }
  constexpr std::pair<std::string_view, uint32_t RateLimit::*> kNumbers[] = {
      {"rl_bucket_size", &RateLimit::bucket_size},
      {"rl_refill_rate", &RateLimit::refill_rate},
      {"rl_table_size", &RateLimit::table_size},
  };
  for (const auto& [name, member] : kNumbers) {
    if (!EqualsIgnoreCase(option.name, name)) continue;
    limit.*member = static_cast<uint32_t>(*number);
    return absl::OkStatus();
  }
  return Refused(option.name, "is not supported yet");
}

absl::Status SetSlurmctldParameters(Config& config, std::string_view value) {
  config.slurmctld_parameters.clear();
  config.rate_limit = {};
  if (IsNull(value)) return absl::OkStatus();
  for (std::string_view text : SplitSkipEmpty(value, ",")) {
    const Option option = SplitOption(Strip(text));
    // The configuration may always be fetched.
    if (EqualsIgnoreCase(option.name, "enable_configless")) continue;
    if (!StartsWithIgnoreCase(option.name, "rl_")) {
      return Refused(text,
                     "is not supported yet; accepted: enable_configless, rl_enable, "
                     "rl_bucket_size, rl_refill_rate, rl_refill_period, rl_table_size, "
                     "rl_log_freq");
    }
    if (absl::Status status = SetRateOption(config.rate_limit, option); !status.ok()) return status;
  }
  config.slurmctld_parameters = std::string(value);
  return absl::OkStatus();
}

absl::Status SetPrivateData(Config& config, std::string_view value) {
  config.private_data = {};
  for (std::string_view text : SplitSkipEmpty(value, ",")) {
    const std::string_view word = Strip(text);
    if (EqualsIgnoreCase(word, "jobs")) {
      config.private_data.jobs = true;
    } else if (EqualsIgnoreCase(word, "nodes")) {
      config.private_data.nodes = true;
    } else if (EqualsIgnoreCase(word, "partitions")) {
      config.private_data.partitions = true;
    } else if (!EqualsIgnoreCase(word, "none")) {
      return Refused(word, "is not supported yet; jobs, nodes, partitions and none are");
    }
  }
  return absl::OkStatus();
}

std::string ShowPrivateData(const Config& config) {
  std::vector<std::string> words;
  if (config.private_data.jobs) words.emplace_back("jobs");
  if (config.private_data.nodes) words.emplace_back("nodes");
  if (config.private_data.partitions) words.emplace_back("partitions");
  return words.empty() ? "none" : Join(words, ",");
}

// The protocol is the same whichever library speaks it, so Slurm's name is accepted.
absl::Status SetTlsType(Config& config, std::string_view value) {
  std::string_view word = value;
  if (StartsWithIgnoreCase(word, "tls/")) word.remove_prefix(4);
  config.tls.enabled = EqualsIgnoreCase(word, "s2n") || EqualsIgnoreCase(word, "openssl");
  if (config.tls.enabled || EqualsIgnoreCase(word, "none")) return absl::OkStatus();
  return Refused(value, "is not supported; use tls/none, or tls/s2n (also spelt tls/openssl)");
}

std::string ShowTlsType(const Config& config) {
  return config.tls.enabled ? "tls/s2n" : "tls/none";
}

absl::Status SetTlsParameters(Config& config, std::string_view value) {
  constexpr std::pair<std::string_view, std::string TlsConfig::*> kFiles[] = {
      {"ca_cert_file", &TlsConfig::ca_cert_file},
      {"ctld_cert_file", &TlsConfig::ctld_cert_file},
      {"ctld_cert_key_file", &TlsConfig::ctld_cert_key_file},
      {"dbd_cert_file", &TlsConfig::dbd_cert_file},
      {"dbd_cert_key_file", &TlsConfig::dbd_cert_key_file},
      {"slurmd_cert_file", &TlsConfig::slurmd_cert_file},
      {"slurmd_cert_key_file", &TlsConfig::slurmd_cert_key_file},
  };
  config.tls_parameters.clear();
  for (const auto& [name, member] : kFiles) (config.tls.*member).clear();
  if (IsNull(value)) return absl::OkStatus();
  for (std::string_view text : SplitSkipEmpty(value, ",")) {
    const Option option = SplitOption(Strip(text));
    std::string TlsConfig::*found = nullptr;
    for (const auto& [name, member] : kFiles) {
      if (EqualsIgnoreCase(option.name, name)) found = member;
    }
    if (found == nullptr) {
      return Refused(text,
                     "is not supported; ca_cert_file=, and ctld_, dbd_ and slurmd_ with "
                     "cert_file= and cert_key_file= are");
    }
    if (!option.value.starts_with('/')) return Refused(text, "needs an absolute path");
    config.tls.*found = std::string(option.value);
  }
  config.tls_parameters = std::string(value);
  return absl::OkStatus();
}

ValueBinding UserList(std::string_view key, std::vector<std::string> Config::*member) {
  return {key,
          [member](Config& config, std::string_view value) {
            config.*member = IsNull(value) ? std::vector<std::string>() : ParseNames(value);
            return absl::OkStatus();
          },
          [member](const Config& config) { return Join(config.*member, ","); }};
}

absl::Status SetCheckNodeAddress(Config& config, std::string_view value) {
  absl::StatusOr<bool> check = ParseYesNo(value);
  if (!check.ok()) return check.status();
  config.check_node_address = *check;
  return absl::OkStatus();
}

}  // namespace

std::vector<ValueBinding> SecurityBindings() {
  return {
      {"PrivateData", SetPrivateData, ShowPrivateData},
      UserList("ReeveAdministrators", &Config::administrators),
      {"ReeveCheckNodeAddress", SetCheckNodeAddress,
       [](const Config& config) { return std::string(config.check_node_address ? "yes" : "no"); }},
      UserList("ReeveOperators", &Config::operators),
      {"SchedulerParameters", SetSchedulerParameters,
       [](const Config& config) { return OrNull(config.scheduler_parameters); }},
      {"SlurmctldParameters", SetSlurmctldParameters,
       [](const Config& config) { return OrNull(config.slurmctld_parameters); }},
      {"TLSParameters", SetTlsParameters,
       [](const Config& config) { return OrNull(config.tls_parameters); }},
      {"TLSType", SetTlsType, ShowTlsType},
  };
}

}  // namespace reeve
