// gres.conf, and what the generic resources of all nodes must be together.
#pragma once

#include <string_view>

#include "common/base/config.h"
#include "common/base/config_problems.h"

namespace reeve {

// Every name is one of GresTypes, and there are no more kinds than can be counted.
void CheckGres(const Config& config, std::string_view name, ConfigProblems& problems);

// Adds what gres.conf says to nodes' `gres_devices`. Supported are Name, Type, File, Count, Cores,
// NodeName and AutoDetect=off; `text` stands under `name` in messages.
void ApplyGresConf(Config& config, std::string_view text, std::string_view name,
                   ConfigProblems& problems);

}  // namespace reeve
