#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/base/array_spec.h"
#include "common/base/text.h"
#include "noded/stepd/cgroup.h"

namespace reeve::noded {
namespace {

bool CanCreateIn(const std::string& folder) {
  std::string probe = StrCat(folder, "/reeve");
  if (mkdir(probe.c_str(), 0755) == 0) {
    rmdir(probe.c_str());
    return true;
  }
  return errno == EEXIST && access(probe.c_str(), W_OK) == 0;
}

// This process's own group in a hierarchy: "/system.slice/reevenoded.service" of the line
// "0::..." (v2) or "4:memory:..." (v1).
std::string OwnGroup(std::string_view controller) {
  absl::StatusOr<std::string> text = os::ReadFile("/proc/self/cgroup");
  if (!text.ok()) return "";
  for (std::string_view line : SplitSkipEmpty(*text, "\n")) {
    std::vector<std::string_view> parts = Split(line, ":");
    if (parts.size() < 3) continue;
    for (std::string_view name : Split(parts[1], ",")) {
      // The path is the rest of the line, colons and all.
      if (name == controller) {
        return std::string(line.substr(parts[0].size() + parts[1].size() + 2));
      }
    }
  }
  return "";
}

void AddIfWritable(CgroupMount::Kind kind, bool v2, const std::string& mount,
                   std::string_view controller, std::vector<CgroupMount>* found) {
  if (CanCreateIn(mount)) {
    found->push_back({kind, v2, mount});
    return;
  }
  std::string own = OwnGroup(controller);
  if (own.size() > 1 && CanCreateIn(mount + own)) found->push_back({kind, v2, mount + own});
}

// cgroup.freeze: Linux 5.2.
bool Freezes(const CgroupMount& mount) {
  if (!mount.v2) return false;
  const std::string probe = StrCat(mount.root, "/reeve");
  const bool made = mkdir(probe.c_str(), 0755) == 0;
  const bool freezes = os::PathExists(probe + "/cgroup.freeze");
  if (made) rmdir(probe.c_str());
  return freezes;
}

std::vector<CgroupMount> ReadCgroupMounts() {
  std::vector<CgroupMount> found;
  absl::StatusOr<std::string> text = os::ReadFile("/proc/self/mountinfo");
  if (!text.ok()) return found;
  for (std::string_view line : SplitSkipEmpty(*text, "\n")) {
    size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    std::vector<std::string_view> left = Split(line.substr(0, dash), " ");
    std::vector<std::string_view> right = Split(line.substr(dash + 3), " ");
    if (left.size() < 5 || right.size() < 3) continue;
    std::string mount(left[4]);
    if (right[0] == "cgroup2") {
      AddIfWritable(CgroupMount::Kind::kUnified, true, mount, "", &found);
    } else if (right[0] == "cgroup") {
      for (std::string_view option : Split(right[2], ",")) {
        if (option == "memory") {
          AddIfWritable(CgroupMount::Kind::kMemory, false, mount, option, &found);
        } else if (option == "cpuset") {
          AddIfWritable(CgroupMount::Kind::kCpuset, false, mount, option, &found);
        } else if (option == "freezer") {
          AddIfWritable(CgroupMount::Kind::kFreezer, false, mount, option, &found);
        }
      }
    }
  }
  if (std::any_of(found.begin(), found.end(), Freezes)) {
    std::erase_if(
        found, [](const CgroupMount& mount) { return mount.kind == CgroupMount::Kind::kFreezer; });
  }
  return found;
}

}  // namespace

const std::vector<CgroupMount>& FindCgroupMounts() {
  static const auto* const mounts = new std::vector<CgroupMount>(ReadCgroupMounts());
  return *mounts;
}

std::optional<std::vector<int>> ParseCpuList(const std::string& text) {
  constexpr uint32_t kHighestCpu = 65535;
  absl::StatusOr<IdRanges> ranges = IdRanges::Parse(text, kHighestCpu);
  if (!ranges.ok()) return std::nullopt;
  std::vector<int> cpus;
  ranges->ForEach([&cpus](uint32_t cpu) { cpus.push_back(static_cast<int>(cpu)); });
  return cpus;
}

}  // namespace reeve::noded
