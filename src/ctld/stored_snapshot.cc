#include "ctld/stored_snapshot.h"

#include "absl/container/flat_hash_set.h"
#include "common/base/text.h"
#include "ctld/convert.h"
#include "ctld/record_check.h"

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

}  // namespace

absl::StatusOr<Snapshot> ToSnapshot(const StoredState& stored, uint32_t first_job_id) {
  Snapshot snapshot;
  absl::flat_hash_set<JobId> known;
  for (const std::string& bytes : stored.jobs) {
    absl::StatusOr<pb::Job> message = ParseRecord<pb::Job>(bytes, "job");
    if (!message.ok()) return message.status();
    absl::StatusOr<Job> job = FromProto(*message);
    absl::Status sound = job.ok() ? CheckRecord(*job) : job.status();
    if (!sound.ok()) return Annotate(sound, StrCat("job ", message->job_id()));
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
