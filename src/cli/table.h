// Rows of text under columns: the one thing that every listing command prints through.
//
// A command decides what its columns are and fills in cells; how they become aligned text or
// delimited lines is decided here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::cli {

enum class Align { kLeft, kRight };

// What becomes of a cell that is longer than its column.
enum class Overflow {
  kCut,   // squeue, sinfo: cut off
  kPlus,  // sacct: cut off, the last place shows '+'
  kKeep,  // printed whole; titles are cut all the same
};

struct Column {
  std::string title;
  size_t width = 0;  // in characters; 0: each cell as long as it is
  bool fit = false;  // as wide as the longest cell or the title; never narrower than `width`
  Align align = Align::kLeft;
  Overflow overflow = Overflow::kCut;
  std::string suffix;  // follows the cell, in the header too
};

class Table {
 public:
  // `prefix` starts every line, the header too.
  explicit Table(std::vector<Column> columns, std::string prefix = "");

  // As many cells as there are columns. They are printed as Printable has them.
  void AddRow(const std::vector<std::string>& cells);
  // The same by parts: one cell for each column, then the end of the row.
  void AddCell(std::string_view text);
  void EndRow();
  size_t row_count() const { return row_count_; }
  const std::vector<Column>& columns() const { return columns_; }
  // Rows are printed in this order: `order` names each of them once, by its number from 0.
  void Arrange(std::vector<uint32_t> order) { order_ = std::move(order); }

  struct TextOptions {
    bool header = true;
    bool rule = false;  // a line of dashes under the header, as sacct prints
  };
  // Aligned lines, each ended by '\n'.
  std::string Text(TextOptions options) const;
  void Print(TextOptions options, std::FILE* out) const;  // the same, without holding it whole
  std::string Text() const { return Text(TextOptions{}); }

  struct ParsableOptions {
    bool header = true;
    std::string delimiter = "|";
    bool trailing = false;  // a delimiter after the last cell as well (sacct -p; not -P)
  };
  // Delimited lines; widths, alignment, suffixes and prefix play no part.
  std::string Parsable(const ParsableOptions& options) const;

 private:
  std::vector<size_t> Widths(bool header) const;
  std::string_view Cell(size_t row, size_t column) const;
  size_t Length(std::string_view cell) const;  // in characters
  // Lines are appended to *text; `full` is called after each, to take some of it away.
  template <class Full>
  void WriteLines(TextOptions options, std::string* text, Full full) const;
  template <class Use>
  void ForEachRow(Use use) const;

  std::vector<Column> columns_;
  std::string prefix_;
  // All cells, one behind the other, row by row, and where each ends: a listing has many.
  std::string cells_;
  std::vector<uint32_t> ends_;
  size_t row_count_ = 0;
  bool ascii_ = true;            // all of them are: a byte is a character
  std::vector<uint32_t> order_;  // empty: as they were added
};

// One cell as the table prints it: `text` cut or padded to `width` characters (0: as it is).
// Characters are counted as UTF-8 code points.
std::string FitCell(std::string_view text, size_t width, Align align, Overflow overflow);

}  // namespace reeve::cli
