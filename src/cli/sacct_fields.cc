#include "cli/sacct_fields.h"

#include "absl/strings/str_format.h"
#include "cli/sacct_cells.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

using namespace cells;  // NOLINT: the table below reads better without a prefix a line
constexpr Align kLeft = Align::kLeft;
constexpr Align kRight = Align::kRight;

constexpr SacctField kFields[] = {
    {"Account", 10, kRight, Account},
    {"AdminComment", 15, kRight, nullptr},
    {"AllocCPUS", 10, kRight, AllocCpus},
    {"AllocNodes", 10, kRight, AllocNodes},
    {"AllocTRES", 10, kRight, AllocTres},
    {"AssocID", 7, kRight, nullptr},
    {"AveCPU", 10, kRight, AveCpu},
    {"AveCPUFreq", 10, kRight, nullptr},
    {"AveDiskRead", 14, kRight, nullptr},
    {"AveDiskWrite", 14, kRight, nullptr},
    {"AvePages", 10, kRight, nullptr},
    {"AveRSS", 10, kRight, AveRss},
    {"AveVMSize", 10, kRight, nullptr},
    {"BlockID", 16, kRight, nullptr},
    {"Cluster", 10, kRight, Cluster},
    {"Comment", 14, kRight, Comment},
    {"Constraints", 19, kRight, Constraints},
    {"ConsumedEnergy", 14, kRight, ConsumedEnergy},
    {"ConsumedEnergyRaw", 17, kRight, ConsumedEnergy},
    {"Container", 19, kRight, nullptr},
    {"CPUTime", 10, kRight, CpuTime},
    {"CPUTimeRAW", 10, kRight, CpuTimeRaw},
    {"DBIndex", 10, kRight, DbIndex},
    {"DerivedExitCode", 15, kRight, DerivedExitCode},
    {"Elapsed", 10, kRight, Elapsed},
    {"ElapsedRaw", 10, kRight, ElapsedRaw},
    {"Eligible", 19, kRight, Eligible},
    {"End", 19, kRight, End},
    {"Exclusive", 9, kRight, Exclusive},
    {"ExitCode", 8, kRight, ExitCode},
    {"Extra", 14, kRight, nullptr},
    {"FailedNode", 19, kRight, nullptr},
    {"Flags", 19, kRight, nullptr},
    {"GID", 6, kRight, Gid},
    {"Group", 9, kRight, Group},
    {"JobID", 12, kLeft, JobId},
    {"JobIDRaw", 12, kLeft, JobIdRaw},
    {"JobName", 10, kRight, JobName},
    {"Layout", 9, kRight, Layout},
    {"Licenses", 10, kRight, nullptr},
    {"MaxDiskRead", 12, kRight, nullptr},
    {"MaxDiskReadNode", 15, kRight, nullptr},
    {"MaxDiskReadTask", 15, kRight, nullptr},
    {"MaxDiskWrite", 12, kRight, nullptr},
    {"MaxDiskWriteNode", 16, kRight, nullptr},
    {"MaxDiskWriteTask", 16, kRight, nullptr},
    {"MaxPages", 8, kRight, nullptr},
    {"MaxPagesNode", 12, kRight, nullptr},
    {"MaxPagesTask", 14, kRight, nullptr},
    {"MaxRSS", 10, kRight, MaxRss},
    {"MaxRSSNode", 10, kRight, MaxRssNode},
    {"MaxRSSTask", 10, kRight, MaxRssTask},
    {"MaxVMSize", 10, kRight, nullptr},
    {"MaxVMSizeNode", 14, kRight, nullptr},
    {"MaxVMSizeTask", 14, kRight, nullptr},
    {"McsLabel", 12, kRight, nullptr},
    {"MinCPU", 10, kRight, nullptr},
    {"MinCPUNode", 10, kRight, nullptr},
    {"MinCPUTask", 10, kRight, nullptr},
    {"NCPUS", 10, kRight, AllocCpus},
    {"NNodes", 8, kRight, NodeCount},
    {"NodeList", 15, kRight, NodeList},
    {"NTasks", 8, kRight, NumTasks},
    {"OriginalSLUID", 15, kRight, nullptr},
    {"OverSubscribe", 13, kRight, OverSubscribe},
    {"Partition", 10, kRight, Partition},
    {"Planned", 10, kRight, Planned},
    {"PlannedCPU", 10, kRight, PlannedCpu},
    {"PlannedCPURAW", 10, kRight, PlannedCpuRaw},
    {"Priority", 10, kRight, Priority},
    {"QOS", 10, kRight, Qos},
    {"QOSRAW", 6, kRight, nullptr},
    {"QOSREQ", 10, kRight, QosRequested},
    {"Reason", 22, kRight, Reason},
    {"ReqCPUFreq", 10, kRight, RequestedFrequency},
    {"ReqCPUFreqGov", 13, kRight, RequestedFrequency},
    {"ReqCPUFreqMax", 13, kRight, RequestedFrequency},
    {"ReqCPUFreqMin", 13, kRight, RequestedFrequency},
    {"ReqCPUS", 8, kRight, RequestedCpuCount},
    {"ReqMem", 10, kRight, RequestedMemory},
    {"ReqNodes", 8, kRight, RequestedNodeCount},
    {"ReqTRES", 10, kRight, RequestedTresText},
    {"Reservation", 20, kRight, nullptr},
    {"ReservationId", 8, kRight, nullptr},
    {"ReqReservation", 20, kRight, nullptr},
    {"Restarts", 8, kRight, Restarts},
    {"SegmentSize", 11, kRight, nullptr},
    {"SLUID", 15, kRight, nullptr},
    {"Start", 19, kRight, Start},
    {"State", 10, kRight, State},
    {"StdErr", 20, kRight, StdErr},
    {"StdIn", 20, kRight, StdIn},
    {"StdOut", 20, kRight, StdOut},
    {"Submit", 19, kRight, Submit},
    {"SubmitLine", 20, kRight, SubmitLine},
    {"Suspended", 10, kRight, Suspended},
    {"SystemComment", 15, kRight, nullptr},
    {"SystemCPU", 10, kRight, SystemCpu},
    {"Timelimit", 10, kRight, TimeLimit},
    {"TimelimitRaw", 10, kRight, TimeLimitRaw},
    {"TotalCPU", 10, kRight, TotalCpu},
    {"TRESUsageInAve", 14, kRight, nullptr},
    {"TRESUsageInMax", 14, kRight, TresUsageInMax},
    {"TRESUsageInMaxNode", 18, kRight, TresUsageInMaxNode},
    {"TRESUsageInMaxTask", 18, kRight, TresUsageInMaxTask},
    {"TRESUsageInMin", 14, kRight, nullptr},
    {"TRESUsageInMinNode", 18, kRight, nullptr},
    {"TRESUsageInMinTask", 18, kRight, nullptr},
    {"TRESUsageInTot", 14, kRight, TresUsageInTot},
    {"TRESUsageOutAve", 15, kRight, nullptr},
    {"TRESUsageOutMax", 15, kRight, nullptr},
    {"TRESUsageOutMaxNode", 19, kRight, nullptr},
    {"TRESUsageOutMaxTask", 19, kRight, nullptr},
    {"TRESUsageOutMin", 15, kRight, nullptr},
    {"TRESUsageOutMinNode", 19, kRight, nullptr},
    {"TRESUsageOutMinTask", 19, kRight, nullptr},
    {"TRESUsageOutTot", 15, kRight, nullptr},
    {"UID", 6, kRight, Uid},
    {"User", 9, kRight, User},
    {"UserCPU", 10, kRight, UserCpu},
    {"WCKey", 10, kRight, nullptr},
    {"WCKeyID", 10, kRight, nullptr},
    {"WorkDir", 20, kRight, WorkDir},
};

}  // namespace

