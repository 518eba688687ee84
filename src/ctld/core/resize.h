// A running job gives nodes back: scontrol update NumNodes= and NodeList=. What of its steps is
// there is ended, the rest of it goes on, and others may have the nodes as soon as nothing of it is
// left on them. It cannot get others for them.
//
// The order of its nodes stays. What it asked for stays too: requeued it asks for all of it again.
// As scontrol(1) has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// The nodes that the job would keep, in the order of its allocation: the first so many, or those of
// a hostlist. The errors carry Slurm's words.
absl::StatusOr<std::vector<std::string>> FirstNodes(const Job& job, std::string_view count);
absl::StatusOr<std::vector<std::string>> NamedNodes(const Job& job, std::string_view hostlist);

// May it give nodes back now?
absl::Status CheckResizable(const Job& job);
// `keep`: as they are made above. Of all its nodes: nothing is changed.
void ShrinkTo(Context& context, Job& job, const std::vector<std::string>& keep);

// What it got counts as what was asked for.
void FitToShares(Shape& shape, const Job& job);

}  // namespace reeve::ctld
