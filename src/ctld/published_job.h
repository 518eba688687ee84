// A job as queries show it, small: the bytes of its message, which go into answers as they are, and
// beside them what queries select by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reeve/v1/types.pb.h"

namespace reeve::ctld {

namespace pb = reeve::v1;

// Immutable; any thread may read.
class PublishedJob {
 public:
  // Without what no query shows: the resource limits that its tasks get.
  static std::shared_ptr<const PublishedJob> Make(pb::Job job);

  uint32_t id() const { return id_; }
  // Of its array, or of its heterogeneous job; 0: of neither.
  uint32_t array_job_id() const { return array_job_id_; }
  uint32_t uid() const { return uid_; }
  bool pending() const { return pending_; }
  bool over() const { return over_; }  // in a final state, and not completing
  std::string_view partition() const;  // or a comma list, while it is pending

  // As messages of protobuf are merged by putting them one behind the other, more fields of the job
  // may follow these bytes: they count.
  std::string_view bytes(bool with_steps) const {
    return with_steps ? std::string_view(bytes_) : std::string_view(bytes_).substr(0, steps_at_);
  }
  pb::Job Read() const;  // with its steps

 private:
  explicit PublishedJob(pb::Job job);

  uint32_t id_;
  uint32_t array_job_id_;
  uint32_t uid_;
  uint32_t partition_size_;
  uint32_t steps_at_;  // where the steps begin; the partition's name ends there
  bool pending_;
  bool over_;
  std::string bytes_;
};

}  // namespace reeve::ctld
