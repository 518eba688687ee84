// Batch scripts: what their #SBATCH lines say, through the same steps that sbatch takes.
#include "cli/batch_script.h"
#include "cli/job_options.h"
#include "cli/option_parser.h"
#include "cli/script_options.h"
#include "cli/submit_env.h"
#include "tests/fuzz/check.h"

namespace reeve::cli {
namespace {

using fuzz::Expect;

std::string Quoted(std::string_view word) {
  std::string out = "'";
  for (char c : word) {
    if (c == '\'') {
      out += "'\"'\"'";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// Quoted word by word they are the same words.
void CheckWords(const std::vector<std::string>& words) {
  std::string script = "#!/bin/sh\n#SBATCH";
  for (const std::string& word : words) StrAppend(&script, " ", Quoted(word));
  absl::StatusOr<std::vector<std::vector<std::string>>> again = ScriptOptionWords(script);
  if (!words.empty() && (words[0] == "hetjob" || words[0] == "packjob")) return;
  Expect(again.ok() && again->size() == 1 && again->front() == words, "other words of: ", script);
}

void ApplyWords(std::vector<std::string> words) {
  std::string name = "sbatch";
  std::vector<char*> argv = {name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  std::optional<ParsedArguments> parsed = ParseArguments(kSbatch, argc, argv.data());
  if (!parsed) return;
  Expect(parsed->first_operand >= 1 && parsed->first_operand <= argc, "operands at ",
         parsed->first_operand);
  JobRequest request;
  const std::optional<int> failed =
      ApplyOptions(kSbatch, parsed->options, Source::kScript, &request);
  if (failed) return Expect(*failed != 0, "a fault that is a success");
  for (bool gres : {false, true}) {
    JobRequest copy = request;
    std::optional<OptionFault> fault = CheckCombinations(&copy, gres);
    if (fault) Expect(fault->exit_code != 0 && !fault->message.empty(), "a fault without words");
  }
  // What the controller is sent is what was read.
  pb::JobSpec sent;
  Expect(sent.ParseFromString(request.spec.SerializeAsString()), "a request nobody can read");
  const ExportedEnvironment exported =
      ExportEnvironment({"HOME=/root", "SLURM_JOB_ID=1", "A=b"}, request.export_text);
  for (const std::string& variable : exported.variables) {
    Expect(variable.find('=') != std::string::npos, "no variable: ", variable);
  }
}

void Check(std::string_view script) {
  if (absl::Status checked = CheckScript(script); !checked.ok()) {
    Expect(!Message(checked).empty(), "no word of why");
  }
  absl::StatusOr<std::vector<std::vector<std::string>>> components = ScriptOptionWords(script);
  if (!components.ok()) {
    return Expect(!Message(components.status()).empty(), "no word of why");
  }
  size_t length = 0;
  for (const std::vector<std::string>& words : *components) {
    for (const std::string& word : words) length += word.size();
    CheckWords(words);
    ApplyWords(words);
  }
  Expect(length <= script.size(), "more words than text");
}

}  // namespace
}  // namespace reeve::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Silence();
  reeve::cli::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
