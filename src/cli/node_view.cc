#include "cli/node_view.h"

#include <iterator>

#include "cli/gres_view.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

struct StateWord {
  std::string_view name;
  std::string_view compact;
};

constexpr StateWord kDraining{"draining", "drng"};
constexpr StateWord kDrained{"drained", "drain"};
constexpr StateWord kFailing{"failing", "failg"};
constexpr StateWord kFail{"fail", "fail"};
constexpr StateWord kCompleting{"completing", "comp"};
constexpr StateWord kMaint{"maint", "maint"};
constexpr StateWord kReserved{"reserved", "resv"};

StateWord BaseWord(pb::NodeState state) {
  switch (state) {
    case pb::NODE_STATE_DOWN:
      return {"down", "down"};
    case pb::NODE_STATE_IDLE:
      return {"idle", "idle"};
    case pb::NODE_STATE_ALLOCATED:
      return {"allocated", "alloc"};
    case pb::NODE_STATE_MIXED:
      return {"mixed", "mix"};
    case pb::NODE_STATE_FUTURE:
      return {"future", "futr"};
    case pb::NODE_STATE_ERROR:
      return {"error", "err"};
    default:
      return {"unknown", "unk"};
  }
}

bool IsBusy(const pb::Node& node) {
  return node.completing() || node.state() == pb::NODE_STATE_ALLOCATED ||
         node.state() == pb::NODE_STATE_MIXED;
}

bool IsReserved(const pb::Node& node) {
  return !node.reservation().empty() && !node.maint();
}

StateWord WordOf(const pb::Node& node) {
  if (node.drain()) return IsBusy(node) ? kDraining : kDrained;
  if (node.fail()) return IsBusy(node) ? kFailing : kFail;
  if (node.completing() && node.state() == pb::NODE_STATE_IDLE) return kCompleting;
  if (node.maint() && node.state() != pb::NODE_STATE_DOWN && !IsBusy(node)) return kMaint;
  if (IsReserved(node) && node.state() == pb::NODE_STATE_IDLE) return kReserved;
  return BaseWord(node.state());
}

std::string_view Suffix(const pb::Node& node) {
  // A node of the future is not expected to answer.
  if (!node.responding() && node.state() != pb::NODE_STATE_FUTURE) return "*";
  return node.completing() && node.state() == pb::NODE_STATE_ALLOCATED && !node.drain() ? "+" : "";
}

// States that Slurm knows and that no node of ours is ever in.
constexpr std::string_view kNeverStates[] = {"blocked",     "cloud",         "npc",
                                             "perfctrs",    "planned",       "power_down",
                                             "power_up",    "powered_down",  "powering_down",
                                             "powering_up", "reboot_issued", "reboot_requested"};

}  // namespace

bool IsDraining(const pb::Node& node) {
  return node.drain() && IsBusy(node);
}

bool IsUnusable(const pb::Node& node) {
  return node.drain() || node.fail() || node.state() == pb::NODE_STATE_DOWN ||
         node.state() == pb::NODE_STATE_UNKNOWN || node.state() == pb::NODE_STATE_FUTURE ||
         node.state() == pb::NODE_STATE_ERROR;
}

std::string NodeStateText(const pb::Node& node) {
  return StrCat(WordOf(node).name, Suffix(node));
}

std::string CompactNodeStateText(const pb::Node& node) {
  return StrCat(WordOf(node).compact, Suffix(node));
}

std::string CompleteNodeStateText(const pb::Node& node) {
  std::string text = ToUpper(BaseWord(node.state()).name);
  if (node.completing()) text += "+COMPLETING";
  if (node.drain()) text += "+DRAIN";
  if (node.fail()) text += "+FAIL";
  if (node.maint()) text += "+MAINTENANCE";
  if (IsReserved(node)) text += "+RESERVED";
  if (!node.responding() && node.state() != pb::NODE_STATE_FUTURE) text += "+NOT_RESPONDING";
  return text;
}

uint32_t NodeStateRank(const pb::Node& node) {
  constexpr uint32_t kRankOfBase[] = {0, 1, 2, 3, 5, 6, 4};  // by pb::NodeState; MIXED above ERROR
  const auto base = static_cast<size_t>(node.state());
  uint32_t rank = base < std::size(kRankOfBase) ? kRankOfBase[base] : 0;
  if (node.drain()) rank |= 0x10;
  if (node.completing()) rank |= 0x20;
  if (!node.responding()) rank |= 0x40;
  if (node.fail()) rank |= 0x80;
  return rank;
}

bool NodeHasState(const pb::Node& node, std::string_view name, bool* known) {
  *known = true;
  const bool plain = !node.drain() && !node.fail();
  auto is = [name](std::string_view a, std::string_view b) {
    return EqualsIgnoreCase(name, a) || EqualsIgnoreCase(name, b);
  };
  if (is("all", "")) return true;
  if (is("alloc", "allocated")) return plain && node.state() == pb::NODE_STATE_ALLOCATED;
  if (is("mix", "mixed")) return plain && node.state() == pb::NODE_STATE_MIXED;
  if (is("idle", "")) {
    return plain && !node.completing() && node.state() == pb::NODE_STATE_IDLE;
  }
  if (is("comp", "completing")) return node.completing();
  if (is("down", "")) return node.state() == pb::NODE_STATE_DOWN;
  if (is("drain", "")) return node.drain();
  if (is("drng", "draining")) return IsDraining(node);
  if (is("drained", "")) return node.drain() && !IsBusy(node);
  if (is("fail", "")) return node.fail();
  if (is("failg", "failing")) return node.fail() && IsBusy(node);
  if (is("futr", "future")) return node.state() == pb::NODE_STATE_FUTURE;
  if (is("unk", "unknown")) return node.state() == pb::NODE_STATE_UNKNOWN;
  if (is("err", "error")) return node.state() == pb::NODE_STATE_ERROR;
  if (is("maint", "")) return node.maint();
  if (is("resv", "reserved")) return IsReserved(node);
  if (is("no_respond", "not_responding")) return !node.responding();
  for (std::string_view never : kNeverStates) {
    if (EqualsIgnoreCase(name, never)) return false;
  }
  *known = false;
  return false;
}

std::string NodeConfiguredTres(const pb::Node& node) {
  return StrCat("cpu=", node.cpus(), ",mem=", FormatMemoryMb(node.real_memory_mb()),
                ",billing=", node.cpus(), GresTres(node.gres()));
}

std::string NodeAllocatedTres(const pb::Node& node) {
  if (node.alloc_cpus() == 0) return "";
  std::string tres = StrCat("cpu=", node.alloc_cpus());
  if (node.alloc_mem_mb() != 0) StrAppend(&tres, ",mem=", FormatMemoryMb(node.alloc_mem_mb()));
  return tres + GresTres(node.gres_used());
}

std::string PartitionTres(const pb::Partition& partition) {
  return StrCat("cpu=", partition.total_cpus(), ",mem=", FormatMemoryMb(partition.total_mem_mb()),
                ",node=", partition.total_nodes(), ",billing=", partition.total_cpus());
}

}  // namespace reeve::cli
