#include "ctld/core/node_gres.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::ctld {
namespace {

CpuSet IdsOf(const NodeGres::Item& item) {
  CpuSet ids;
  for (uint32_t i = 0; i < item.count; ++i) ids.Add(item.first + i);
  return ids;
}

CpuSet InBoth(const CpuSet& a, const CpuSet& b) {
  CpuSet outside = a;
  outside.RemoveAll(b);
  CpuSet both = a;
  both.RemoveAll(outside);
  return both;
}

}  // namespace

NodeGres::NodeGres(const std::string& text, std::vector<GresKind>& kinds) {
  const absl::StatusOr<std::vector<Gres>> list = ParseGres(text);
  if (!list.ok()) return;
  for (const Gres& gres : *list) {
    if (gres.count == 0) continue;
    const GresKind kind{gres.name, gres.type};
    auto found = std::find(kinds.begin(), kinds.end(), kind);
    if (found == kinds.end()) {
      if (kinds.size() == kMaxGresKinds) continue;
      found = kinds.insert(kinds.end(), kind);
    }
    Item item{gres.name, gres.type, static_cast<size_t>(found - kinds.begin()), 0, gres.count, {}};
    for (const Item& before : items_) {
      if (before.name == item.name) item.first = before.first + before.count;
    }
    kinds_ |= static_cast<uint8_t>(1u << item.kind);
    all_.of[item.kind] = static_cast<int16_t>(item.count);
    items_.push_back(std::move(item));
  }
  free_ = all_;
}

bool NodeGres::Has(std::string_view name) const {
  return std::any_of(items_.begin(), items_.end(),
                     [&](const Item& item) { return item.name == name; });
}

std::vector<GresShare> NodeGres::Pick(const GresCounts& counts) const {
  std::vector<GresShare> picked;
  for (const Item& item : items_) {
    GresShare share{item.name, item.type, {}};
    uint32_t left = static_cast<uint32_t>(std::max<int16_t>(counts.of[item.kind], 0));
    for (uint32_t id = item.first; id < item.first + item.count && left > 0; ++id) {
      if (item.busy.Contains(id)) continue;
      share.ids.Add(id);
      left--;
    }
    if (!share.ids.Empty()) picked.push_back(std::move(share));
  }
  return picked;
}

bool NodeGres::Take(const std::vector<GresShare>& shares) {
  bool good = true;
  for (const GresShare& share : shares) {
    CpuSet left = share.ids;
    for (Item& item : items_) {
      if (item.name != share.name) continue;
      const CpuSet here = InBoth(share.ids, IdsOf(item));
      good = good && !item.busy.Intersects(here);
      item.busy.AddAll(here);
      left.RemoveAll(here);
    }
    good = good && left.Empty();
  }
  CountFree();
  return good;
}

void NodeGres::GiveBack(const std::vector<GresShare>& shares) {
  for (const GresShare& share : shares) {
    for (Item& item : items_) {
      if (item.name == share.name) item.busy.RemoveAll(share.ids);
    }
  }
  CountFree();
}

void NodeGres::CountFree() {
  free_ = all_;
  for (const Item& item : items_) {
    free_.of[item.kind] = static_cast<int16_t>(item.count - item.busy.Count());
  }
}

GresCounts NodeGres::CountsOf(const std::vector<GresShare>& shares) const {
  GresCounts counts;
  for (const GresShare& share : shares) {
    for (const Item& item : items_) {
      if (item.name != share.name) continue;
      counts.of[item.kind] =
          static_cast<int16_t>(counts.of[item.kind] + InBoth(share.ids, IdsOf(item)).Count());
    }
  }
  return counts;
}

std::string NodeGres::UsedText() const {
  std::string text;
  for (const Item& item : items_) {
    const std::string ids = item.busy.ToText();
    StrAppend(&text, text.empty() ? "" : ",", item.name, item.type.empty() ? "" : ":", item.type,
              ":", item.busy.Count(), "(IDX:", ids.empty() ? "N/A" : ids, ")");
  }
  return text;
}

}  // namespace reeve::ctld
