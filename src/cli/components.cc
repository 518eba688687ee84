#include "cli/components.h"

#include <algorithm>
#include <string_view>

#include "cli/command.h"
#include "common/base/text.h"

namespace reeve::cli {

std::optional<ComponentArguments> ParseComponents(Command command, int argc, char** argv) {
  ComponentArguments parsed;
  int begin = 0;  // what stands before a component's options: the command's name, or a ":"
  while (true) {
    std::vector<char*> words = {argv[0]};
    words.insert(words.end(), argv + begin + 1, argv + argc);
    const int count = static_cast<int>(words.size());
    words.push_back(nullptr);
    std::optional<ParsedArguments> part = ParseArguments(command, count, words.data());
    if (!part) return std::nullopt;
    parsed.components.push_back(std::move(part->options));
    parsed.first_operand = begin + part->first_operand;
    if (parsed.first_operand >= argc || std::string_view(argv[parsed.first_operand]) != ":") {
      return parsed;
    }
    begin = parsed.first_operand;
  }
}

namespace {

// What steers the command may stand in any component.
void TakeSteering(const JobRequest& from, JobRequest* request) {
  request->verbose = std::max(request->verbose, from.verbose);
  request->quiet |= from.quiet;
  request->parsable |= from.parsable;
  request->wait_for_end |= from.wait_for_end;
  request->test_only |= from.test_only;
  request->no_shell |= from.no_shell;
  request->bell |= from.bell;
  if (!request->wrap.has_value()) request->wrap = from.wrap;
  if (!request->export_text.has_value()) request->export_text = from.export_text;
  if (!request->immediate_seconds.has_value()) request->immediate_seconds = from.immediate_seconds;
  if (request->action == Action::kRun) request->action = from.action;
}

}  // namespace

std::optional<int> ReadTyped(Command command, const std::vector<std::vector<ParsedOption>>& typed,
                             JobRequest* request) {
  for (const std::vector<ParsedOption>& options : typed) {
    JobRequest component;
    if (auto code = ApplyOptions(command, options, Source::kCommandLine, &component)) return code;
    TakeSteering(component, request);
  }
  return std::nullopt;
}

std::optional<int> ReadComponents(Command command,
                                  const std::vector<std::vector<ParsedOption>>& from_script,
                                  const std::vector<std::vector<ParsedOption>>& typed,
                                  const GetVariable& get_variable,
                                  std::vector<JobRequest>* requests) {
  const size_t count = std::max({from_script.size(), typed.size(), size_t{1}});
  for (size_t i = 0; i < count; ++i) {
    JobRequest& request = requests->emplace_back();
    if (i < from_script.size()) {
      if (auto code = ApplyOptions(command, from_script[i], Source::kScript, &request)) return code;
    }
    if (auto code = ApplyEnvironment(command, get_variable, &request)) return code;
    if (i < typed.size()) {
      if (auto code = ApplyOptions(command, typed[i], Source::kCommandLine, &request)) return code;
    }
  }
  for (const JobRequest& request : *requests) TakeSteering(request, &requests->front());
  return std::nullopt;
}

std::optional<OptionFault> CheckComponents(std::span<JobRequest> requests, bool has_gres_types) {
  for (JobRequest& request : requests) {
    if (auto fault = CheckCombinations(&request, has_gres_types)) return fault;
  }
  if (requests.size() > 1 && requests.front().test_only) {
    return NotSupported("--test-only of a heterogeneous job");
  }
  // The others have no shell that it could mean.
  for (JobRequest& request : requests.subspan(1)) {
    if (request.spec.warning().batch_only() && request.WasSetBy("signal", Source::kEnvironment)) {
      request.spec.clear_warning();
    }
  }
  return std::nullopt;
}

void PutComponents(std::span<const JobRequest> requests, pb::SubmitJobRequest* submit) {
  *submit->mutable_spec() = requests.front().spec;
  for (const JobRequest& request : requests.subspan(1)) {
    *submit->add_het_components() = request.spec;
  }
}

}  // namespace reeve::cli
