// A job as queries show it, small: the bytes of its message, which go into answers as they are, and
// beside them what queries select by. Those of its specification are shared (spec_bytes.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ctld/core/shared_text.h"
#include "ctld/spec_bytes.h"
#include "reeve/v1/types.pb.h"

namespace reeve::ctld {

namespace pb = reeve::v1;

// Immutable; any thread may read.
class PublishedJob {
 public:
  // `job` comes without its spec, and is kept without what no query shows: the hashes of its script
  // and environment.
  PublishedJob(pb::Job job, std::shared_ptr<const SpecBytes> spec, SharedText script_hash);
  // Of a whole message.
  static std::shared_ptr<const PublishedJob> Make(pb::Job job);

  uint32_t id() const { return id_; }
  // Of its array, or of its heterogeneous job; 0: of neither.
  uint32_t array_job_id() const { return array_job_id_; }
  uint32_t uid() const { return uid_; }
  bool pending() const { return pending_; }
  bool over() const { return over_; }  // in a final state, and not completing
  std::string_view partition() const;  // or a comma list, while it is pending
  const SharedText& script_hash() const { return script_hash_; }

  struct Parts {
    bool whole_spec = true;  // else SpecBytes::brief
    bool steps = true;
  };
  // The message's bytes without frame. As messages of protobuf are merged by putting them one
  // behind the other, more fields of the job may follow: they count.
  size_t size(Parts parts) const;
  void AppendTo(Parts parts, std::string* bytes) const;
  pb::Job Read(Parts parts) const;
  pb::Job Read() const { return Read(Parts()); }

 private:
  std::string_view spec(Parts parts) const {
    return parts.whole_spec ? spec_->shown() : spec_->brief();
  }

  uint32_t id_;
  uint32_t array_job_id_;
  uint32_t uid_;
  uint32_t partition_size_;
  uint32_t steps_at_;  // where the steps begin; the partition's name ends there
  bool pending_;
  bool over_;
  SharedText script_hash_;
  std::shared_ptr<const SpecBytes> spec_;
  std::string bytes_;  // of all but the spec
};

}  // namespace reeve::ctld
