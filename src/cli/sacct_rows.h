// From the records of the accounting daemon to the lines that sacct prints.
#pragma once

#include <string>
#include <vector>

#include "cli/sacct_fields.h"
#include "cli/sacct_options.h"
#include "cli/table.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::cli {

// Appends the lines of one part of an answer: jobs that the remaining filters admit, each with its
// steps (batch first, then by number) unless -X or single steps were asked for.
void AddSacctRows(const v1::QueryAccountingResponse& response, const SacctOptions& options,
                  const SacctContext& context, const std::vector<const SacctField*>& fields,
                  Table* table);

// The whole output in the style asked for.
std::string RenderSacct(const Table& table, const SacctOptions& options);

}  // namespace reeve::cli
