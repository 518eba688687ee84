// squeue: the jobs and steps of the queue.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/job_query.h"
#include "cli/squeue_options.h"
#include "cli/squeue_rows.h"
#include "cli/time_text.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

pb::QueryJobsRequest MakeRequest(const SqueueOptions& options) {
  pb::QueryJobsRequest request;
  // Whole jobs are asked for even when tasks are meant: only an unknown job is an error.
  for (const JobSelector& selector : options.jobs) {
    bool known = false;
    for (const pb::JobSelector& there : request.jobs()) {
      known = known || there.job_id() == selector.job.value;
    }
    if (!known) request.add_jobs()->set_job_id(selector.job.value);
  }
  for (uint32_t uid : options.uids) request.add_uids(uid);
  bool finished = options.all_states;
  for (const StateFilter& filter : options.states) {
    finished =
        finished || (filter.state.has_value() && IsFinished(*filter.state)) || filter.flag != 0;
  }
  request.set_with_finished(finished);
  request.set_with_steps(options.steps);
  return request;
}

// -w: a name that is no node's is an error, as a list of nothing would hide a typing mistake.
bool NodesExist(const ControllerClient& client, const SqueueOptions& options) {
  for (const std::string& name : options.nodes) {
    bool found = false;
    for (const NodeConfig& node : client.config().nodes) {
      found = found || node.name == name || node.hostname == name;
    }
    if (!found) {
      PrintError("squeue", StrCat("Invalid node name ", name));
      return false;
    }
  }
  return true;
}

int PrintOnce(const ControllerClient& client, const SqueueOptions& options) {
  std::vector<std::string> hidden;
  for (const PartitionConfig& partition : client.config().partitions) {
    if (partition.hidden) hidden.push_back(partition.name);
  }
  auto listing = SqueueListing::Create(options, hidden);
  if (!listing.ok()) {
    PrintError("squeue", Message(listing.status()));
    return 1;
  }
  ViewContext context;
  size_t received = 0;
  auto begin = [&](int64_t now) {
    context = MakeContext(client, now);
    context.convert_units = options.convert_units;
    context.expand_patterns = options.expand_patterns;
    received = 0;
    listing = SqueueListing::Create(options, hidden);
  };
  auto add = [&](const pb::Job& job) {
    ++received;
    (*listing)->Add(job, context);
  };
  pb::QueryJobsRequest request = MakeRequest(options);
  request.set_brief((*listing)->brief());
  absl::Status status = VisitJobs(client, request, begin, add);
  if (!status.ok()) {
    fflush(stdout);
    fprintf(stderr, "slurm_load_jobs error: %s\n", StatusText(status).c_str());
    return 1;
  }
  if (options.verbose) {
    PrintInfo("squeue", StrCat("cluster ", client.config().cluster_name, ": ", received,
                               " job records received"));
  }
  const bool dated = options.long_listing || options.iterate_seconds > 0;
  if (dated && options.header) puts(DateLine(absl::FromUnixSeconds(context.now)).c_str());
  for (const std::string& name : (*listing)->unknown_fields()) {
    PrintError("squeue", StrCat("Invalid job ", options.steps ? "step " : "",
                                "format specification: ", name));
  }
  Table::TextOptions text;
  text.header = options.header;
  (*listing)->Finish().Print(text, stdout);
  return 0;
}

}  // namespace

int Squeue(int argc, char** argv) {
  SqueueOptions options;
  if (std::optional<int> code = ReadSqueueOptions(argc, argv, &options)) return *code;
  std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint("squeue");
  if (client == nullptr) return 1;
  if (!NodesExist(*client, options)) return 1;
  int code = PrintOnce(*client, options);
  while (options.iterate_seconds > 0) {
    putchar('\n');
    fflush(stdout);
    sleep(options.iterate_seconds);
    code = PrintOnce(*client, options);
  }
  return code;
}

}  // namespace reeve::cli
