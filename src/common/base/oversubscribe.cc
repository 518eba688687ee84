#include "common/base/oversubscribe.h"

#include "common/base/config_values.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {

absl::StatusOr<OverSubscribeRule> ParseOverSubscribe(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  OverSubscribeRule rule;
  if (EqualsIgnoreCase(text, "NO")) return rule;
  if (EqualsIgnoreCase(text, "EXCLUSIVE")) {
    rule.kind = OverSubscribe::kExclusive;
    return rule;
  }
  if (EqualsIgnoreCase(word, "YES")) {
    rule.kind = OverSubscribe::kYes;
  } else if (EqualsIgnoreCase(word, "FORCE")) {
    rule.kind = OverSubscribe::kForce;
  } else {
    return Refused(text, "is none of NO, EXCLUSIVE, YES[:jobs], FORCE[:jobs]");
  }
  if (colon == text.npos) return rule;
  absl::StatusOr<uint64_t> jobs = ParseUint(text.substr(colon + 1), "number of jobs", 32767);
  if (!jobs.ok() || *jobs == 0) return Refused(text, "has no number of jobs after ':'");
  rule.jobs = static_cast<uint32_t>(*jobs);
  return rule;
}

std::string OverSubscribeText(const OverSubscribeRule& rule) {
  switch (rule.kind) {
    case OverSubscribe::kNo:
      return "NO";
    case OverSubscribe::kExclusive:
      return "EXCLUSIVE";
    case OverSubscribe::kYes:
      return StrCat("YES:", rule.jobs);
    case OverSubscribe::kForce:
      return StrCat("FORCE:", rule.jobs);
  }
  return "NO";
}

}  // namespace reeve
