#include "ctld/spec_bytes.h"

#include <utility>

#include "absl/hash/hash.h"
#include "ctld/convert.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace reeve::ctld {
namespace {

void AppendSpec(const pb::JobSpec& part, std::string* bytes) {
  AppendField(pb::Job::kSpecFieldNumber, part.SerializeAsString(), bytes);
}

// Takes the fields of brief() out of the spec.
pb::JobSpec TakeBrief(pb::JobSpec* spec) {
  pb::JobSpec brief;
  brief.mutable_name()->swap(*spec->mutable_name());
  brief.mutable_partition()->swap(*spec->mutable_partition());
  brief.set_nice(spec->nice());
  brief.set_begin_time(spec->begin_time());
  spec->clear_nice();
  spec->clear_begin_time();
  if (spec->has_mem_per_node_mb()) brief.set_mem_per_node_mb(spec->mem_per_node_mb());
  if (spec->has_mem_per_cpu_mb()) brief.set_mem_per_cpu_mb(spec->mem_per_cpu_mb());
  spec->clear_mem_per_node_mb();
  spec->clear_mem_per_cpu_mb();
  return brief;
}

}  // namespace

void AppendFieldHead(int number, size_t value_size, std::string* message) {
  using google::protobuf::internal::WireFormatLite;
  using google::protobuf::io::CodedOutputStream;
  uint8_t head[10];
  uint8_t* end =
      WireFormatLite::WriteTagToArray(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, head);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(value_size), end);
  message->append(head, end);
}

void AppendField(int number, std::string_view value, std::string* message) {
  AppendFieldHead(number, value.size(), message);
  message->append(value);
}

std::shared_ptr<const SpecBytes> SpecBytes::Make(pb::JobSpec spec) {
  return std::shared_ptr<const SpecBytes>(new SpecBytes(std::move(spec)));
}

SpecBytes::SpecBytes(pb::JobSpec spec) {
  const pb::JobSpec brief = TakeBrief(&spec);
  pb::JobSpec limits;
  limits.mutable_rlimits()->Swap(spec.mutable_rlimits());
  constexpr size_t kHeads = 3 * 10;
  bytes_.reserve(brief.ByteSizeLong() + spec.ByteSizeLong() + limits.ByteSizeLong() + kHeads);
  AppendSpec(brief, &bytes_);
  brief_size_ = static_cast<uint32_t>(bytes_.size());
  AppendSpec(spec, &bytes_);
  shown_size_ = static_cast<uint32_t>(bytes_.size());
  if (limits.rlimits_size() > 0) AppendSpec(limits, &bytes_);
  bytes_.shrink_to_fit();
}

std::shared_ptr<const SpecBytes> SpecBytesCache::Of(const std::shared_ptr<const JobSpec>& spec) {
  Entry& entry = entries_[absl::HashOf(spec.get()) % entries_.size()];
  std::shared_ptr<const SpecBytes> bytes = entry.bytes.lock();
  if (bytes != nullptr && entry.spec.lock() == spec) return bytes;
  bytes = SpecBytes::Make(ToProto(*spec));
  entry = {spec, bytes};
  return bytes;
}

}  // namespace reeve::ctld
