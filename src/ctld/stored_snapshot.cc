#include "ctld/stored_snapshot.h"

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/text.h"
#include "ctld/convert.h"
#include "ctld/record_check.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace reeve::ctld {
namespace {

absl::StatusOr<StoredNode> NodeFromProto(const pb::StoredNode& in) {
  if (in.base() > static_cast<uint32_t>(NodeBase::kFuture)) {
    return absl::DataLossError(StrCat("node ", in.name(), ": has state ", in.base()));
  }
  return FromProto(in);
}

template <class Message>
absl::StatusOr<Message> ParseRecord(const std::string& bytes, std::string_view what) {
  Message message;
  if (!message.ParseFromString(bytes))
    return absl::DataLossError(StrCat("unreadable ", what, " record"));
  return message;
}

// Reads jobs one after the other. Most of a record is its job's spec, and many have the same one:
// it is parsed once for all whose bytes are equal.
class JobReader {
 public:
  absl::StatusOr<Job> Read(std::string_view record) {
    const size_t spec_at = SpecPlace(record);
    message_.Clear();
    if (spec_at == record.npos) {  // written in another order
      if (!Parse(record)) return Unreadable();
      return Checked(FromProto(message_));
    }
    if (!Parse(record.substr(0, spec_at))) return Unreadable();
    const std::shared_ptr<const JobSpec> spec = Spec(record.substr(spec_at));
    if (spec == nullptr) return Unreadable();
    return Checked(FromProto(message_, spec));
  }

 private:
  bool Parse(std::string_view bytes) {
    return message_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }

  std::shared_ptr<const JobSpec> Spec(std::string_view bytes) {
    auto [found, added] = specs_.try_emplace(bytes);
    if (!added) return found->second;
    pb::Job holder;
    if (holder.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      found->second = std::make_shared<JobSpec>(FromProto(holder.spec()));
    }
    return found->second;
  }

  absl::StatusOr<Job> Checked(absl::StatusOr<Job> job) const {
    const absl::Status sound = job.ok() ? CheckRecord(*job) : job.status();
    if (!sound.ok()) return Annotate(sound, StrCat("job ", message_.job_id()));
    return job;
  }

  static absl::Status Unreadable() { return absl::DataLossError("unreadable job record"); }

  // From where on there is nothing but the spec; npos when something follows it.
  static size_t SpecPlace(std::string_view record) {
    using google::protobuf::internal::WireFormatLite;
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(record.data()),
                                              static_cast<int>(record.size()));
    size_t place = record.npos;
    while (true) {
      const auto at = static_cast<size_t>(in.CurrentPosition());
      const uint32_t tag = in.ReadTag();
      if (tag == 0) return place;
      const bool spec = WireFormatLite::GetTagFieldNumber(tag) == pb::Job::kSpecFieldNumber;
      if (!spec && place != record.npos) return record.npos;
      if (spec && place == record.npos) place = at;
      if (!WireFormatLite::SkipField(&in, tag)) return record.npos;
    }
  }

  pb::Job message_;  // its memory serves one record after the other
  absl::flat_hash_map<std::string_view, std::shared_ptr<const JobSpec>> specs_;  // by their bytes
};

}  // namespace

absl::StatusOr<Snapshot> ToSnapshot(const StoredState& stored, uint32_t first_job_id) {
  Snapshot snapshot;
  absl::flat_hash_set<JobId> known;
  JobReader reader;
  known.reserve(stored.jobs.size());
  snapshot.jobs.reserve(stored.jobs.size());
  for (const std::string& bytes : stored.jobs) {
    absl::StatusOr<Job> job = reader.Read(bytes);
    if (!job.ok()) return job.status();
    if (!known.insert(job->id).second) {
      return absl::DataLossError(StrCat("job ", job->id.value, " is there twice"));
    }
    snapshot.jobs.push_back(*std::move(job));
  }
  if (absl::Status sound = CheckTogether(snapshot.jobs); !sound.ok()) return sound;
  for (const std::string& bytes : stored.nodes) {
    absl::StatusOr<pb::StoredNode> message = ParseRecord<pb::StoredNode>(bytes, "node");
    if (!message.ok()) return message.status();
    absl::StatusOr<StoredNode> node = NodeFromProto(*message);
    if (!node.ok()) return node.status();
    snapshot.nodes.push_back(*std::move(node));
  }
  for (const std::string& bytes : stored.partitions) {
    absl::StatusOr<pb::StoredPartition> message =
        ParseRecord<pb::StoredPartition>(bytes, "partition");
    if (!message.ok()) return message.status();
    snapshot.partitions.push_back(FromProto(*message));
  }
  for (const std::string& bytes : stored.reservations) {
    absl::StatusOr<pb::Reservation> message = ParseRecord<pb::Reservation>(bytes, "reservation");
    if (!message.ok()) return message.status();
    absl::StatusOr<Reservation> reservation = FromProto(*message);
    if (!reservation.ok()) return reservation.status();
    snapshot.reservations.push_back(*std::move(reservation));
  }
  for (const std::string& bytes : stored.steps) {
    absl::StatusOr<pb::StoredStepSpec> message = ParseRecord<pb::StoredStepSpec>(bytes, "step");
    if (!message.ok()) return message.status();
    snapshot.steps.push_back(FromProto(*message));
  }
  for (const std::string& bytes : stored.requests) {
    absl::StatusOr<pb::StoredRequest> message = ParseRecord<pb::StoredRequest>(bytes, "request");
    if (!message.ok()) return message.status();
    snapshot.requests.push_back(FromProto(*message));
  }
  for (const std::string& bytes : stored.usage) {
    absl::StatusOr<pb::StoredUsage> message = ParseRecord<pb::StoredUsage>(bytes, "usage");
    if (!message.ok()) return message.status();
    snapshot.usage.push_back(FromProto(*message));
  }
  if (!snapshot.jobs.empty() && !stored.counters) {
    return absl::DataLossError("jobs are there, and the number of the next one is not");
  }
  snapshot.counters.next_job_id = first_job_id;
  if (stored.counters) {
    snapshot.counters = {stored.counters->next_job_id, stored.counters->next_priority};
  }
  return snapshot;
}

}  // namespace reeve::ctld
