// Config::entries: what `scontrol show config` prints.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/config.h"

namespace reeve {

// The values that the file gives, by the table's spelling of the key.
using GivenValues = std::unordered_map<std::string_view, std::string>;

std::vector<std::pair<std::string, std::string>> ShowConfig(const Config& config,
                                                            const GivenValues& given);

}  // namespace reeve
