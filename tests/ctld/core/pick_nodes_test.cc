// On few nodes, against trying every set of them: nodes are chosen when there are some that will
// do, and then as few as there can be.
#include "ctld/core/pick_nodes.h"

#include <algorithm>
#include <bit>

#include "gtest/gtest.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

constexpr const char* kFeatures[] = {
    "",        "a",         "a|b",           "a*1",           "b&a*2",
    "a*1&b*2", "[a*1&b*1]", "[a*2&(b|c)*1]", "[a*1&b*1&c*1]", "[a|b]",
    "[a|b&c]", "c&[a|b]"};

struct Case {
  std::vector<Node> nodes;
  std::vector<Offer> offers;
  Shape shape;
  Terms terms;
};

void Fill(Case& c, Random& random) {
  const uint32_t count = 1 + random(6);
  for (uint32_t i = 0; i < count; ++i) {
    Node& node = c.nodes.emplace_back();
    node.name = "n" + std::to_string(i);
    node.order = i + (random(3) == 0 ? 100 : 0);  // some are missing from their row
    node.cpus = 4;
    node.weight = 1 + random(2);
    for (const char* feature : {"a", "b", "c"}) {
      if (random(2)) node.features.push_back(feature);
    }
  }
  c.shape.features = *ParseFeatures(kFeatures[random(std::size(kFeatures))]);
  c.shape.has_features = true;
  c.shape.contiguous = random(2) == 0;
  c.shape.min_nodes = std::max(1 + random(count), c.shape.features.LeastNodes());
  c.shape.max_nodes = random(2) ? c.shape.min_nodes + random(3) : UINT32_MAX;
  c.shape.tasks_given = random(2) == 0;
  c.shape.num_tasks = c.shape.tasks_given ? 1 + random(12) : c.shape.min_nodes;
  if (random(4) == 0) c.shape.req_nodes.push_back(c.nodes[random(count)].name);
  c.terms = MakeTerms(c.shape, Partition(), Settings());
  c.terms.consume_memory = c.terms.whole_cores = false;
  c.terms.least_loaded = random(4) == 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Offer offer{i, &c.nodes[i], random(5), 1000, {}};
    if (NodeFits(c.shape, c.nodes[i])) c.offers.push_back(offer);
  }
}

// Each count is filled by nodes of its own.
bool Assigned(const FeatureExpr& features, std::vector<const Node*> nodes, size_t group,
              uint32_t filled) {
  if (group == features.groups.size()) return true;
  if (filled == features.groups[group].count) return Assigned(features, nodes, group + 1, 0);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!Matches(features.groups[group].terms, *nodes[i])) continue;
    std::vector<const Node*> others = nodes;
    others.erase(others.begin() + static_cast<ptrdiff_t>(i));
    if (Assigned(features, others, group, filled + 1)) return true;
  }
  return false;
}

bool Will(const Case& c, uint32_t set) {
  std::vector<const Node*> nodes;
  uint32_t tasks = 0;
  for (size_t i = 0; i < c.offers.size(); ++i) {
    if ((set >> i & 1) == 0) continue;
    if (c.offers[i].cpus == 0) return false;
    nodes.push_back(c.offers[i].node);
    tasks += c.offers[i].cpus;
  }
  if (nodes.size() < c.shape.min_nodes || nodes.size() > c.shape.max_nodes) return false;
  if (tasks < c.shape.num_tasks) return false;
  for (const std::string& name : c.shape.req_nodes) {
    if (std::none_of(nodes.begin(), nodes.end(), [&](auto* n) { return n->name == name; })) {
      return false;
    }
  }
  std::vector<uint32_t> order;
  for (const Node* node : nodes) order.push_back(node->order);
  std::sort(order.begin(), order.end());
  if (c.shape.contiguous && order.back() - order.front() + 1 != order.size()) return false;
  const FeatureExpr& features = c.shape.features;
  if (!features.one_of) return Assigned(features, nodes, 0, 0);
  return std::any_of(features.groups.begin(), features.groups.end(), [&](const auto& group) {
    return std::all_of(nodes.begin(), nodes.end(),
                       [&](const Node* node) { return Matches(group.terms, *node); });
  });
}

uint32_t SetOf(const Case& c, const Placement& placement) {
  uint32_t set = 0;
  for (const Placement::Part& part : placement.parts) {
    for (size_t i = 0; i < c.offers.size(); ++i) {
      if (c.offers[i].index == part.index) set |= 1u << i;
    }
  }
  return set;
}

uint32_t WeightOf(const Case& c, uint32_t set) {
  uint32_t weight = 0;
  for (size_t i = 0; i < c.offers.size(); ++i) {
    if ((set >> i & 1) != 0) weight += c.offers[i].node->weight;
  }
  return weight;
}

TEST(PickNodes, SomeAreChosenWhenThereAreSomeAndNoFewerWouldDo) {
  int chosen = 0, none = 0;
  for (uint32_t seed = 1; seed <= 30'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Case c;
    Fill(c, random);
    c.terms.fewest_nodes = true;
    std::optional<uint32_t> best;
    for (uint32_t set = 1; set < 1u << c.offers.size(); ++set) {
      if (!Will(c, set)) continue;
      if (!best.has_value() || std::pair(std::popcount(set), WeightOf(c, set)) <
                                   std::pair(std::popcount(*best), WeightOf(c, *best))) {
        best = set;
      }
    }
    const std::optional<Placement> placement = SelectNodes(c.terms, c.offers);
    ASSERT_EQ(placement.has_value(), best.has_value());
    (best.has_value() ? chosen : none)++;
    if (!best.has_value()) continue;
    const uint32_t set = SetOf(c, *placement);
    ASSERT_TRUE(Will(c, set)) << "chose " << set << ", " << *best << " would do";
    ASSERT_EQ(std::popcount(set), std::popcount(*best));
    // Of rows the lightest; so it is of single nodes.
    if (c.shape.contiguous || std::popcount(set) == 1) {
      ASSERT_EQ(WeightOf(c, set), WeightOf(c, *best));
    }
  }
  EXPECT_GT(chosen, 5000);
  EXPECT_GT(none, 5000);
}

