// wait(2)'s status without <sys/wait.h>: the numbers travel between machines.
#pragma once

#include <cstdint>

namespace reeve::ctld {

inline int SignalOf(int32_t status) {
  return status & 0x7f;
}
inline int ExitCodeOf(int32_t status) {
  return SignalOf(status) != 0 ? 0 : (status >> 8) & 0xff;
}
inline int32_t StatusOfExit(int code) {
  return (code & 0xff) << 8;
}

// What Slurm reports of a step that met its memory limit, whatever its tasks made of it: "0:125".
inline constexpr int32_t kOutOfMemoryStatus = 125;

// The worse of two: a higher exit code wins, a signal wins over success.
inline int32_t WorseStatus(int32_t a, int32_t b) {
  if (ExitCodeOf(a) != ExitCodeOf(b)) return ExitCodeOf(a) > ExitCodeOf(b) ? a : b;
  return SignalOf(a) >= SignalOf(b) ? a : b;
}

}  // namespace reeve::ctld
