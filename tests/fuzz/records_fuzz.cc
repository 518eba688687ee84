// The controller's store: records of any content. Each is refused by name, or the controller stands
// on it: restored, scheduled and left alone for years, with its invariants.
#include "ctld/convert.h"
#include "ctld/core/controller.h"
#include "ctld/core/invariants.h"
#include "ctld/stored_snapshot.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_filler.h"

namespace reeve::ctld {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

constexpr int kMaxRecords = 6;
constexpr uint32_t kNextJobId = kMaxJobId / 2;
const absl::Time kNow = absl::FromUnixSeconds(1'795'500'000);

Settings SmallCluster() {
  Settings settings;
  settings.cluster_name = "test";
  Partition partition;
  partition.name = partition.nodes_text = "debug";
  partition.is_default = true;
  for (int i = 1; i <= 4; ++i) {
    Node node;
    node.name = node.hostname = node.address = StrCat("n", i);
    node.cpus = node.sockets = 4;
    node.real_memory_mb = 1000;
    settings.nodes.push_back(node);
    partition.nodes.push_back(node.name);
  }
  settings.partitions.push_back(partition);
  return settings;
}

// A record as a message, and bytes that need not be one.
template <class Message>
std::string RecordOf(Bytes& bytes) {
  if (bytes.Below(16) == 0) return std::string(bytes.Text());
  Message message;
  fuzz::Fill(bytes, &message);
  return message.SerializeAsString();
}

StoredState MakeState(Bytes& bytes) {
  StoredState state;
  uint32_t next_job_id = kNextJobId, next_priority = 1000;
  for (int i = 0; i < kMaxRecords && !bytes.empty(); ++i) {
    switch (bytes.Below(8)) {
      case 0:
        state.nodes.push_back(RecordOf<pb::StoredNode>(bytes));
        break;
      case 1:
        state.requests.push_back(RecordOf<pb::StoredRequest>(bytes));
        break;
      case 2:
        next_job_id = bytes.Flag() ? kNextJobId : 0;
        next_priority = static_cast<uint32_t>(bytes.Number());
        break;
      default:
        state.jobs.push_back(RecordOf<pb::Job>(bytes));
    }
  }
  if (next_job_id != 0) state.counters = {next_job_id, next_priority};
  return state;
}

// What is taken over is written again as it was.
void CheckAgain(const Job& job) {
  const pb::Job printed = ToProto(job, "test");
  absl::StatusOr<Job> again = FromProto(printed);
  Expect(again.ok(), "a record that was read is refused: ", again.status().ToString());
  const pb::Job twice = ToProto(*again, "test");
  Expect(twice.SerializeAsString() == printed.SerializeAsString(), printed.DebugString(),
         " became ", twice.DebugString());
}

void Check(Bytes bytes) {
  const StoredState state = MakeState(bytes);
  absl::StatusOr<Snapshot> snapshot = ToSnapshot(state, 1);
  if (!snapshot.ok()) {
    return Expect(!Message(snapshot.status()).empty() && Message(snapshot.status()).size() < 4096,
                  "no word of why");
  }
  for (const Job& job : snapshot->jobs) {
    CheckAgain(job);
    // Once numbers have gone round there are jobs beyond the next one; that is not looked at here.
    if (job.id.value >= kNextJobId) return;
  }
  Controller controller(SmallCluster());
  const auto well = [&controller](std::string_view when) {
    const std::vector<std::string> wrong = CheckInvariants(controller);
    Expect(wrong.empty(), when, ": ", Join(wrong, "\n"));
  };
  controller.Restore(*std::move(snapshot), kNow);
  well("restored");
  controller.Schedule(kNow);
  well("scheduled");
  NodeRegistered node;
  node.node = "n1";
  node.boot_id = "boot1";
  node.hardware.cpus = 4;
  node.hardware.real_memory_mb = 1000;
  controller.Handle(node, kNow);
  controller.Schedule(kNow);
  well("a node came");
  for (int years : {0, 1, 20}) {
    controller.Handle(Tick{}, kNow + absl::Hours(24 * 365 * years));
    well("later");
  }
  controller.ForEachJob([](const Job& job) { CheckAgain(job); });
}

}  // namespace
}  // namespace reeve::ctld

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::ctld::Check(reeve::fuzz::Bytes(data, size));
  return 0;
}
