#include "ctld/core/gres_devices.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace reeve::ctld {
namespace {

const GresDevices* DevicesOf(const Node& node, const std::string& name) {
  for (const GresDevices& devices : node.gres_devices) {
    if (devices.name == name) return &devices;
  }
  return nullptr;
}

uint32_t NumberOf(const GresDevices* devices, uint32_t id) {
  if (devices == nullptr || id >= devices->files.size()) return id;
  const std::string& file = devices->files[id];
  size_t digits = file.size();
  while (digits > 0 && absl::ascii_isdigit(static_cast<unsigned char>(file[digits - 1]))) --digits;
  uint32_t number = 0;
  return absl::SimpleAtoi(file.substr(digits), &number) ? number : id;
}

}  // namespace

std::vector<uint32_t> GpuNumbers(const Node& node, const std::vector<GresShare>& shares) {
  std::vector<uint32_t> numbers;
  for (const GresShare& share : shares) {
    if (share.name != kGpu) continue;
    const GresDevices* devices = DevicesOf(node, share.name);
    for (uint32_t id : share.ids.Ids()) numbers.push_back(NumberOf(devices, id));
  }
  return numbers;
}

CpuSet CpusNear(const Node& node, const std::vector<GresShare>& shares) {
  const uint32_t cores = node.sockets * node.cores_per_socket;
  const uint32_t threads = node.cpus > cores && cores > 0 ? node.cpus / cores : 1;
  CpuSet near;
  for (const GresShare& share : shares) {
    const GresDevices* devices = DevicesOf(node, share.name);
    if (devices == nullptr) continue;
    for (uint32_t id : share.ids.Ids()) {
      if (id >= devices->cores.size()) continue;
      for (uint32_t core : devices->cores[id]) {
        for (uint32_t i = 0; i < threads; ++i) {
          if (core * threads + i < node.cpus) near.Add(core * threads + i);
        }
      }
    }
  }
  return near;
}

}  // namespace reeve::ctld
