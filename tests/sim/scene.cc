#include "tests/sim/scene.h"

#include <cstdio>

namespace reeve::sim {

void Report::Line(absl::Time now, const std::string& text) {
  static const absl::Time kStart = absl::FromUnixSeconds(1795387200);
  std::printf("%10.4f  %s\n", absl::ToDoubleSeconds(now - kStart), text.c_str());
}

}  // namespace reeve::sim
