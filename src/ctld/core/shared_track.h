// What a track shows where jobs share CPUs (sharing.h). Of a running job it is known which CPUs it
// has, of a planned one how many it will have. Those of one group are taken to be laid over each
// other as closely as can be:
//
//   CPUs that a group needs = those its running jobs have, all together
//                           + as many as its planned jobs need beyond what is not full of those
//
// and a job of the group may have what is not full and what nobody needs.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

// The free room as time goes on for a job that shares like that, beside what runs and those holds;
// nothing but the holds counts while it is closed. Below zero: they do not fit. Where the viewer's
// `most` is 0 its own group's holds do not count: what it may have beside the CPUs of the group's
// running jobs.
void AppendShared(const Room& all, absl::Span<const Track::Use> running,
                  absl::Span<const Interval> closed, absl::Span<const Track::Hold> holds,
                  const Sharing& viewer, Curve& out);

}  // namespace reeve::ctld
