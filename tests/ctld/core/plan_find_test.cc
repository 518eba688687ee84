// What Plan::Find makes of a choice of nodes.
#include <numeric>

#include "ctld/core/cluster_state.h"
#include "ctld/core/plan.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

class PlanFind : public ::testing::Test {
 protected:
  // An hour's job of that many tasks, from now on.
  std::optional<Plan::Start> Find(uint32_t tasks, size_t choice) {
    const JobSpec spec = *Spec().Tasks(tasks).Minutes(60).Make();
    shape_ = *MakeShape(spec, *spec.time_limit);
    const State& state = c_.controller->state();
    const Terms terms = MakeTerms(shape_, state.partitions[0].facts, state.settings);
    std::vector<NodeIndex> nodes(state.nodes.size());
    std::iota(nodes.begin(), nodes.end(), 0);
    auto& plan = const_cast<Plan&>(state.plan);  // it only looks
    return plan.Find(state, terms, nodes, kLastRank, {.from = ToInstant(c_.now), .choice = choice});
  }

  Cluster c_{8, 4};
  Shape shape_;
};

// One task of it would fit on any node, all of them only on several.
TEST_F(PlanFind, AChoiceIsOfNodesThatTakeAllOfIt) {
  const std::optional<Plan::Start> start = Find(20, 2);
  ASSERT_TRUE(start.has_value());
  EXPECT_EQ(start->at, ToInstant(c_.now));
  EXPECT_EQ(start->placement.parts.size(), 5u);
}

TEST_F(PlanFind, OfAChoiceTheTightestIsTaken) {
  const JobId fills = c_.Submit(Spec().Tasks(3).Minutes(120).On("n3"));
  ASSERT_TRUE(c_.Get(fills).Running());
  const auto node = [&](size_t choice) { return Find(1, choice)->placement.parts[0].index; };
  EXPECT_EQ(node(SIZE_MAX), 2u) << "of all";
  EXPECT_EQ(node(3), 2u) << "it is the third";
  EXPECT_EQ(node(2), 0u) << "and not among the first two";
}

}  // namespace
}  // namespace reeve::ctld