std::span<const SacctField> SacctFields() {
  return kFields;
}

const SacctField* FindSacctField(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const SacctField& field : kFields) {
    if (EqualsIgnoreCase(field.name, name)) return &field;
  }
  for (const SacctField& field : kFields) {
    if (StartsWithIgnoreCase(field.name, name)) return &field;
  }
  return nullptr;
}

std::string SacctFieldList() {
  constexpr size_t kPerLine = 4;
  std::string text;
  for (size_t i = 0; i < std::size(kFields); ++i) {
    absl::StrAppendFormat(&text, "%-19s", kFields[i].name);
    const bool ends_line = i % kPerLine == kPerLine - 1 || i + 1 == std::size(kFields);
    text += ends_line ? '\n' : ' ';
  }
  return text;
}

absl::StatusOr<SacctColumns> ResolveSacctFormat(std::string_view format) {
  absl::StatusOr<FormatSpec> spec = ParseAccountingFormat(format);
  if (!spec.ok()) return spec.status();
  SacctColumns resolved;
  auto add = [&resolved](const SacctField& field, const FieldSpec& asked) {
    resolved.fields.push_back(&field);
    resolved.columns.push_back(Column{.title = std::string(field.name),
                                      .width = asked.has_width ? asked.width : field.width,
                                      .align = asked.has_width ? asked.align : field.align,
                                      .overflow = Overflow::kPlus,
                                      .suffix = " "});
  };
  for (const FieldSpec& asked : spec->fields) {
    if (EqualsIgnoreCase(asked.name, "all")) {
      for (const SacctField& field : kFields) add(field, asked);
      continue;
    }
    const SacctField* field = FindSacctField(asked.name);
    if (field == nullptr) {
      return absl::InvalidArgumentError(StrCat("Invalid field requested: \"", asked.name, "\""));
    }
    add(*field, asked);
  }
  return resolved;
}

}  // namespace reeve::cli