// Of a range or a list as many nodes as there are, but none without a task.
TEST(PickNodes, AnElasticJobGetsTheMost) {
  int more = 0, listed = 0;
  for (uint32_t seed = 1; seed <= 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Case c;
    Fill(c, random);
    c.shape.tasks_given = true;
    c.shape.max_nodes = c.terms.max_nodes = c.shape.min_nodes + random(4);
    if (random(2) == 0) {
      for (uint32_t i = c.shape.min_nodes; i <= c.shape.max_nodes; ++i) {
        if (random(2) == 0) c.shape.node_counts.Insert(i);
      }
      if (c.shape.node_counts.empty()) continue;
      c.shape.min_nodes = *c.shape.node_counts.min();
      c.shape.max_nodes = c.terms.max_nodes = *c.shape.node_counts.max();
    }
    if (!c.shape.IsElastic()) continue;
    const uint32_t bound = std::max(c.shape.num_tasks, c.shape.min_nodes);
    uint32_t most = 0, hollow = UINT32_MAX;
    for (uint32_t set = 1; set < 1u << c.offers.size(); ++set) {
      const auto count = static_cast<uint32_t>(std::popcount(set));
      if (!c.shape.node_counts.empty() && !c.shape.node_counts.Contains(count)) continue;
      if (!Will(c, set)) continue;
      if (count <= bound) most = std::max(most, count);
      if (count > bound) hollow = std::min(hollow, count);
    }
    if (most == 0 && hollow < UINT32_MAX) most = hollow;
    const std::optional<Placement> placement = SelectNodes(c.terms, c.offers);
    ASSERT_EQ(placement.has_value() ? placement->parts.size() : 0, most);
    if (!placement.has_value()) continue;
    ASSERT_TRUE(Will(c, SetOf(c, *placement)));
    more += most > c.shape.min_nodes;
    listed += !c.shape.node_counts.empty();
  }
  EXPECT_GT(more, 100);
  EXPECT_GT(listed, 300);
}

// Nodes get room and lose it one after another: it never says no to what could be chosen.
TEST(Gathering, SaysNoOnlyWhereNothingCanBeChosen) {
  int no = 0, yes = 0;
  for (uint32_t seed = 1; seed <= 5000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Case c;
    Fill(c, random);
    Gathering gathering(c.terms);
    std::vector<const Node*> nodes;
    std::vector<NodeIndex> indices;
    for (Offer& offer : c.offers) {
      offer.cpus = 0;
      nodes.push_back(offer.node);
      indices.push_back(offer.index);
    }
    gathering.Expect(nodes, indices);
    for (int step = 0; step < 20 && !c.offers.empty(); ++step) {
      const uint32_t i = random(static_cast<uint32_t>(c.offers.size()));
      const uint32_t before = TaskCapacity(c.terms, c.offers[i]);
      c.offers[i].cpus = random(5);
      gathering.Change(i, before, TaskCapacity(c.terms, c.offers[i]));
      if (random(3) == 0) continue;
      const bool may = gathering.MaySuffice();
      const bool can = SelectNodes(c.terms, c.offers).has_value();
      (may ? yes : no)++;
      ASSERT_TRUE(may || !can);
      if (can) break;
    }
  }
  EXPECT_GT(no, 1000);
  EXPECT_GT(yes, 1000);
}

TEST(PickNodes, TheLeastLoadedComeFirstOfThoseOfOneWeight) {
  std::vector<Node> nodes(4);
  std::vector<Offer> offers;
  const uint32_t free[] = {2, 4, 3, 8};
  for (uint32_t i = 0; i < 4; ++i) {
    nodes[i].name = "n" + std::to_string(i);
    nodes[i].order = i;
    nodes[i].cpus = 8;
    nodes[i].weight = i == 3 ? 2 : 1;
    offers.push_back({i, &nodes[i], free[i], 1000, {}});
  }
  Shape shape;
  Settings settings;
  settings.select.memory = settings.select.core = false;
  const auto chosen = [&](const Partition& partition) {
    std::vector<NodeIndex> found;
    const Terms terms = MakeTerms(shape, partition, settings);
    const Placement placement = SelectNodes(terms, offers).value_or(Placement());
    for (const Placement::Part& part : placement.parts) found.push_back(part.index);
    return found;
  };
  Partition least_loaded;
  least_loaded.least_loaded = true;
  EXPECT_EQ(chosen(Partition()), std::vector<NodeIndex>{0}) << "the one with the least to spare";
  EXPECT_EQ(chosen(least_loaded), std::vector<NodeIndex>{1});
  shape.min_nodes = shape.num_tasks = 2;
  EXPECT_EQ(chosen(Partition()), (std::vector<NodeIndex>{0, 1}));
  EXPECT_EQ(chosen(least_loaded), (std::vector<NodeIndex>{1, 2}));
  settings.select.lln = true;
  EXPECT_EQ(chosen(Partition()), (std::vector<NodeIndex>{1, 2}));
}

}  // namespace
}  // namespace reeve::ctld
