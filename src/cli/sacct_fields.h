// The fields of sacct: names, widths and what each prints for a job and for a step.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/format_spec.h"
#include "cli/sacct_values.h"
#include "cli/table.h"
#include "common/base/config.h"
#include "reeve/v1/types.pb.h"

namespace reeve::cli {

// One line: a job, or one of its steps.
struct SacctRow {
  const v1::Job* job = nullptr;
  const v1::Step* step = nullptr;  // null: the job itself
  uint64_t db_index = 0;
  std::string job_id;  // as people call the job, "12_3"
};

struct SacctContext {
  const Config* config = nullptr;
  absl::Time now;
  std::string time_format;  // SLURM_TIME_FORMAT
  UnitOptions units;
  bool expand_patterns = false;  // StdOut and its like with their %j replaced
  bool use_local_uid = false;    // UID by looking the name up here
};

struct SacctField {
  std::string_view name;
  size_t width;
  Align align;
  // Null: Reeve keeps no such record yet, and the field is empty as it is in Slurm for what it
  // doesn't know.
  std::string (*value)(const SacctRow& row, const SacctContext& context);
};

std::span<const SacctField> SacctFields();  // in the order of --helpformat

// By name in any case; else the first that begins with it ("alloc" is AllocCPUS), as Slurm has it.
const SacctField* FindSacctField(std::string_view name);

// --helpformat: four columns of names.
std::string SacctFieldList();

// The fields of -o (with "ALL" standing for each field) with their own widths where none was given.
struct SacctColumns {
  std::vector<const SacctField*> fields;
  std::vector<Column> columns;
};
// InvalidArgument: `Invalid field requested: "nope"`.
absl::StatusOr<SacctColumns> ResolveSacctFormat(std::string_view format);

}  // namespace reeve::cli
