// The three little languages in which users say what to print: `squeue -o "%.18i %P"`,
// `squeue -O JobID:.18,Name:|` and `sacct -o jobid%-20,state`.
//
// The parsers know nothing of which fields exist; names are returned as typed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/table.h"

namespace reeve::cli {

struct FieldSpec {
  std::string name;        // the letter of a `%` format, else the field's name as typed
  bool has_width = false;  // a width was given
  size_t width = 0;        // 0: as long as the text
  bool fit = false;        // `#`: as wide as the longest value
  Align align = Align::kLeft;
  std::string suffix;  // text between this field and the next
  std::string text;    // all of it as typed, with the '%' and the suffix
};

struct FormatSpec {
  std::string prefix;  // text before the first field
  std::vector<FieldSpec> fields;
};

// `%[.][#][width]letter` with text around, as squeue, sinfo and others read -o. A run of '%' counts
// as one (Slurm's behaviour: `%%i` is `%i`), so a '%' itself cannot be printed. A '%' at the end is
// ignored. Never fails on text; InvalidArgument for a width beyond 10,000.
absl::StatusOr<FormatSpec> ParsePercentFormat(std::string_view text);

// `Field[:[.][width][suffix]]` separated by commas, as squeue and sinfo read -O. Without ':' a
// field is 20 wide and left-aligned; with ':' and no width, as long as its text. InvalidArgument
// for an empty list and a width beyond 10,000.
absl::StatusOr<FormatSpec> ParseLongFormat(std::string_view text);

// `field[%[-]width]` separated by commas, as sacct, sstat and others read -o: right-aligned unless
// the width is negative. Without a width `has_width` is false and the alignment is the field's own
// business.
absl::StatusOr<FormatSpec> ParseAccountingFormat(std::string_view text);

// Columns of `spec` under `titles` (one a field): what Table wants.
std::vector<Column> MakeColumns(const FormatSpec& spec, const std::vector<std::string>& titles,
                                Overflow overflow);

}  // namespace reeve::cli
