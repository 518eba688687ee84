// sbatch: sends a script to the controller.
#include <cstdio>
#include <cstdlib>
#include <span>

#include "cli/batch_script.h"
#include "cli/command.h"
#include "cli/components.h"
#include "cli/controller_client.h"
#include "cli/option_parser.h"
#include "cli/script_options.h"
#include "cli/submitter.h"
#include "cli/test_only.h"
#include "common/base/text.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kName = "sbatch";
constexpr std::string_view kFailed = "Batch job submission failed";
constexpr int64_t kWaitPollSeconds = 60;

int PrintLines(const absl::Status& status) {
  for (std::string_view line : Split(Message(status), "\n")) PrintError(kName, line);
  return 1;
}

// The script by its source; nullopt after an error has been printed.
std::optional<BatchScript> FetchScript(const JobRequest& request, int operands, char** operand) {
  if (request.wrap.has_value()) {
    if (operands > 0) {
      PrintError(kName, "Script arguments not permitted with --wrap option");
      return std::nullopt;
    }
    return WrapCommand(*request.wrap);
  }
  absl::StatusOr<BatchScript> script =
      operands > 0 ? LoadScript(operand[0]) : LoadScriptFromStdin();
  if (!script.ok()) {
    PrintLines(script.status());
    return std::nullopt;
  }
  if (absl::Status checked = CheckScript(script->text); !checked.ok()) {
    PrintLines(checked);
    return std::nullopt;
  }
  return *std::move(script);
}

std::optional<int> ReadWords(std::vector<std::string> words, std::vector<ParsedOption>* options) {
  std::string name(kName);
  std::vector<char*> argv = {name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  std::optional<ParsedArguments> parsed = ParseArguments(kSbatch, argc, argv.data());
  if (!parsed) return 255;
  if (parsed->first_operand < argc) {
    PrintError(kName,
               StrCat("Invalid directive found in batch script: ", argv[parsed->first_operand]));
    return 255;
  }
  *options = std::move(parsed->options);
  return std::nullopt;
}

// The options of each component.
std::optional<int> ReadScript(const BatchScript& script,
                              std::vector<std::vector<ParsedOption>>* options) {
  absl::StatusOr<std::vector<std::vector<std::string>>> components = ScriptOptionWords(script.text);
  if (!components.ok()) {
    PrintError(kName, Message(components.status()));
    return 255;
  }
  for (std::vector<std::string>& words : *components) {
    if (auto code = ReadWords(std::move(words), &options->emplace_back())) return code;
  }
  return std::nullopt;
}

// --wait: the job's exit code, as srun would give it.
int WaitForEnd(const ControllerClient& client, uint32_t job_id) {
  pb::WaitJobRequest wait;
  wait.set_job_id(job_id);
  wait.set_until(pb::WaitJobRequest::UNTIL_ENDED);
  wait.set_timeout(kWaitPollSeconds);
  while (true) {
    absl::StatusOr<pb::WaitJobResponse> answer = client.Call<pb::WaitJobResponse>(
        "Controller/WaitJob", wait, absl::Seconds(kWaitPollSeconds + 10));
    if (!answer.ok()) {
      PrintDaemonError(kName, "", answer.status());
      return 1;
    }
    if (!answer->reached()) continue;
    int status = answer->job().exit_status();
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    if (WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
    return answer->job().state() == pb::JOB_STATE_COMPLETED ? 0 : 1;
  }
}

void PrintSubmitted(const ControllerClient& client, const JobRequest& request, uint32_t job_id) {
  if (request.parsable) {
    printf("%u\n", job_id);
  } else if (!request.quiet) {
    printf("Submitted batch job %u\n", job_id);
  }
  fflush(stdout);
  if (request.verbose > 0) {
    PrintInfo(kName, StrCat("cluster ", client.config().cluster_name));
  }
}

int Submit(const ControllerClient& client, std::span<JobRequest> requests, BatchScript script) {
  JobRequest* request = &requests.front();
  pb::SubmitJobRequest submit;
  submit.set_request_id(RequestId());
  for (std::string& variable : BatchEnvironment(request))
    submit.add_environment(std::move(variable));
  submit.set_script(std::move(script.text));
  for (JobRequest& each : requests) {
    *each.spec.mutable_rlimits() = LimitsToPropagate(each.propagate);
    each.spec.set_export_none(request->spec.export_none());
  }
  PutComponents(requests, &submit);
  absl::StatusOr<pb::SubmitJobResponse> answer =
      client.Call<pb::SubmitJobResponse>("Controller/SubmitJob", submit);
  if (!answer.ok()) {
    PrintDaemonError(kName, kFailed, answer.status());
    return 1;
  }
  for (const std::string& note : answer->notes()) {
    if (!request->quiet) PrintInfo(kName, note);
  }
  PrintSubmitted(client, *request, answer->job_id());
  return request->wait_for_end ? WaitForEnd(client, answer->job_id()) : 0;
}

}  // namespace

int Sbatch(int argc, char** argv) {
  std::optional<ComponentArguments> arguments = ParseComponents(kSbatch, argc, argv);
  if (!arguments) return 255;
  // A first look at the command line alone: it says where the script is.
  JobRequest typed;
  if (auto code = ReadTyped(kSbatch, arguments->components, &typed)) {
    return *code;
  }
  if (auto code = PrintActionAnswer(kSbatch, typed)) return *code;
  int operands = argc - arguments->first_operand;
  char** operand = argv + arguments->first_operand;
  std::optional<BatchScript> script = FetchScript(typed, operands, operand);
  if (!script) return 1;

  std::vector<std::vector<ParsedOption>> from_script;
  if (!typed.wrap.has_value()) {
    if (auto code = ReadScript(*script, &from_script)) return *code;
  }
  auto variable = [](const char* name) -> const char* { return getenv(name); };
  std::vector<JobRequest> requests;
  if (auto code =
          ReadComponents(kSbatch, from_script, arguments->components, variable, &requests)) {
    return *code;
  }

  std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint(std::string(kName));
  if (client == nullptr) return 1;
  if (auto fault = CheckComponents(requests, !client->config().gres_types.empty())) {
    return PrintFault(kSbatch, *fault);
  }

  for (JobRequest& request : requests) {
    pb::JobSpec* spec = &request.spec;
    spec->set_batch(true);
    spec->set_command(script->path);
    if (spec->name().empty()) spec->set_name(script->default_job_name);
    for (int i = 1; i < operands; ++i) spec->add_script_args(operand[i]);
    DescribeSubmitter(argc, argv, spec);
    PrintSettings(kSbatch, request);
  }
  if (requests.front().test_only) return TellStart(*client, requests.front());
  return Submit(*client, requests, *std::move(script));
}

}  // namespace reeve::cli
