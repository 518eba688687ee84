#include "ctld/published_job.h"

#include <utility>

#include "common/base/job_state.h"

namespace reeve::ctld {

std::shared_ptr<const PublishedJob> PublishedJob::Make(pb::Job job) {
  auto spec = SpecBytes::Make(std::move(*job.mutable_spec()));
  const SharedText script_hash(job.script_hash());
  return std::make_shared<PublishedJob>(std::move(job), std::move(spec), script_hash);
}

PublishedJob::PublishedJob(pb::Job job, std::shared_ptr<const SpecBytes> spec,
                           SharedText script_hash)
    : id_(job.job_id()),
      array_job_id_(job.het_job_id() != 0 ? job.het_job_id() : job.array_job_id()),
      uid_(job.uid()),
      partition_size_(static_cast<uint32_t>(job.partition().size())),
      pending_(job.state() == pb::JOB_STATE_PENDING),
      over_(IsFinished(static_cast<JobState>(job.state())) &&
            (job.flags() & pb::JOB_FLAG_COMPLETING) == 0),
      script_hash_(std::move(script_hash)),
      spec_(std::move(spec)) {
  job.clear_spec();
  job.clear_script_hash();
  job.clear_env_hash();
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
  return std::string_view(bytes_).substr(steps_at_ - partition_size_, partition_size_);
}

size_t PublishedJob::size(Parts parts) const {
  return (parts.steps ? bytes_.size() : steps_at_) + spec(parts).size();
}

void PublishedJob::AppendTo(Parts parts, std::string* bytes) const {
  bytes->append(bytes_, 0, parts.steps ? bytes_.size() : steps_at_);
  bytes->append(spec(parts));
}

pb::Job PublishedJob::Read(Parts parts) const {
  std::string bytes;
  AppendTo(parts, &bytes);
  pb::Job job;
  job.ParseFromString(bytes);
  return job;
}

}  // namespace reeve::ctld
