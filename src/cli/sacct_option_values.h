// The values of sacct's options: from text into what is asked, with Slurm's words when they are
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"
#include "cli/sacct_options.h"

namespace reeve::cli::sacct {

using Fault = std::optional<SacctFault>;
inline constexpr std::nullopt_t kFine = std::nullopt;

Fault Error(std::string_view message);  // "sacct: error: MESSAGE"
Fault Fatal(std::string_view message);  // "sacct: fatal: MESSAGE"

// Comma lists, added to what is there.
Fault AddUsers(std::string_view text, v1::QueryAccountingRequest* request);   // names or uids
Fault AddGroups(std::string_view text, v1::QueryAccountingRequest* request);  // names or gids
Fault AddJobs(std::string_view text, v1::QueryAccountingRequest* request);    // "12,13_[1-4],14.0"
Fault AddStates(std::string_view text, v1::QueryAccountingRequest* request);

Fault SetTime(std::string_view text, absl::Time now, std::optional<int64_t>* seconds);
// "4" is 4-4; "2-8"; "2-" has no upper end.
Fault SetRange(std::string_view text, std::string_view option, std::optional<NumberRange>* range);
Fault SetLimit(std::string_view text, std::optional<uint64_t>* minutes);
Fault SetUnit(std::string_view text, UnitOptions* units);

}  // namespace reeve::cli::sacct
