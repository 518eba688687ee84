#include "ctld/core/clock_skew.h"

#include "common/base/text.h"

namespace reeve::ctld {

void NoteClock(Context& context, Node& node, absl::Time told) {
  if (!IsSet(told)) return;
  absl::Duration skew = absl::Trunc(told - context.now, absl::Seconds(1));
  if (absl::AbsDuration(skew) < kMaxClockSkew) skew = absl::ZeroDuration();
  const bool had = node.clock_skew != absl::ZeroDuration();
  node.clock_skew = skew;
  if (had == (skew != absl::ZeroDuration())) return;
  if (had) {
    return context.Log(LogLevel::kInfo, StrCat("node ", node.name, ": its clock is right again"));
  }
  context.Log(
      LogLevel::kWarning,
      StrCat("node ", node.name, ": its clock is ", absl::ToInt64Seconds(absl::AbsDuration(skew)),
             " s ", skew > absl::ZeroDuration() ? "ahead of" : "behind", " this one"));
}

}  // namespace reeve::ctld
