#include "ctld/request_limits.h"

#include <initializer_list>
#include <string_view>

#include "common/base/text.h"
#include "ctld/core/errors.h"
#include "ctld/core/explain.h"
#include "ctld/core/het_job.h"

namespace reeve::ctld {
namespace {

constexpr size_t kMaxId = 128;
constexpr size_t kMaxName = 1024;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxText = 64 << 10;
constexpr size_t kMaxSpec = 1 << 20;       // all of a job but script and environment
constexpr size_t kMaxArguments = 2 << 20;  // the kernel's own limit for a program
constexpr int kMaxPicks = 10000;           // jobs of one request
constexpr int kMaxChanges = 1000;

struct Text {
  std::string_view what;
  std::string_view text;
  size_t limit;
};

absl::Status TooLong(std::string_view what) {
  return Refuse(kTooLong, StrCat(what, " is too long"));
}

absl::Status CheckTexts(std::initializer_list<Text> texts) {
  for (const Text& text : texts) {
    if (text.text.size() > text.limit) return TooLong(text.what);
  }
  return absl::OkStatus();
}

template <class Strings>
size_t BytesOf(const Strings& strings) {
  size_t bytes = 0;
  for (const std::string& string : strings) bytes += string.size() + 1;
  return bytes;
}

template <class Selectors>
absl::Status CheckPicks(const Selectors& jobs, int most = kMaxPicks) {
  if (jobs.size() > most) {
    return absl::InvalidArgumentError(
        StrCat("more than ", most, " jobs in one request\n", kTooLong));
  }
  for (const pb::JobSelector& job : jobs) {
    if (job.array_tasks().size() > kMaxText) return TooLong("list of array tasks");
  }
  return absl::OkStatus();
}

template <class Changes>
absl::Status CheckChanges(const Changes& changes) {
  if (changes.size() > kMaxChanges) return TooLong("list of changes");
  for (const pb::ConfigEntry& change : changes) {
    if (change.key().size() > kMaxName) return TooLong("name of a parameter");
    if (change.value().size() > kMaxText) return TooLong(change.key());
  }
  return absl::OkStatus();
}

absl::Status CheckSpec(const pb::JobSpec& spec) {
  if (spec.ByteSizeLong() > kMaxSpec) return TooLong("list of arguments");
  return CheckTexts({{"job name", spec.name(), kMaxName},
                     {"account", spec.account(), kMaxName},
                     {"partition", spec.partition(), kMaxName},
                     {"QOS", spec.qos(), kMaxName},
                     {"working directory", spec.work_dir(), kMaxPath},
                     {"input file", spec.std_in(), kMaxPath},
                     {"output file", spec.std_out(), kMaxPath},
                     {"error file", spec.std_err(), kMaxPath},
                     {"comment", spec.comment(), kMaxText},
                     {"node list", spec.req_nodes(), kMaxText},
                     {"exclude list", spec.exc_nodes(), kMaxText},
                     {"dependency", spec.dependency(), kMaxText},
                     {"array", spec.array(), kMaxText},
                     {"list of generic resources", spec.gres(), kMaxName},
                     {"list of licences", spec.licenses(), kMaxName},
                     {"number of GPUs", spec.gpus(), kMaxName},
                     {"number of GPUs", spec.gpus_per_node(), kMaxName},
                     {"number of GPUs", spec.gpus_per_task(), kMaxName},
                     {"list of node counts", spec.node_counts(), kMaxName},
                     {"GPU binding", spec.gpu_bind(), kMaxName},
                     {"hint", spec.cpus().hint(), kMaxName},
                     {"distribution", spec.cpus().distribution(), kMaxName},
                     {"constraint", spec.features(), kMaxName}});
}

// Script and environment of one job, or of those that share them.
template <class Request>
absl::Status CheckFiles(const Request& request, const Config& config) {
  if (request.script().size() > config.max_script_size) {
    return Refuse(kTooLong,
                  StrCat("script larger than max_script_size, ", config.max_script_size, " bytes"));
  }
  if (BytesOf(request.environment()) > kMaxEnvironmentBytes) {
    return Refuse(kTooLong, StrCat("environment larger than ", kMaxEnvironmentBytes >> 20, " MiB"));
  }
  return absl::OkStatus();
}

}  // namespace

size_t MaxRequestBytes(const Config& config) {
  return config.max_script_size + kMaxEnvironmentBytes + kMaxSpec + (1 << 20);
}

absl::Status CheckLimits(const pb::SubmitJobRequest& request, const Config& config) {
  if (request.request_id().size() > kMaxId) return TooLong("request id");
  if (request.het_components_size() >= static_cast<int>(kMostComponents)) {
    return Refuse(kTooLong, StrCat("more than ", kMostComponents, " components in one job"));
  }
  absl::Status status = CheckFiles(request, config);
  if (status.ok()) status = CheckSpec(request.spec());
  for (const pb::JobSpec& spec : request.het_components()) {
    if (status.ok()) status = CheckSpec(spec);
  }
  return status;
}

// How many bytes they are together is bounded by MaxRequestBytes.
absl::Status CheckLimits(const pb::SubmitJobsRequest& request, const Config& config) {
  if (request.jobs_size() > kMaxSubmissions) {
    return Refuse(kTooLong, StrCat("more than ", kMaxSubmissions, " jobs in one request"));
  }
  absl::Status status = CheckFiles(request, config);
  for (const pb::SubmitJobRequest& job : request.jobs()) {
    // Each is a search of its own: they are not to hold everybody else up together.
    if (job.test_only()) return Refuse(kUnsupported, "test_only in a request of several jobs");
    if (status.ok()) status = CheckLimits(job, config);
  }
  return status;
}

absl::Status CheckLimits(const pb::CreateStepRequest& request) {
  if (BytesOf(request.environment()) > kMaxEnvironmentBytes) return TooLong("environment");
  if (BytesOf(request.argv()) > kMaxArguments) return TooLong("list of arguments");
  return CheckTexts({{"request id", request.request_id(), kMaxId},
                     {"step name", request.name(), kMaxName},
                     {"working directory", request.work_dir(), kMaxPath},
                     {"input file", request.std_in(), kMaxPath},
                     {"output file", request.std_out(), kMaxPath},
                     {"error file", request.std_err(), kMaxPath},
                     {"node list", request.req_nodes(), kMaxText},
                     {"exclude list", request.exc_nodes(), kMaxText},
                     {"distribution", request.distribution(), kMaxName},
                     {"GPU binding", request.gpu_bind(), kMaxName},
                     {"hint", request.cpus().hint(), kMaxName},
                     {"distribution", request.cpus().distribution(), kMaxName},
                     {"host name", request.submit_host(), kMaxName},
                     {"host name", request.srun_host(), kMaxName},
                     {"MPI type", request.mpi(), kMaxName},
                     {"list of generic resources", request.gres(), kMaxName},
                     {"number of GPUs", request.gpus(), kMaxName},
                     {"number of GPUs", request.gpus_per_node(), kMaxName},
                     {"number of GPUs", request.gpus_per_task(), kMaxName},
                     {"CPU binding", request.cpu_bind(), kMaxText}});
}

absl::Status CheckLimits(const pb::CancelJobsRequest& request) {
  absl::Status status = CheckPicks(request.jobs());
  if (!status.ok()) return status;
  return CheckTexts({{"node list", request.node_list(), kMaxText}});
}

absl::Status CheckLimits(const pb::ControlJobsRequest& request) {
  return CheckPicks(request.jobs());
}

absl::Status CheckLimits(const pb::UpdateJobRequest& request) {
  if (request.job().array_tasks().size() > kMaxText) return TooLong("list of array tasks");
  return CheckChanges(request.changes());
}

absl::Status CheckLimits(const pb::ExplainJobsRequest& request) {
  return CheckPicks(request.jobs(), kMostExplained);
}

absl::Status CheckLimits(const pb::UpdateNodeRequest& request) {
  return CheckTexts({{"node list", request.nodes(), kMaxText},
                     {"reason", request.reason(), kMaxText},
                     {"features", request.features(), kMaxText},
                     {"comment", request.comment(), kMaxText}});
}

absl::Status CheckLimits(const pb::UpdatePartitionRequest& request) {
  return CheckChanges(request.changes());
}

absl::Status CheckLimits(const pb::UpdateReservationRequest& request) {
  absl::Status status = CheckTexts({{"name", request.name(), kMaxName}});
  return status.ok() ? CheckChanges(request.changes()) : status;
}

}  // namespace reeve::ctld
