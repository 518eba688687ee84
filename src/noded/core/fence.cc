#include "noded/core/fence.h"

#include <algorithm>
#include <utility>

namespace reeve::noded {
namespace {

constexpr size_t kEarlyCost = 256;  // of an entry that waits early, beside its data

void Append(FenceEffects more, FenceEffects* effects) {
  for (FenceEffect& effect : more) effects->push_back(std::move(effect));
}

const std::shared_ptr<const std::string>& Nothing() {
  static const auto* const nothing =
      new std::shared_ptr<const std::string>(std::make_shared<const std::string>());
  return *nothing;
}

}  // namespace

void FenceTable::PlaceInTree(const std::vector<uint32_t>& nodes, Fence* fence) const {
  const auto found = std::lower_bound(nodes.begin(), nodes.end(), self_);
  const uint64_t place = static_cast<uint64_t>(found - nodes.begin());
  if (place > 0) fence->above = nodes[(place - 1) / options_.fan_out];
  std::map<uint32_t, Child> early = std::exchange(fence->below, {});
  for (uint64_t i = 1; i <= options_.fan_out; ++i) {
    const uint64_t below = place * options_.fan_out + i;
    if (below >= nodes.size()) break;
    const auto known = early.find(nodes[below]);
    fence->below[nodes[below]] = known == early.end() ? Child() : std::move(known->second);
  }
}

FenceEffects FenceTable::Enter(uint64_t call, const std::string& ranks, std::vector<uint32_t> nodes,
                               std::string data) {
  const auto fence = fences_.try_emplace({ranks, counts_[ranks]++}).first;
  Fence& entered = fence->second;
  for (const auto& [node, child] : entered.below) early_bytes_ -= child.data.size() + kEarlyCost;
  entered.entered = true;
  entered.call = call;
  entered.data = std::move(data);
  PlaceInTree(nodes, &entered);
  if (entered.failed != 0) return Fail(fence, entered.failed);
  bool reachable = !entered.above.has_value() || !lost_.contains(*entered.above);
  for (const auto& [node, child] : entered.below) reachable &= child.in || !lost_.contains(node);
  if (!reachable) return Fail(fence, options_.unreachable);
  return GoOn(fence);
}

// Kept for Enter. Neither what has ended here nor what cannot be the next.
void FenceTable::Early(uint32_t node, const FenceKey& key, int status, std::string data) {
  const auto count = counts_.find(key.ranks);
  if (key.count != (count == counts_.end() ? 0 : count->second)) return;
  if (early_bytes_ + data.size() + kEarlyCost > 2 * options_.max_bytes) return;
  Fence& fence = fences_[key];
  Child& child = fence.below[node];
  if (status != 0) fence.failed = status;
  if (child.in) return;
  early_bytes_ += data.size() + kEarlyCost;
  child = {true, std::move(data)};
}

FenceEffects FenceTable::FromBelow(uint32_t node, const FenceKey& key, int status,
                                   std::string data) {
  lost_.erase(node);
  const auto fence = fences_.find(key);
  if (fence == fences_.end() || !fence->second.entered) {
    Early(node, key, status, std::move(data));
    return {};
  }
  Fence& at = fence->second;
  const auto child = at.below.find(node);
  if (child == at.below.end() || child->second.in) return {};
  if (status != 0) return Fail(fence, status);
  child->second = {true, std::move(data)};
  return GoOn(fence);
}

FenceEffects FenceTable::GoOn(Fences::iterator fence) {
  Fence& at = fence->second;
  size_t bytes = at.data.size();
  for (const auto& [node, child] : at.below) {
    if (!child.in) return {};
    bytes += child.data.size();
  }
  if (bytes > options_.max_bytes) return Fail(fence, options_.too_much);
  at.data.reserve(bytes);
  for (auto& [node, child] : at.below) at.data += std::exchange(child.data, {});
  auto whole = std::make_shared<const std::string>(std::exchange(at.data, {}));
  if (!at.above.has_value()) return End(fence, 0, std::move(whole), false);
  at.sent_up = true;
  return {FenceSend{*at.above, fence->first, true, 0, std::move(whole)}};
}

FenceEffects FenceTable::FromAbove(uint32_t node, const FenceKey& key, int status,
                                   std::string data) {
  lost_.erase(node);
  const auto fence = fences_.find(key);
  if (fence == fences_.end() || !fence->second.entered) {
    if (status != 0) Early(node, key, status, {});
    return {};
  }
  if (fence->second.above != node) return {};
  if (status != 0) return End(fence, status, Nothing(), false);
  if (!fence->second.sent_up) return {};
  return End(fence, 0, std::make_shared<const std::string>(std::move(data)), false);
}

FenceEffects FenceTable::Fail(Fences::iterator fence, int status) {
  return End(fence, status, Nothing(), true);
}

FenceEffects FenceTable::End(Fences::iterator fence, int status,
                             std::shared_ptr<const std::string> data, bool tell_above) {
  FenceEffects effects;
  const Fence& at = fence->second;
  if (tell_above && at.above.has_value() && !at.sent_up) {
    effects.push_back(FenceSend{*at.above, fence->first, true, status, data});
  }
  for (const auto& [node, child] : at.below) {
    effects.push_back(FenceSend{node, fence->first, false, status, data});
  }
  effects.push_back(FenceOver{at.call, status, std::move(data)});
  fences_.erase(fence);
  return effects;
}

FenceEffects FenceTable::Lost(uint32_t node) {
  lost_.insert(node);
  FenceEffects effects;
  for (auto fence = fences_.begin(); fence != fences_.end();) {
    const auto next = std::next(fence);
    const Fence& at = fence->second;
    const auto child = at.below.find(node);
    const bool needed = at.above == node || (child != at.below.end() && !child->second.in);
    if (at.entered && needed) Append(Fail(fence, options_.unreachable), &effects);
    fence = next;
  }
  return effects;
}

FenceEffects FenceTable::TimeOver(uint64_t call) {
  for (auto fence = fences_.begin(); fence != fences_.end(); ++fence) {
    if (fence->second.entered && fence->second.call == call) {
      return Fail(fence, options_.timed_out);
    }
  }
  return {};
}

}  // namespace reeve::noded
