// What the commands print of any job, step, node and partition that a daemon might send.
#include "cli/job_fields.h"
#include "cli/job_view.h"
#include "cli/node_fields.h"
#include "cli/node_view.h"
#include "cli/sacct_fields.h"
#include "cli/sacct_rows.h"
#include "cli/show_job.h"
#include "cli/show_node.h"
#include "common/base/array_spec.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_filler.h"

namespace reeve::cli {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

constexpr size_t kMaxCell = size_t{4} << 20;

template <class Row>
void PrintCells(std::span<const ViewField<Row>> fields, const Row& row) {
  for (const ViewField<Row>& field : fields) {
    Expect(field.cell(row).size() < kMaxCell, field.title, " prints megabytes");
  }
}

void PrintSacct(const pb::Job& job) {
  v1::QueryAccountingResponse response;
  *response.add_jobs() = job;
  response.add_db_index(1);
  SacctOptions options;
  const Config config;
  const SacctContext context{&config, absl::FromUnixSeconds(1'795'500'000), "", {}, true};
  const absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job.array_tasks());
  const bool few = tasks.ok() && tasks->count() < 1000;  // a row a task
  for (bool expand : {false, true}) {
    options.expand_arrays = expand && few;
    absl::StatusOr<SacctColumns> columns = ResolveSacctFormat("ALL");
    Expect(columns.ok(), "ALL is no format");
    Table table(columns->columns);
    AddSacctRows(response, options, context, columns->fields, &table);
    if (table.row_count() < 100) (void)RenderSacct(table, options);
  }
}

void PrintJob(const pb::Job& job) {
  ViewContext context;
  context.now = 1'795'500'000;
  for (bool expand : {false, true}) {
    context.expand_patterns = expand;
    const JobRow row{&job, std::nullopt, &context};
    PrintCells(JobFields(), row);
    PrintCells(JobFields(), JobRow{&job, 3, &context});
    (void)ShowJobText(row, {.one_line = expand, .details = !expand});
    for (const pb::Step& step : job.steps()) {
      const StepRow step_row{&job, &step, &context};
      PrintCells(StepFields(), step_row);
      (void)ShowStepText(step_row, {.one_line = expand});
    }
  }
  PrintSacct(job);
}

void PrintNode(const pb::Node& node, const pb::Partition& partition) {
  for (const pb::Partition* of : {&partition, static_cast<const pb::Partition*>(nullptr)}) {
    PrintCells(NodeFields(), NodeRow{of, 0, {&node, &node}});
    PrintCells(NodeFields(), NodeRow{of, 0, {}});
  }
  (void)ShowNodeText(node, 6818, {.one_line = true});
  (void)ShowPartitionText(partition, true, {});
  bool known = false;
  (void)NodeHasState(node, "drain", &known);
  (void)NodeStateRank(node);
}

}  // namespace
}  // namespace reeve::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Silence();
  reeve::fuzz::Bytes bytes(data, size);
  if (bytes.Flag()) {
    reeve::v1::Node node;
    reeve::v1::Partition partition;
    reeve::fuzz::Fill(bytes, &partition);
    reeve::fuzz::Fill(bytes, &node);
    reeve::cli::PrintNode(node, partition);
    return 0;
  }
  reeve::v1::Job job;
  reeve::fuzz::Fill(bytes, &job);
  reeve::cli::PrintJob(job);
  return 0;
}
