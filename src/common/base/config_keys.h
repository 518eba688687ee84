// The table of all keys that slurm.conf(5) knows, and what Reeve makes of each.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace reeve {

enum class KeyClass {
  kHonoured,       // has a setter: config_values.cc, config_nodes.cc or config_partitions.cc
  kSatisfied,      // accepted when the value is among `accepted`: Reeve does that anyway
  kSatisfiedList,  // the same for each element of a comma list
  kUnsupported,    // an error unless the value is the default or among `accepted`
  kRuntime,        // no key: a line of `scontrol show config` that the program fills in
};

struct ConfigKey {
  std::string_view name;
  KeyClass key_class;
  // What `scontrol show config` prints when the file doesn't say; empty: no line. For honoured
  // keys "-" stands for "computed from the typed value".
  std::string_view shown = "";
  // Values separated by '|', in any case; "x=*" admits any x=..., "*" everything. An empty value
  // and "(null)" are always accepted.
  std::string_view accepted = "";
  std::string_view note = "";  // why an accepted value needs nothing done
};

// Main keys, in the order in which `scontrol show config` prints them.
std::span<const ConfigKey> ConfigKeys();
std::span<const ConfigKey> NodeKeys();       // of NodeName lines
std::span<const ConfigKey> PartitionKeys();  // of PartitionName lines

// By name in any case; null when there is none.
const ConfigKey* FindConfigKey(std::span<const ConfigKey> keys, std::string_view name);

// "unknown key 'Kilwait'; did you mean KillWait?".
std::string UnknownKeyMessage(std::span<const ConfigKey> keys, std::string_view name);

// For keys without a setter: OK when the value changes nothing, else an error that names the
// values which are accepted.
absl::Status CheckFixedValue(const ConfigKey& key, std::string_view value);

}  // namespace reeve
