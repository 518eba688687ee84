#include "cli/submitter.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "cli/submit_env.h"
#include "cli/text_match.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr struct {
  const char* name;
  int resource;
} kLimits[] = {
    {"CPU", RLIMIT_CPU},     {"FSIZE", RLIMIT_FSIZE},   {"DATA", RLIMIT_DATA},
    {"STACK", RLIMIT_STACK}, {"CORE", RLIMIT_CORE},     {"RSS", RLIMIT_RSS},
    {"NPROC", RLIMIT_NPROC}, {"NOFILE", RLIMIT_NOFILE}, {"MEMLOCK", RLIMIT_MEMLOCK},
    {"AS", RLIMIT_AS},
};

std::set<std::string> NamesOf(const std::string& list) {
  std::set<std::string> names;
  for (std::string_view name : SplitSkipEmpty(list, ",")) {
    ConsumePrefix(&name, "RLIMIT_");
    names.emplace(name);
  }
  return names;
}

}  // namespace

std::string SubmitLine(int argc, char** argv) {
  std::string line = argv[0];
  for (int i = 1; i < argc; ++i) StrAppend(&line, " ", argv[i]);
  return line;
}

std::string ShortHostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  std::string text = name;
  return text.substr(0, text.find('.'));
}

std::string CurrentFolder() {
  char folder[4096];
  return getcwd(folder, sizeof folder) != nullptr ? folder : "/";
}

uint32_t CurrentUmask() {
  mode_t mask = umask(0);
  umask(mask);
  return mask;
}

void DescribeSubmitter(int argc, char** argv, pb::JobSpec* spec) {
  spec->set_submit_line(SubmitLine(argc, argv));
  spec->set_submit_host(ShortHostName());
  spec->set_submit_dir(CurrentFolder());
  if (spec->work_dir().empty()) spec->set_work_dir(spec->submit_dir());
  spec->set_alloc_sid(static_cast<uint32_t>(getsid(0)));
  spec->set_umask(CurrentUmask());
}

std::vector<std::string> BatchEnvironment(JobRequest* request) {
  ExportedEnvironment exported =
      ExportEnvironment(WithoutOuterJob(ProcessEnvironment()), request->export_text);
  request->spec.set_export_none(exported.is_partial);
  SetVariable(&exported.variables, "SLURM_PRIO_PROCESS", StrCat(getpriority(PRIO_PROCESS, 0)));
  SetVariable(&exported.variables, "SLURM_SUBMIT_DIR", request->spec.submit_dir());
  SetVariable(&exported.variables, "SLURM_SUBMIT_HOST", request->spec.submit_host());
  return std::move(exported.variables);
}

google::protobuf::RepeatedPtrField<pb::Rlimit> LimitsToPropagate(const std::string& asked) {
  google::protobuf::RepeatedPtrField<pb::Rlimit> limits;
  std::set<std::string> wanted = NamesOf(asked);
  bool all = asked.empty() || wanted.count("ALL") != 0;
  for (const auto& [name, resource] : kLimits) {
    if (!all && wanted.count(name) == 0) continue;
    struct rlimit value;
    if (getrlimit(static_cast<__rlimit_resource>(resource), &value) != 0) continue;
    pb::Rlimit* limit = limits.Add();
    limit->set_name(name);
    limit->set_soft(value.rlim_cur);
  }
  return limits;
}

}  // namespace reeve::cli
