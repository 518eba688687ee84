// Chooses nodes for several components out of what each node has to offer, so that no node is in
// two of them. Knows nothing about time, as select_nodes.h.
#pragma once

#include <optional>
#include <vector>

#include "ctld/core/select_nodes.h"

namespace reeve::ctld {

struct ComponentOffers {
  const Terms* terms = nullptr;
  std::vector<Offer> offers;
};

// A placement for each, or nullopt. The one with the fewest nodes to choose from chooses first;
// when that leaves somebody with none, they choose in other orders: in all of them when they are
// four or fewer, which finds a way if there is one for components of a node each.
std::optional<std::vector<Placement>> SelectTogether(
    const std::vector<ComponentOffers>& components);

}  // namespace reeve::ctld
