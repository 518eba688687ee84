#include "ctld/published_job.h"

#include <utility>

#include "common/base/job_state.h"

namespace reeve::ctld {

std::shared_ptr<const PublishedJob> PublishedJob::Make(pb::Job job) {
  return std::shared_ptr<const PublishedJob>(new PublishedJob(std::move(job)));
}

PublishedJob::PublishedJob(pb::Job job)
    : id_(job.job_id()),
      array_job_id_(job.het_job_id() != 0 ? job.het_job_id() : job.array_job_id()),
      uid_(job.uid()),
      partition_size_(static_cast<uint32_t>(job.partition().size())),
      pending_(job.state() == pb::JOB_STATE_PENDING),
      over_(IsFinished(static_cast<JobState>(job.state())) &&
            (job.flags() & pb::JOB_FLAG_COMPLETING) == 0) {
  if (job.has_spec()) job.mutable_spec()->clear_rlimits();
  // In three parts, so that the partition and the steps can be found.
  pb::Job partition, steps;
  partition.mutable_partition()->swap(*job.mutable_partition());
  steps.mutable_steps()->Swap(job.mutable_steps());
  bytes_.reserve(job.ByteSizeLong() + partition.ByteSizeLong() + steps.ByteSizeLong());
  job.AppendToString(&bytes_);
  partition.AppendToString(&bytes_);
  steps_at_ = static_cast<uint32_t>(bytes_.size());
  steps.AppendToString(&bytes_);
}

std::string_view PublishedJob::partition() const {
  return bytes(/*with_steps=*/false).substr(steps_at_ - partition_size_);
}

pb::Job PublishedJob::Read() const {
  pb::Job job;
  job.ParseFromString(bytes_);
  return job;
}

}  // namespace reeve::ctld
