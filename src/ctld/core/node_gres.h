// The generic resources of one node: which there are, and which of them are given away.
//
//   Gres=gpu:a100:2,gpu:h100:1,nic:2      ids of gpu 0 1 | 2, of nic 0 1
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "ctld/core/gres.h"

namespace reeve::ctld {

class NodeGres {
 public:
  struct Item {
    std::string name;
    std::string type;
    size_t kind = 0;     // its place in GresCounts
    uint32_t first = 0;  // ids of one name go on from item to item
    uint32_t count = 0;
    CpuSet busy;  // ids
  };

  NodeGres() = default;
  // `text` as in Gres=; kinds that `kinds` lacks are added to it. What cannot be read is not there:
  // the configuration has been checked.
  NodeGres(const std::string& text, std::vector<GresKind>& kinds);

  bool empty() const { return items_.empty(); }
  const std::vector<Item>& items() const { return items_; }
  bool Has(std::string_view name) const;
  const GresCounts& all() const { return all_; }
  const GresCounts& free() const { return free_; }  // never below 0
  uint8_t kinds() const { return kinds_; }          // as bits

  // The lowest free ids. Those of `counts` must be free.
  std::vector<GresShare> Pick(const GresCounts& counts) const;
  // False when something of it is not there (any more) or is taken already.
  bool Take(const std::vector<GresShare>& shares);
  void GiveBack(const std::vector<GresShare>& shares);
  // What of the shares is of which kind.
  GresCounts CountsOf(const std::vector<GresShare>& shares) const;
  // "gpu:a100:2(IDX:0-1),nic:0(IDX:N/A)", for all there is.
  std::string UsedText() const;

 private:
  void CountFree();

  std::vector<Item> items_;
  GresCounts all_;
  GresCounts free_;
  uint8_t kinds_ = 0;
};

}  // namespace reeve::ctld
