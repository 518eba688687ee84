#include "noded/hardware.h"

#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::noded {
namespace {

int ReadNumber(const std::string& path, int otherwise) {
  absl::StatusOr<std::string> text = os::ReadFile(path);
  int number = 0;
  if (!text.ok() || !absl::SimpleAtoi(ToAbsl(Strip(*text)), &number)) return otherwise;
  return number;
}

// The value behind "MemTotal:" and the like: the word after the key at a line's start.
uint64_t ReadKeyed(const std::string& path, std::string_view key) {
  absl::StatusOr<std::string> text = os::ReadFile(path);
  if (!text.ok()) return 0;
  for (std::string_view line : SplitSkipEmpty(*text, "\n")) {
    std::vector<std::string_view> words = SplitSkipEmpty(line, " \t");
    uint64_t value = 0;
    if (words.size() >= 2 && words[0] == key && absl::SimpleAtoi(ToAbsl(words[1]), &value)) {
      return value;
    }
  }
  return 0;
}

struct Topology {
  uint32_t cpus = 0, sockets = 0, cores = 0;
};

Topology ReadTopology() {
  std::set<int> sockets;
  std::set<std::pair<int, int>> cores;
  Topology topology;
  long configured = std::max(1L, sysconf(_SC_NPROCESSORS_CONF));
  for (int cpu = 0; cpu < configured; ++cpu) {
    std::string folder = StrCat("/sys/devices/system/cpu/cpu", cpu);
    if (ReadNumber(folder + "/online", 1) == 0) continue;
    ++topology.cpus;
    int socket = std::max(0, ReadNumber(folder + "/topology/physical_package_id", 0));
    sockets.insert(socket);
    cores.emplace(socket, ReadNumber(folder + "/topology/core_id", cpu));
  }
  topology.cpus = std::max(topology.cpus, 1u);
  topology.sockets = std::max<uint32_t>(sockets.size(), 1);
  topology.cores = std::max<uint32_t>(cores.size(), topology.sockets);
  return topology;
}

}  // namespace

v1::Hardware ReadHardware(const std::string& tmp_fs) {
  v1::Hardware hardware;
  Topology topology = ReadTopology();
  hardware.set_cpus(topology.cpus);
  hardware.set_boards(1);
  hardware.set_sockets(topology.sockets);
  hardware.set_cores_per_socket(topology.cores / topology.sockets);
  hardware.set_threads_per_core(std::max(1u, topology.cpus / topology.cores));
  hardware.set_real_memory_mb(ReadKeyed("/proc/meminfo", "MemTotal:") / 1024);
  struct statvfs disk;
  if (statvfs(tmp_fs.c_str(), &disk) == 0) {
    hardware.set_tmp_disk_mb(static_cast<uint64_t>(disk.f_blocks) * disk.f_frsize >> 20);
  }
  struct utsname system;
  if (uname(&system) == 0) {
    hardware.set_arch(system.machine);
    hardware.set_os(StrCat(system.sysname, " ", system.release, " ", system.version));
  }
  hardware.set_boot_time(static_cast<int64_t>(ReadKeyed("/proc/stat", "btime")));
  return hardware;
}

double CpuLoad() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

uint64_t FreeMemoryMb() {
  return ReadKeyed("/proc/meminfo", "MemFree:") / 1024;
}

}  // namespace reeve::noded
