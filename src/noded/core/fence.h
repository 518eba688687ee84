// The bookkeeping of one node's PMIx server for fences over several nodes: what the node's own
// ranks bring and what comes from below goes up a tree, the whole comes down it.
//
// The nodes that take part, ascending, are the tree's places: place p is below (p - 1) / fan-out. A
// fence is known by its ranks and by how many of the same ranks came before it. What children bring
// may be here before this node's own ranks are: then it is kept, for the next fence of those ranks
// only. A fence that fails does so on all nodes that can be told.
//
//   open     own ranks in, all children in -> up (the root: down, over)
//   open     a child or its link lost, too much data, time over -> failed up and down, over
//   sent up  from above -> down, over
//   sent up  the link to above lost, time over -> failed down, over
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace reeve::noded {

struct FenceKey {
  std::string ranks;  // RanksText
  uint64_t count = 0;
  friend auto operator<=>(const FenceKey&, const FenceKey&) = default;
};

// What is to be done. A status is 0 or the caller's error.
struct FenceSend {
  uint32_t node = 0;
  FenceKey key;
  bool up = false;
  int status = 0;
  std::shared_ptr<const std::string> data;
};
struct FenceOver {
  uint64_t call = 0;  // of Enter
  int status = 0;
  std::shared_ptr<const std::string> data;  // of all nodes; empty after an error
};
using FenceEffect = std::variant<FenceSend, FenceOver>;
using FenceEffects = std::vector<FenceEffect>;

class FenceTable {
 public:
  struct Options {
    uint32_t fan_out = 16;
    size_t max_bytes = size_t{64} << 20;  // of one fence; twice as much of all that wait early
    int unreachable = 0;                  // statuses of failures
    int too_much = 0;
    int timed_out = 0;
  };
  FenceTable(uint32_t self, Options options) : self_(self), options_(options) {}

  // All ranks of this node that take part are in. `nodes`: ascending, this one among them.
  FenceEffects Enter(uint64_t call, const std::string& ranks, std::vector<uint32_t> nodes,
                     std::string data);
  FenceEffects FromBelow(uint32_t node, const FenceKey& key, int status, std::string data);
  FenceEffects FromAbove(uint32_t node, const FenceKey& key, int status, std::string data);
  // Nothing comes from there any more, and what is sent there is lost.
  FenceEffects Lost(uint32_t node);
  FenceEffects TimeOver(uint64_t call);

 private:
  struct Child {
    bool in = false;
    std::string data;
  };
  struct Fence {
    bool entered = false;
    uint64_t call = 0;
    std::optional<uint32_t> above;
    std::map<uint32_t, Child> below;
    std::string data;  // of this node; once all is in, of its whole tree
    bool sent_up = false;
    int failed = 0;  // the error of a neighbour that came early
  };
  using Fences = std::map<FenceKey, Fence>;
  void Early(uint32_t node, const FenceKey& key, int status, std::string data);
  void PlaceInTree(const std::vector<uint32_t>& nodes, Fence* fence) const;
  FenceEffects GoOn(Fences::iterator fence);
  FenceEffects End(Fences::iterator fence, int status, std::shared_ptr<const std::string> data,
                   bool tell_above);
  FenceEffects Fail(Fences::iterator fence, int status);

  const uint32_t self_;
  const Options options_;
  Fences fences_;
  std::map<std::string, uint64_t> counts_;  // of each set of ranks: fences entered
  std::set<uint32_t> lost_;
  size_t early_bytes_ = 0;
};

}  // namespace reeve::noded
