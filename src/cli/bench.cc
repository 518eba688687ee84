// reeve bench: how many submissions and queries a second the controller takes from one process.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/batch_script.h"
#include "cli/bench_load.h"
#include "cli/bench_options.h"
#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/option_parser.h"
#include "cli/query_cluster.h"
#include "cli/submitter.h"
#include "common/base/text.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

constexpr char kVerb[] = "reeve bench";
constexpr absl::Duration kPatience = absl::Seconds(60);        // with one request
constexpr absl::Duration kCancelPatience = absl::Minutes(10);  // with all jobs at once

// What every job of the load is submitted with, made as sbatch makes it.
struct Template {
  pb::SubmitJobRequest request;  // without a request id
  std::string name;              // of the jobs, and of no others
};

std::optional<Template> MakeTemplate(const ControllerClient& client, const BenchOptions& options) {
  std::vector<std::string> words = {"sbatch"};
  words.insert(words.end(), options.sbatch_words.begin(), options.sbatch_words.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  std::optional<ParsedArguments> parsed = ParseArguments(kSbatch, argc, argv.data());
  if (!parsed) return std::nullopt;
  JobRequest request;
  if (ApplyOptions(kSbatch, parsed->options, Source::kCommandLine, &request)) return std::nullopt;
  if (PrintActionAnswer(kSbatch, request)) return std::nullopt;
  if (parsed->first_operand < argc) {
    PrintError(kVerb, "the jobs run --wrap COMMAND, not a script");
    return std::nullopt;
  }
  if (!request.spec.name().empty() || request.wait_for_end) {
    PrintError(kVerb, "--job-name and --wait are not for these jobs");
    return std::nullopt;
  }
  if (auto fault = CheckCombinations(&request, !client.config().gres_types.empty())) {
    PrintFault(kSbatch, *fault);
    return std::nullopt;
  }
  Template made;
  made.name = StrCat("bench-", NewRequestId());
  pb::JobSpec* spec = &request.spec;
  spec->set_batch(true);
  spec->set_name(made.name);
  if (options.hold) spec->set_hold(true);
  if (spec->std_out().empty()) spec->set_std_out("/dev/null");
  DescribeSubmitter(argc, argv.data(), spec);
  for (std::string& variable : BatchEnvironment(&request)) {
    made.request.add_environment(std::move(variable));
  }
  *spec->mutable_rlimits() = LimitsToPropagate(request.propagate);
  made.request.set_script(WrapCommand(request.wrap.value_or("true")).text);
  *made.request.mutable_spec() = std::move(*spec);
  return made;
}

BenchOutcome SubmitOne(const ControllerClient& client, const Template& made) {
  pb::SubmitJobRequest request = made.request;
  request.set_request_id(NewRequestId());
  auto answer =
      client.Call<pb::SubmitJobResponse>("Controller/SubmitJob", request, kPatience, Retry::kNever);
  if (!answer.ok()) return {0, {answer.status()}};
  return {1, {}};
}

BenchOutcome SubmitMany(const ControllerClient& client, const pb::SubmitJobsRequest& request) {
  auto answer = client.Call<pb::SubmitJobsResponse>("Controller/SubmitJobs", request, kPatience,
                                                    Retry::kNever);
  BenchOutcome outcome;
  if (!answer.ok()) {
    outcome.failed.assign(static_cast<size_t>(request.jobs_size()), answer.status());
    return outcome;
  }
  for (const pb::SubmitJobsResponse::Result& result : answer->results()) {
    if (result.has_submitted()) {
      ++outcome.done;
    } else {
      outcome.failed.emplace_back(static_cast<absl::StatusCode>(result.code()),
                                  ToAbsl(result.error()));
    }
  }
  return outcome;
}

// Jobs by the batch until `options.jobs` have been asked for.
BenchSource SubmitSource(const BenchOptions& options, const Template& made) {
  auto left = std::make_shared<std::atomic<int64_t>>(options.jobs);
  return [left, &made, batch = int64_t{options.batch}]() -> std::optional<BenchRequest> {
    const int64_t mine = std::min(left->fetch_sub(batch), batch);
    if (mine <= 0) return std::nullopt;
    if (batch == 1)
      return [&made](const ControllerClient& client) { return SubmitOne(client, made); };
    pb::SubmitJobsRequest request;
    request.set_script(made.request.script());
    *request.mutable_environment() = made.request.environment();
    for (int64_t i = 0; i < mine; ++i) {
      pb::SubmitJobRequest* job = request.add_jobs();
      job->set_request_id(NewRequestId());
      *job->mutable_spec() = made.request.spec();
    }
    return [request = std::move(request)](const ControllerClient& client) {
      return SubmitMany(client, request);
    };
  };
}

// By their name, so that jobs whose acceptance was not heard of go too. False after an error.
bool CancelAll(const ControllerClient& client, const Template& made) {
  pb::CancelJobsRequest request;
  request.set_name(made.name);
  request.set_uid(getuid());
  const absl::Time began = absl::Now();
  auto answer =
      client.Call<pb::CancelJobsResponse>("Controller/CancelJobs", request, kCancelPatience);
  if (!answer.ok()) {
    PrintDaemonError(kVerb, StrCat("scancel -n ", made.name), answer.status());
    return false;
  }
  fprintf(stderr, "%s: %d jobs were still there and are cancelled, in %.2f s\n", kVerb,
          answer->results_size(), absl::ToDoubleSeconds(absl::Now() - began));
  return true;
}

BenchOutcome QueryOnce(const ControllerClient& client, const BenchOptions& options) {
  absl::Status status;
  if (options.load == BenchLoad::kSinfo) {
    status = client
                 .Call<pb::QueryClusterResponse>(
                     "Controller/QueryCluster", pb::QueryClusterRequest(), kPatience, Retry::kNever)
                 .status();
  } else {
    pb::QueryJobsRequest request;
    if (options.load == BenchLoad::kJob) request.add_jobs()->set_job_id(options.job_id);
    status = client.CallRaw(
        "Controller/QueryJobs", request, kPatience,
        [](std::string_view bytes) {
          return pb::QueryJobsResponse().ParseFromArray(bytes.data(),
                                                        static_cast<int>(bytes.size()));
        },
        nullptr, Retry::kNever);
  }
  if (!status.ok()) return {0, {status}};
  return {1, {}};
}

// 0 when there is none.
uint32_t FirstJob(const ControllerClient& client) {
  uint32_t first = 0;
  client
      .CallRaw("Controller/QueryJobs", pb::QueryJobsRequest(), kPatience,
               [&first](std::string_view bytes) {
                 pb::QueryJobsResponse part;
                 const bool good =
                     part.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
                 if (first == 0 && part.jobs_size() > 0) first = part.jobs(0).job_id();
                 return good;
               })
      .IgnoreError();
  return first;
}

int Print(const BenchOptions& options, const BenchTitle& title, const BenchFigures& figures) {
  const std::string text = options.json ? BenchJson(title, figures) : BenchText(title, figures);
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
  return figures.failed.empty() ? 0 : 1;
}

int RunSubmit(const ControllerClient& client, const BenchOptions& options) {
  const std::optional<Template> made = MakeTemplate(client, options);
  if (!made) return 2;
  const BenchFigures figures =
      RunBenchLoad(client, options.channels, options.pipeline, SubmitSource(options, *made));
  const int code =
      Print(options, {"submit", "job", "jobs", options.channels, options.pipeline, options.batch},
            figures);
  if (options.keep) {
    fprintf(stderr, "%s: they stay; `scancel -n %s` cancels them\n", kVerb, made->name.c_str());
  } else if (!CancelAll(client, *made)) {
    return 1;
  }
  return code;
}

int RunQuery(const ControllerClient& client, BenchOptions options) {
  if (options.load == BenchLoad::kJob && options.job_id == 0) {
    options.job_id = FirstJob(client);
    if (options.job_id == 0) {
      PrintError(kVerb, "there is no job to ask about");
      return 1;
    }
  }
  const absl::Time end = absl::Now() + absl::Seconds(options.seconds);
  const BenchRequest request = [&options](const ControllerClient& one) {
    return QueryOnce(one, options);
  };
  const BenchFigures figures = RunBenchLoad(client, options.channels, options.pipeline, [&]() {
    return absl::Now() < end ? std::optional(request) : std::nullopt;
  });
  const char* load = options.load == BenchLoad::kSqueue  ? "squeue"
                     : options.load == BenchLoad::kSinfo ? "sinfo"
                                                         : "job";
  return Print(options, {load, "query", "queries", options.channels, options.pipeline, 1}, figures);
}

}  // namespace

int Bench(int argc, char** argv) {
  absl::StatusOr<BenchOptions> options = ParseBenchOptions(argc, argv);
  if (!options.ok()) {
    PrintError(kVerb, Message(options.status()));
    fputs("Try \"reeve bench --help\".\n", stderr);
    return 2;
  }
  if (options->help) {
    fputs(kBenchUsage, stdout);
    return 0;
  }
  const std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint(kVerb);
  if (client == nullptr) return 1;
  return options->load == BenchLoad::kSubmit ? RunSubmit(*client, *options)
                                             : RunQuery(*client, *options);
}

}  // namespace reeve::cli
