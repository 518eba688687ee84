// A schedule reduced to a grid of cells, for a picture of more jobs than it has room for.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "replay/replay.h"
#include "replay/trace.h"

namespace reeve::replay {

inline constexpr uint8_t kNoColour = 255;

// What is drawn of equal cells that touch, in cells.
struct Block {
  uint32_t x = 0;
  uint32_t y = 0;
  uint32_t width = 0;
  uint32_t height = 0;
  uint8_t colour = kNoColour;
  uint8_t shade = 0;  // 1 .. kShades: how much of it is in use
};
inline constexpr uint8_t kShades = 4;

class Cells {
 public:
  Cells(uint32_t columns, uint32_t rows, absl::Time begin, absl::Duration span, uint32_t cpus);

  // CPUs of one run, used by one colour from `start` to `end`.
  void Add(const CpuRun& run, absl::Time start, absl::Time end, uint8_t colour);
  // Every cell in use once, left to right in bands as high as neighbours are equal.
  std::vector<Block> Blocks() const;

 private:
  struct Cell {
    float used = 0;  // of 1
    float lead = 0;  // of `colour` over all others together, for as long as it is above 0
    uint8_t colour = kNoColour;
  };
  struct Look {
    uint8_t colour = kNoColour;
    uint8_t shade = 0;
    friend bool operator==(const Look&, const Look&) = default;
  };
  Look LookOf(uint32_t x, uint32_t y) const;

  uint32_t columns_;
  uint32_t rows_;
  absl::Time begin_;
  double seconds_per_column_;
  double cpus_per_row_;
  std::vector<Cell> cells_;
};

}  // namespace reeve::replay
