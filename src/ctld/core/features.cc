#include "ctld/core/features.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/errors.h"

namespace reeve::ctld {

bool FeatureExpr::Matches(const Node& node) const {
  if (alternatives.empty()) return true;
  return std::any_of(alternatives.begin(), alternatives.end(), [&](const auto& all) {
    return std::all_of(all.begin(), all.end(),
                       [&](const std::string& name) { return node.HasFeature(name); });
  });
}

absl::StatusOr<FeatureExpr> ParseFeatures(std::string_view text) {
  FeatureExpr expr;
  if (text.empty()) return expr;
  if (text.find_first_of("[]()*") != std::string_view::npos) {
    return Refuse(kInvalidFeature,
                  "counts and brackets in a constraint are not supported: " + std::string(text));
  }
  for (std::string_view part : Split(text, "|")) {
    std::vector<std::string> all;
    for (std::string_view name : Split(part, "&,")) all.emplace_back(name);
    if (std::any_of(all.begin(), all.end(), [](const auto& name) { return name.empty(); })) {
      return Refuse(kInvalidFeature);
    }
    expr.alternatives.push_back(std::move(all));
  }
  return expr;
}

}  // namespace reeve::ctld
