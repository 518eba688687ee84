// Reservations as scontrol show reservation and sinfo -T print them.
#pragma once

#include <string>
#include <vector>

#include "reeve/v1/types.pb.h"

namespace reeve::cli {

// One record, ended by an empty line (one_line: one line).
std::string ShowReservationText(const v1::Reservation& reservation, int64_t now, bool one_line);
// sinfo -T: a table with a header when `header`.
std::string ReservationTable(const std::vector<v1::Reservation>& reservations, int64_t now,
                             bool header);

}  // namespace reeve::cli
