// The typed values of slurm.conf's main keys: how each is read into Config and printed again.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/config.h"

namespace reeve {

struct ValueBinding {
  std::string_view key;
  // An error's message says what is wrong with the value; key and line are the caller's to add.
  std::function<absl::Status(Config& config, std::string_view value)> set;
  // As `scontrol show config` prints it; empty: no line, a blank: a line without a value.
  std::function<std::string(const Config& config)> show;
};

// One for each honoured main key, except NodeName and PartitionName.
std::span<const ValueBinding> ConfigValues();
const ValueBinding* FindConfigValue(std::string_view key);  // null when there is none

// An error that names the value and says why it is none: "'x' is not a time".
absl::Status Refused(std::string_view value, std::string_view why);

// Parts that node and partition lines share.
absl::StatusOr<bool> ParseYesNo(std::string_view text);  // YES NO TRUE FALSE 1 0
absl::StatusOr<std::optional<uint64_t>> ParseMbOrUnlimited(std::string_view text);  // 0: unlimited
std::vector<std::string> ParseNames(std::string_view text);                         // a comma list

}  // namespace reeve
