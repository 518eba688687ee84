// Switches as scontrol show topology prints them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reeve/v1/types.pb.h"

namespace reeve::cli {

// All; the one of that name; or those that are above all nodes of a hostlist.
std::vector<const v1::Switch*> FindSwitches(
    const google::protobuf::RepeatedPtrField<v1::Switch>& switches, std::string_view name);

std::string ShowSwitchText(const v1::Switch& each);

}  // namespace reeve::cli
