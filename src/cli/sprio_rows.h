// What sprio prints: a line for each pending job and partition, with what its priority is made of.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/view_field.h"
#include "common/base/config_priority.h"
#include "reeve/v1/types.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

struct SprioRow {
  const pb::Job* job = nullptr;  // null: the row of the weights
  const pb::JobPriority* priority = nullptr;
  const PriorityConfig* weights = nullptr;
};

struct SprioShape {
  bool long_listing = false;
  bool norm = false;     // factors from 0 to 1 rather than points
  bool by_user = false;  // jobs of named users: their names are shown
};

std::span<const ViewField<SprioRow>> SprioFields();

// The format that goes without saying: a column for each weight that is not 0.
std::string SprioFormat(const PriorityConfig& weights, const SprioShape& shape);

// Of these jobs, by partitions when there are some named, sorted by keys of the fields' letters
// ("-y,u"). InvalidArgument for a key that no field has.
absl::StatusOr<std::vector<SprioRow>> SprioRows(const std::vector<pb::Job>& jobs,
                                                const std::vector<std::string>& partitions,
                                                const PriorityConfig& weights,
                                                std::string_view sort);

}  // namespace reeve::cli
