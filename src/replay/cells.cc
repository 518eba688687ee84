#include "replay/cells.h"

#include <algorithm>
#include <cmath>

namespace reeve::replay {
namespace {

// How much of the unit cell number `i` lies in [from, to).
double Covered(uint32_t i, double from, double to) {
  return std::max(0.0, std::min<double>(i + 1, to) - std::max<double>(i, from));
}

}  // namespace

Cells::Cells(uint32_t columns, uint32_t rows, absl::Time begin, absl::Duration span, uint32_t cpus)
    : columns_(columns),
      rows_(rows),
      begin_(begin),
      seconds_per_column_(std::max(absl::ToDoubleSeconds(span), 1.0) / columns),
      cpus_per_row_(static_cast<double>(std::max(cpus, 1u)) / rows),
      cells_(size_t{columns} * rows) {}

void Cells::Add(const CpuRun& run, absl::Time start, absl::Time end, uint8_t colour) {
  const double left = absl::ToDoubleSeconds(start - begin_) / seconds_per_column_;
  const double right = absl::ToDoubleSeconds(end - begin_) / seconds_per_column_;
  const double top = run.first / cpus_per_row_;
  const double bottom = (run.first + run.count) / cpus_per_row_;
  const auto last_column = std::min<uint32_t>(columns_, static_cast<uint32_t>(std::ceil(right)));
  const auto last_row = std::min<uint32_t>(rows_, static_cast<uint32_t>(std::ceil(bottom)));
  for (auto y = static_cast<uint32_t>(top); y < last_row; ++y) {
    const double height = Covered(y, top, bottom);
    for (auto x = static_cast<uint32_t>(left); x < last_column; ++x) {
      const auto part = static_cast<float>(height * Covered(x, left, right));
      Cell& cell = cells_[size_t{y} * columns_ + x];
      cell.used += part;
      if (cell.colour == colour) {
        cell.lead += part;
      } else if (cell.lead > part) {
        cell.lead -= part;
      } else {
        cell.lead = part - cell.lead;
        cell.colour = colour;
      }
    }
  }
}

Cells::Look Cells::LookOf(uint32_t x, uint32_t y) const {
  const Cell& cell = cells_[size_t{y} * columns_ + x];
  const double steps = std::round(cell.used * kShades);
  const auto shade = static_cast<uint8_t>(std::clamp(steps, 0.0, double{kShades}));
  return shade == 0 ? Look{} : Look{cell.colour, shade};
}

std::vector<Block> Cells::Blocks() const {
  std::vector<Block> blocks;
  std::vector<size_t> above(columns_, SIZE_MAX);  // the block of the row above that begins there
  for (uint32_t y = 0; y < rows_; ++y) {
    std::vector<size_t> here(columns_, SIZE_MAX);
    for (uint32_t x = 0; x < columns_;) {
      const Look look = LookOf(x, y);
      const uint32_t from = x;
      while (x < columns_ && LookOf(x, y) == look) ++x;
      if (look.shade == 0) continue;
      const size_t over = above[from];
      const bool joins = over != SIZE_MAX && blocks[over].width == x - from &&
                         Look{blocks[over].colour, blocks[over].shade} == look;
      if (joins) {
        blocks[over].height++;
        here[from] = over;
      } else {
        here[from] = blocks.size();
        blocks.push_back({from, y, x - from, 1, look.colour, look.shade});
      }
    }
    above = std::move(here);
  }
  return blocks;
}

}  // namespace reeve::replay
