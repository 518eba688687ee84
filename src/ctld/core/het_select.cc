#include "ctld/core/het_select.h"

#include <algorithm>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace reeve::ctld {
namespace {

constexpr int kMostOrders = 24;  // of four components: all

// Offers of nodes that another component names as its own are of no use.
std::vector<ComponentOffers> WithoutClaimed(std::vector<ComponentOffers> components) {
  absl::flat_hash_map<std::string_view, size_t> claims;
  for (size_t i = 0; i < components.size(); ++i) {
    for (const std::string& node : components[i].terms->shape->req_nodes) claims.emplace(node, i);
  }
  if (claims.empty()) return components;
  for (size_t i = 0; i < components.size(); ++i) {
    std::erase_if(components[i].offers, [&](const Offer& offer) {
      const auto claim = claims.find(offer.node->name);
      return claim != claims.end() && claim->second != i;
    });
  }
  return components;
}

// Each in that order chooses from what those before it have left: `choose(terms, offers)`.
template <typename Choose>
std::optional<std::vector<Placement>> InThatOrder(const std::vector<ComponentOffers>& components,
                                                  const std::vector<size_t>& order,
                                                  const Choose& choose) {
  std::vector<Placement> placements(components.size());
  absl::flat_hash_set<NodeIndex> taken;
  for (size_t i : order) {
    std::vector<Offer> offers;
    for (const Offer& offer : components[i].offers) {
      if (!taken.contains(offer.index)) offers.push_back(offer);
    }
    std::optional<Placement> placement = choose(*components[i].terms, offers);
    if (!placement.has_value()) return std::nullopt;
    for (const Placement::Part& part : placement->parts) taken.insert(part.index);
    placements[i] = *std::move(placement);
  }
  return placements;
}

// Each in that order begins with the nodes that nobody else could use, and takes as few others as
// will do.
std::optional<std::vector<Placement>> Sparing(const std::vector<ComponentOffers>& components,
                                              const std::vector<size_t>& order) {
  absl::flat_hash_map<NodeIndex, size_t> users;
  for (const ComponentOffers& component : components) {
    for (const Offer& offer : component.offers) users[offer.index]++;
  }
  return InThatOrder(components, order, [&](const Terms& terms, std::vector<Offer>& offers) {
    std::stable_sort(offers.begin(), offers.end(), [&](const Offer& a, const Offer& b) {
      return users[a.index] < users[b.index];
    });
    std::optional<Placement> placement = SelectNodes(terms, offers);
    if (!placement.has_value()) return placement;
    for (size_t good = offers.size(), bad = 0; good - bad > 1;) {
      const size_t middle = bad + (good - bad) / 2;
      const std::vector<Offer> first(offers.begin(),
                                     offers.begin() + static_cast<ptrdiff_t>(middle));
      std::optional<Placement> less = SelectNodes(terms, first);
      (less.has_value() ? good : bad) = middle;
      if (less.has_value()) placement = std::move(less);
    }
    return placement;
  });
}

}  // namespace

std::optional<std::vector<Placement>> SelectTogether(const std::vector<ComponentOffers>& all) {
  const std::vector<ComponentOffers> components = WithoutClaimed(all);
  std::vector<size_t> by_choice(components.size());
  std::iota(by_choice.begin(), by_choice.end(), size_t{0});
  std::stable_sort(by_choice.begin(), by_choice.end(), [&](size_t a, size_t b) {
    return components[a].offers.size() < components[b].offers.size();
  });
  for (const ComponentOffers& component : components) {
    if (!SelectNodes(*component.terms, component.offers).has_value()) return std::nullopt;
  }
  std::vector<size_t> turns(components.size());
  std::iota(turns.begin(), turns.end(), size_t{0});
  for (int tried = 0; tried < kMostOrders; ++tried) {
    std::vector<size_t> order;
    for (size_t turn : turns) order.push_back(by_choice[turn]);
    if (auto placements = InThatOrder(components, order, SelectNodes)) return placements;
    if (components.size() <= 4) {
      if (!std::next_permutation(turns.begin(), turns.end())) break;
    } else {
      // Each in turn comes first: those that were left over are among them.
      std::rotate(turns.begin(), turns.end() - 1, turns.end());
    }
  }
  return Sparing(components, by_choice);
}

}  // namespace reeve::ctld
