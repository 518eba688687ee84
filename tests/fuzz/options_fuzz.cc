// Every option of sbatch, srun and salloc with any value. Input: the option's row, the command, the
// value; "--name=value" in text does as well, so that a corpus can be read.
#include "absl/strings/str_format.h"
#include "cli/job_options.h"
#include "cli/submit_env.h"
#include "common/base/units.h"
#include "tests/fuzz/check.h"

namespace reeve::cli {
namespace {

using fuzz::Expect;

// Options whose value has one way of being printed that must be read as the same.
void CheckAgain(const OptionRow& row, std::string_view value, const pb::JobSpec& spec) {
  std::string printed;
  const std::string_view name = row.name;
  if (name == "time" && spec.time_limit() > 0) {
    printed = FormatDuration(absl::Seconds(spec.time_limit()));
  } else if (name == "mem") {
    printed = FormatMemoryMb(spec.mem_per_node_mb());
  } else if (name == "mem-per-cpu") {
    printed = FormatMemoryMb(spec.mem_per_cpu_mb());
  } else if (name == "nodes") {
    Expect(spec.min_nodes() <= spec.max_nodes(), "--nodes=", value, ": from more to less");
    printed = StrCat(spec.min_nodes(), "-", spec.max_nodes());
  } else {
    return;
  }
  JobRequest again;
  Expect(
      !row.set(again, row, printed) && again.spec.SerializeAsString() == spec.SerializeAsString(),
      "--", name, "=", value, " prints as ", printed);
}

void CheckFault(const OptionRow& row, std::string_view value, const OptionFault& fault) {
  Expect(fault.exit_code != 0, "--", row.name, "=", value, ": a fault that is a success");
  const std::string all = StrCat(fault.bare, fault.message);
  const bool names = all.find(row.name) != all.npos ||
                     (!value.empty() && all.find(value.substr(0, 40)) != all.npos) ||
                     all.find("node count") != all.npos;
  Expect(names, "--", row.name, "=", value, ": ", all, " names neither option nor value");
}

void CheckExport(const std::string& text) {
  const std::vector<std::string> environment = {"HOME=/root", "PATH=/bin", "SLURM_CONF=/x", "=",
                                                ""};
  for (const std::string& variable : ExportEnvironment(environment, text).variables) {
    Expect(variable.empty() || variable.find('=') != variable.npos, "no variable: ", variable);
  }
}

void Check(const OptionRow& row, std::string_view value) {
  if (row.set == nullptr) return;
  JobRequest request;
  std::optional<OptionFault> fault = row.set(request, row, value);
  if (fault) return CheckFault(row, value, *fault);
  CheckAgain(row, value, request.spec);
  if (request.export_text) CheckExport(*request.export_text);
  pb::JobSpec sent;
  Expect(sent.ParseFromString(request.spec.SerializeAsString()), "nobody can read --", row.name);
}

void CheckText(std::string_view text) {
  const size_t equals = text.find('=');
  for (Command command : {kSbatch, kSrun, kSalloc}) {
    const OptionRow* row = FindJobOption(command, text.substr(2, equals - 2));
    if (row != nullptr) return Check(*row, equals == text.npos ? "" : text.substr(equals + 1));
  }
}

}  // namespace
}  // namespace reeve::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Bytes bytes(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("--")) return reeve::cli::CheckText(text), 0;
  const auto table = reeve::cli::JobOptionTable();
  const reeve::cli::OptionRow& row = table[bytes.Below(static_cast<uint32_t>(table.size()))];
  // Arguments cannot hold a NUL.
  const std::string_view value = bytes.Rest();
  reeve::cli::Check(row, value.substr(0, value.find('\0')));
  return 0;
}
