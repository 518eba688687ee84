// The -C grammar that is supported: names joined by "&" (and) and "|" (or), "&" binding tighter.
// Counts ("a*2") and brackets are refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ctld/core/node.h"

namespace reeve::ctld {

struct FeatureExpr {
  std::vector<std::vector<std::string>> alternatives;  // or of ands; empty: everything matches
  bool Matches(const Node& node) const;
};

absl::StatusOr<FeatureExpr> ParseFeatures(std::string_view text);

}  // namespace reeve::ctld
