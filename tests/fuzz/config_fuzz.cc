// slurm.conf: any text is read or refused with lines that say where; what is read is read again
// from its spliced text. A line "%%FILE name" starts another file, for includes and their cycles.
#include <map>

#include "common/base/config.h"
#include "ctld/core/controller.h"
#include "ctld/core/invariants.h"
#include "ctld/core/settings.h"
#include "tests/fuzz/check.h"

namespace reeve {
namespace {

using fuzz::Expect;

std::map<std::string, std::string> FilesOf(std::string_view input) {
  std::map<std::string, std::string> files;
  std::string name = "slurm.conf";
  for (std::string_view line : Split(input, "\n")) {
    constexpr std::string_view kMark = "%%FILE ";
    if (line.starts_with(kMark)) {
      name = std::string(line.substr(kMark.size()));
    } else {
      StrAppend(&files[name], line, "\n");
    }
  }
  return files;
}

// Every line of a refusal says in which file, and mostly in which line, something is wrong.
void CheckRefusal(const absl::Status& status) {
  Expect(status.code() == absl::StatusCode::kInvalidArgument, "another error: ", status.ToString());
  Expect(Message(status).size() < (1 << 20), "a report of ", Message(status).size(), " bytes");
  Expect(Message(status).find(": ") != std::string_view::npos, "no place: ", Message(status));
}

void CheckAgain(const Config& config) {
  absl::StatusOr<Config> again = ParseConfig(config.text, "spliced");
  Expect(again.ok(), "the spliced text is refused: ", again.status().ToString());
  Expect(again->entries == config.entries, "the spliced text says something else");
  const ConfigChanges changes = ConfigDiff(config, *again);
  Expect(changes.at_run_time.empty() && changes.after_restart.empty(), "the spliced text differs");
}

// A small cluster of it stands.
void CheckCluster(const Config& config) {
  if (config.nodes.size() > 64) return;
  ctld::Controller controller(ctld::MakeSettings(config));
  controller.Restore({}, absl::FromUnixSeconds(1));
  controller.Schedule(absl::FromUnixSeconds(2));
  const std::vector<std::string> wrong = ctld::CheckInvariants(controller);
  Expect(wrong.empty(), Join(wrong, "\n"));
}

void Check(std::string_view input) {
  const std::map<std::string, std::string> files = FilesOf(input);
  const auto main = files.find("slurm.conf");
  if (main == files.end()) return;
  absl::StatusOr<Config> config = ParseConfig(
      main->second, "slurm.conf", [&](const std::string& path) -> absl::StatusOr<std::string> {
        const auto found = files.find(path);
        if (found == files.end()) return absl::NotFoundError(StrCat("no file ", path));
        return found->second;
      });
  if (!config.ok()) return CheckRefusal(config.status());
  CheckAgain(*config);
  CheckCluster(*config);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
