// The accounting database's tables, as ordered migrations.
#pragma once

#include <span>

namespace reeve::dbd {

// Element i takes the schema from version i to i+1. Never edit one that has been released: append.
std::span<const char* const> Migrations();

}  // namespace reeve::dbd
