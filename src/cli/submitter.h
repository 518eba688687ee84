// Who submits, from where and with which limits: what goes into every job's specification.
#pragma once

#include <string>
#include <vector>

#include "cli/job_options.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

// Fills submit_line, submit_host, submit_dir, alloc_sid, umask and, where empty, work_dir.
void DescribeSubmitter(int argc, char** argv, pb::JobSpec* spec);

// The process's resource limits that are passed on: those that `asked` (--propagate) names, all by
// default, as PropagateResourceLimits=ALL has it.
google::protobuf::RepeatedPtrField<pb::Rlimit> LimitsToPropagate(const std::string& asked);

// The environment of a batch job, by --export; says in the specification when it is not whole.
std::vector<std::string> BatchEnvironment(JobRequest* request);

std::string SubmitLine(int argc, char** argv);
std::string ShortHostName();
std::string CurrentFolder();  // "/" when it is gone
uint32_t CurrentUmask();

}  // namespace reeve::cli
