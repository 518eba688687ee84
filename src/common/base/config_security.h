// The keys of slurm.conf that say who may do what, what is shown to whom, and how much one user may
// ask of a daemon. Part of ConfigValues().
#pragma once

#include <vector>

#include "common/base/config_values.h"

namespace reeve {

std::vector<ValueBinding> SecurityBindings();

}  // namespace reeve
