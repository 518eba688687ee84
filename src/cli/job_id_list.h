// Lists of job and step ids as users type them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

// Splits at commas outside of brackets: "1,2_[3,4]" is two ids. Empty ones are dropped.
std::vector<std::string> SplitJobIds(std::string_view text);

v1::JobSelector ToProto(const JobSelector& selector);

}  // namespace reeve::cli
