#include "cli/cluster/doctor.h"

#include <getopt.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/cluster/cluster.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

constexpr char kUsage[] =
    "usage: reeve doctor [--dir D]\n"
    "\n"
    "Looks for what keeps Reeve from working here and says how to mend it. Examines the embedded\n"
    "cluster in D; without --dir the installation that $SLURM_CONF or /etc/reeve/slurm.conf\n"
    "describes, else the embedded cluster in its usual place. Exit code 1 when it finds an "
    "error.\n";

struct Style {
  const char* word;
  const char* colour;
};
constexpr Style kStyles[] = {
    {"ok", "\033[32m"}, {"note", "\033[36m"}, {"warning", "\033[33m"}, {"ERROR", "\033[31m"}};
constexpr size_t kWordWidth = 9;
constexpr size_t kSubjectWidth = 15;

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string ShortHostName() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return std::string(name, strcspn(name, "."));
}

Patient Examine(const std::string& folder, absl::Status* load) {
  Patient patient;
  patient.host = ShortHostName();
  absl::StatusOr<Layout> layout = FindLayout(folder);
  bool described = getenv("SLURM_CONF") != nullptr || os::PathExists(FindConfigPath());
  if (folder.empty() && described) {
    patient.conf_path = FindConfigPath();
  } else if (layout.ok() && (os::PathExists(layout->Conf()) || !folder.empty())) {
    patient.conf_path = layout->Conf();
  }
  if (layout.ok() && layout->Conf() == patient.conf_path) patient.cluster = *layout;
  if (patient.conf_path.empty()) return patient;

  absl::StatusOr<Config> config = LoadConfig(patient.conf_path);
  *load = config.status();
  if (!config.ok()) return patient;
  patient.config = *std::move(config);
  if (!patient.cluster.has_value() && !patient.config->socket_dir.empty()) {
    absl::StatusOr<Layout> found =
        FindLayout(patient.conf_path.substr(0, patient.conf_path.rfind('/')));
    if (found.ok()) patient.cluster = *found;
  }
  for (const ControllerHost& controller : patient.config->controllers) {
    patient.is_controller = patient.is_controller || controller.host == patient.host;
  }
  for (const NodeConfig& node : patient.config->nodes) {
    patient.is_node = patient.is_node || node.hostname == patient.host;
  }
  return patient;
}

void RunChecks(const Patient& patient, const absl::Status& load, Report* report) {
  CheckConfiguration(patient, load, report);
  CheckPrograms(patient, report);
  CheckOtherSlurm(patient, report);
  CheckVirtualHosts(patient, report);
  CheckCgroups(patient, report);
  CheckDisk(patient, report);
  if (!patient.config.has_value()) return;
  CheckUsers(patient, report);
  CheckFolders(patient, report);
  CheckNames(patient, report);
  CheckMunge(patient, report);
  CheckController(patient, report);
  CheckAccounting(patient, report);
  CheckNodes(patient, report);
}

}  // namespace

int Report::Count(Severity severity) const {
  int count = 0;
  for (const Finding& finding : findings_) count += finding.severity == severity ? 1 : 0;
  return count;
}

std::string Report::Text(bool colour) const {
  std::string text;
  std::string indent(kWordWidth + kSubjectWidth, ' ');
  for (const Finding& finding : findings_) {
    const Style& style = kStyles[static_cast<int>(finding.severity)];
    std::string word = Padded(style.word, kWordWidth);
    StrAppend(&text, colour ? style.colour : "", word, colour ? "\033[0m" : "",
              Padded(finding.subject, kSubjectWidth), ReplaceAll(finding.text, "\n", "\n" + indent),
              "\n");
    if (!finding.fix.empty()) StrAppend(&text, indent, "fix: ", finding.fix, "\n");
  }
  return text;
}

int Doctor(int argc, char** argv) {
  static const option kOptions[] = {{"dir", required_argument, nullptr, 'd'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  std::string folder;
  optind = 0;
  for (int option; (option = getopt_long(argc, argv, "h", kOptions, nullptr)) != -1;) {
    if (option == 'd') {
      folder = optarg;
    } else {
      fputs(kUsage, option == 'h' ? stdout : stderr);
      return option == 'h' ? 0 : 1;
    }
  }
  if (optind < argc) {
    fprintf(stderr, "reeve doctor: error: unexpected: %s\n%s", argv[optind], kUsage);
    return 1;
  }
  absl::Status load;
  Patient patient = Examine(folder, &load);
  Report report;
  RunChecks(patient, load, &report);
  const char* no_colour = getenv("NO_COLOR");
  bool colour = isatty(STDOUT_FILENO) && (no_colour == nullptr || *no_colour == '\0');
  printf("%s\n", report.Text(colour).c_str());
  int errors = report.Count(Severity::kError);
  int warnings = report.Count(Severity::kWarning);
  if (errors + warnings == 0) {
    printf("Nothing is wrong.\n");
  } else {
    printf("%d error%s, %d warning%s.\n", errors, errors == 1 ? "" : "s", warnings,
           warnings == 1 ? "" : "s");
  }
  return errors > 0 ? 1 : 0;
}

}  // namespace reeve::cluster
