// A job's specification as bytes of its message: it hardly ever changes and many jobs share one, so
// it is written once for all of them and put behind the rest of each job.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ctld/core/job.h"
#include "reeve/v1/types.pb.h"

namespace reeve::ctld {

namespace pb = reeve::v1;

// Immutable; any thread may read. Each part is one or more times the field `spec` of pb::Job, tag
// and length included: protobuf merges what comes one behind the other.
class SpecBytes {
 public:
  static std::shared_ptr<const SpecBytes> Make(pb::JobSpec spec);

  // Name, partition, nice, begin time and memory: what the listing of a long queue needs.
  std::string_view brief() const { return std::string_view(bytes_).substr(0, brief_size_); }
  std::string_view shown() const { return std::string_view(bytes_).substr(0, shown_size_); }
  std::string_view all() const { return bytes_; }  // with the resource limits of its tasks

 private:
  explicit SpecBytes(pb::JobSpec spec);

  std::string bytes_;
  uint32_t brief_size_ = 0;
  uint32_t shown_size_ = 0;
};

// Those made of late, by the object that they were made of. For one thread.
class SpecBytesCache {
 public:
  // Made when the object is met for the first time, or again after many others.
  std::shared_ptr<const SpecBytes> Of(const std::shared_ptr<const JobSpec>& spec);

 private:
  struct Entry {
    std::weak_ptr<const JobSpec> spec;
    std::weak_ptr<const SpecBytes> bytes;
  };
  std::array<Entry, 1024> entries_;
};

// Appends a field of bytes (or of a message's bytes) to a message's bytes.
void AppendField(int number, std::string_view value, std::string* message);
// Only its tag and the size of what the caller puts behind it.
void AppendFieldHead(int number, size_t value_size, std::string* message);

}  // namespace reeve::ctld
