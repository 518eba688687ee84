// What this machine has, from /proc and /sys.
#pragma once

#include <cstdint>
#include <string>

#include "reeve/v1/ctld.pb.h"

namespace reeve::noded {

// `tmp_fs`: the file system whose size is the node's TmpDisk.
v1::Hardware ReadHardware(const std::string& tmp_fs);

double CpuLoad();  // of the last minute
uint64_t FreeMemoryMb();

}  // namespace reeve::noded
