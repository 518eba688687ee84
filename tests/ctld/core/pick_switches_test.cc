// On few nodes, against trying every set of them: the lightest nodes, below the lowest switch, on
// the fewest leaves; never on more than asked for, and never on two trees.
#include "ctld/core/pick_switches.h"

#include <algorithm>
#include <set>

#include "tests/ctld/core/random.h"
#include "tests/ctld/core/tree.h"

namespace reeve::ctld {
namespace {

struct Case {
  std::vector<Node> nodes;
  std::vector<Offer> offers;
  Shape shape;
  Terms terms;
};

// Up to four leaves, below two switches or one, or in two trees.
std::shared_ptr<const Topology> DrawTree(const std::vector<Node>& nodes, Random& random) {
  std::vector<std::string> names;
  std::vector<std::string> of_leaf(1 + random(4));
  for (const Node& node : nodes) {
    names.push_back(node.name);
    std::string& leaf = of_leaf[random(static_cast<uint32_t>(of_leaf.size()))];
    leaf += (leaf.empty() ? "" : ",") + node.name;
  }
  std::string text, left, right;
  for (size_t i = 0; i < of_leaf.size(); ++i) {
    if (of_leaf[i].empty()) continue;
    const std::string name = "s" + std::to_string(i);
    text += "SwitchName=" + name + " Nodes=" + of_leaf[i] + "\n";
    std::string& above = random(2) ? left : right;
    above += (above.empty() ? "" : ",") + name;
  }
  if (!left.empty()) text += "SwitchName=left Switches=" + left + "\n";
  if (!right.empty()) text += "SwitchName=right Switches=" + right + "\n";
  const bool both = !left.empty() && !right.empty();
  if (both && random(3) > 0) text += "SwitchName=top Switches=left,right\n";
  return MakeTree(names, text);
}

void Fill(Case& c, Random& random) {
  const uint32_t count = 1 + random(7);
  for (uint32_t i = 0; i < count; ++i) {
    Node& node = c.nodes.emplace_back();
    node.name = "n" + std::to_string(i);
    node.order = i;
    node.cpus = 4;
    node.weight = 1 + random(2);
  }
  c.shape.contiguous = random(5) == 0;
  c.shape.min_nodes = 1 + random(count);
  c.shape.max_nodes = random(2) ? c.shape.min_nodes + random(3) : UINT32_MAX;
  c.shape.tasks_given = random(2) == 0;
  c.shape.num_tasks = c.shape.tasks_given ? 1 + random(14) : c.shape.min_nodes;
  c.shape.max_switches = random(4);
  if (random(4) == 0) c.shape.req_nodes.push_back(c.nodes[random(count)].name);
  Settings settings;
  settings.topology = DrawTree(c.nodes, random);
  settings.select.memory = settings.select.core = false;
  c.terms = MakeTerms(c.shape, Partition(), settings);
  for (uint32_t i = 0; i < count; ++i) c.offers.push_back({i, &c.nodes[i], random(5), 1000, {}});
}

struct Seen {
  uint32_t nodes = 0;
  uint32_t tasks = 0;
  uint32_t heaviest = 0;  // of those not required
  uint32_t level = 0;     // of the lowest switch above all
  uint32_t leaves = 0;
};

// What a set of offers is for the job; nullopt: it will not do.
std::optional<Seen> See(const Case& c, uint32_t set) {
  const Topology& tree = *c.terms.topology;
  Seen seen;
  std::set<LeafIndex> leaves;
  std::vector<uint32_t> places;
  size_t required = 0;
  for (uint32_t i = 0; i < c.offers.size(); ++i) {
    if ((set >> i & 1) == 0) continue;
    if (c.offers[i].cpus == 0) return std::nullopt;
    const Node& node = *c.offers[i].node;
    const bool is_required = !c.shape.req_nodes.empty() && c.shape.req_nodes[0] == node.name;
    required += is_required;
    if (!is_required) seen.heaviest = std::max(seen.heaviest, node.weight);
    seen.nodes++;
    seen.tasks += c.offers[i].cpus;
    leaves.insert(tree.LeafOf(i));
    places.push_back(i);
  }
  seen.leaves = static_cast<uint32_t>(leaves.size());
  if (seen.nodes < c.shape.min_nodes || seen.nodes > c.shape.max_nodes) return std::nullopt;
  if (seen.tasks < c.shape.num_tasks || required < c.shape.req_nodes.size()) return std::nullopt;
  if (c.shape.max_switches > 0 && seen.leaves > c.shape.max_switches) return std::nullopt;
  if (c.shape.contiguous && places.back() - places.front() + 1 != places.size()) {
    return std::nullopt;
  }
  for (const Topology::Switch& each : tree.switches()) {
    if (each.first <= *leaves.begin() && *leaves.rbegin() < each.end) {
      seen.level = each.level;
      return seen;
    }
  }
  return std::nullopt;  // no switch is above them all
}

TEST(PickSwitches, AreTheFewestBelowTheLowest) {
  int many = 0, none = 0;
  for (uint32_t seed = 1; seed <= 30'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Case c;
    Fill(c, random);
    c.terms.fewest_nodes = true;
    std::optional<Seen> best;
    const auto key = [&](const Seen& seen) {
      // A row has as few leaves as there can be, wherever the switches are.
      return c.shape.contiguous ? std::tuple(0u, 0u, seen.leaves)
                                : std::tuple(seen.heaviest, seen.level, seen.leaves);
    };
    for (uint32_t set = 1; set < 1u << c.offers.size(); ++set) {
      const std::optional<Seen> seen = See(c, set);
      if (seen.has_value() && (!best.has_value() || key(*seen) < key(*best))) best = seen;
    }
    const std::optional<Placement> placement = SelectNodes(c.terms, c.offers);
    ASSERT_EQ(placement.has_value(), best.has_value());
    if (!best.has_value()) {
      none++;
      continue;
    }
    uint32_t set = 0;
    for (const Placement::Part& part : placement->parts) set |= 1u << part.index;
    const std::optional<Seen> chosen = See(c, set);
    ASSERT_TRUE(chosen.has_value()) << "chose " << set;
    many += chosen->leaves > 1;
    // One node is one leaf, and comes before anything else.
    if (chosen->nodes > 1) {
      ASSERT_EQ(key(*chosen), key(*best));
    }
  }
  EXPECT_GT(many, 2000);
  EXPECT_GT(none, 2000);
}

TEST(PickSwitches, OneLeafIsTheOneThatJustSuffices) {
  std::vector<Node> nodes(9);
  std::vector<Offer> offers;
  std::vector<std::string> names;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    nodes[i].name = "n" + std::to_string(i);
    nodes[i].order = i;
    nodes[i].cpus = 1;
    names.push_back(nodes[i].name);
    offers.push_back({i, &nodes[i], 1, 1000, {}});
  }
  Settings settings;
  settings.topology = MakeTree(names,
                               "SwitchName=s0 Nodes=n[0-3]\nSwitchName=s1 Nodes=n[4-5]\n"
                               "SwitchName=s2 Nodes=n[6-8]\nSwitchName=top Switches=s[0-2]\n");
  settings.select.memory = settings.select.core = false;
  const auto chosen = [&](uint32_t count) {
    Shape shape;
    shape.min_nodes = shape.num_tasks = count;
    std::vector<NodeIndex> found;
    const Terms terms = MakeTerms(shape, Partition(), settings);
    const Placement placement = SelectNodes(terms, offers).value_or(Placement());
    for (const Placement::Part& part : placement.parts) found.push_back(part.index);
    return found;
  };
  EXPECT_EQ(chosen(2), (std::vector<NodeIndex>{4, 5}));
  EXPECT_EQ(chosen(3), (std::vector<NodeIndex>{6, 7, 8}));
  EXPECT_EQ(chosen(4), (std::vector<NodeIndex>{0, 1, 2, 3}));
  // The largest, and with it the smallest that makes it enough.
  EXPECT_EQ(chosen(5), (std::vector<NodeIndex>{0, 1, 2, 3, 4}));
  EXPECT_EQ(chosen(7), (std::vector<NodeIndex>{0, 1, 2, 3, 6, 7, 8}));
  // Lighter nodes come first, though they are on more switches.
  for (uint32_t i : {0u, 4u, 6u}) nodes[i].weight = 0;
  EXPECT_EQ(chosen(3), (std::vector<NodeIndex>{0, 4, 6}));
}

// Nodes get room and lose it one after another: it never says no to what could be chosen.
TEST(PickSwitches, GatheringSaysNoOnlyWhereNothingCanBeChosen) {
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
    for (int step = 0; step < 20; ++step) {
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

// On as many leaves as a large cluster has, some of them nearly full: the effort has a bound.
TEST(PickSwitches, OfALargeClusterAreFoundSoon) {
  constexpr uint32_t kLeaves = 300, kOnLeaf = 32;
  std::vector<Node> nodes(kLeaves * kOnLeaf);
  std::vector<std::string> names;
  std::string text, all;
  std::vector<Offer> offers;
  Random random(7);
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    nodes[i].name = "n" + std::to_string(i);
    nodes[i].order = i;
    nodes[i].cpus = 64;
    names.push_back(nodes[i].name);
    offers.push_back({i, &nodes[i], random(65), 1000, {}});
  }
  for (uint32_t i = 0; i < kLeaves; ++i) {
    text += "SwitchName=s" + std::to_string(i) + " Nodes=n[" + std::to_string(i * kOnLeaf) + "-" +
            std::to_string((i + 1) * kOnLeaf - 1) + "]\n";
  }
  text += "SwitchName=top Switches=s[0-" + std::to_string(kLeaves - 1) + "]\n";
  Settings settings;
  settings.topology = MakeTree(names, text);
  settings.select.memory = settings.select.core = false;
  const auto leaves = [&](uint32_t least, uint32_t most, uint32_t tasks) {
    Shape shape;
    shape.min_nodes = least;
    shape.max_nodes = most;
    shape.num_tasks = tasks;
    shape.tasks_given = true;
    const Terms terms = MakeTerms(shape, Partition(), settings);
    std::set<LeafIndex> found;
    const Placement placement = SelectNodes(terms, offers).value_or(Placement());
    for (const Placement::Part& part : placement.parts) {
      found.insert(settings.topology->LeafOf(part.index));
    }
    return found.size();
  };
  EXPECT_EQ(leaves(20, UINT32_MAX, 20), 1u);
  EXPECT_EQ(leaves(64, UINT32_MAX, 64), 2u);  // those two of which each node has a CPU left
  EXPECT_GT(leaves(9000, UINT32_MAX, 9000), 280u);
  // As few nodes as that have so many tasks only together.
  EXPECT_GE(leaves(100, 100, 6395), 2u);
  EXPECT_EQ(leaves(2, 2, 129), 0u);
}

}  // namespace
}  // namespace reeve::ctld
