// A licence as scontrol show licenses prints it.
#pragma once

#include <string>

#include "reeve/v1/types.pb.h"

namespace reeve::cli {

std::string ShowLicenseText(const v1::License& license, bool one_line);

}  // namespace reeve::cli
