// A node's step machine: any order of what controller, step daemons and the network do. No attempt
// starts twice unless it said that nothing ran, every end is reported until it is acknowledged, and
// nothing stays behind once all is acknowledged.
#include <map>
#include <set>

#include "noded/core/step_machine.h"
#include "tests/fuzz/check.h"

namespace reeve::noded {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

const absl::Time kNow = absl::FromUnixSeconds(1'795'500'000);

class World {
 public:
  explicit World(Bytes bytes) : bytes_(bytes), machine_(1) {}

  void Run() {
    while (!bytes_.empty()) Step();
    CalmDown();
  }

 private:
  StepKey Key() {
    const uint8_t choice = bytes_.Byte();
    return {JobId{1u + (choice & 1)}, StepId{(choice >> 1) % 3 - 1},
            static_cast<uint32_t>(choice >> 3) % 2};
  }

  void Step() {
    const StepKey key = Key();
    switch (bytes_.Below(9)) {
      case 0:
      case 1:
        return Take(machine_.Launch(key, kNow));
      case 2:
        return Outcome(key, StepOutcome::Kind::kStarted, false);
      case 3:
        return Outcome(key, StepOutcome::Kind::kExited, false);
      case 4:
        return Outcome(key, StepOutcome::Kind::kLaunchFailed, bytes_.Flag());
      case 5:
        if (live_.erase(key) > 0) Take(machine_.StepdGone(key, kNow));
        return;
      case 6:
        return Take(machine_.TerminateJob(key.job, key.attempt, absl::Seconds(1), "why"));
      case 7:
        Take(machine_.Signal(key, 9, bytes_.Flag()));
        Take(machine_.Suspend(key.job, key.attempt, bytes_.Flag()));
        return Take(machine_.KillStep(key, absl::Seconds(1), ""));
      default:
        return Acknowledge(bytes_.Below(64));
    }
  }

  // Only a stepd that lives says anything.
  void Outcome(const StepKey& key, StepOutcome::Kind kind, bool again) {
    if (!live_.contains(key)) return;
    if (kind == StepOutcome::Kind::kLaunchFailed && machine_.HasStarted(key)) return;
    Take(machine_.Outcome(key, {.kind = kind, .time = kNow, .launch_again = again}));
  }

  void Acknowledge(uint64_t id) {
    if (reports_.erase(id) > 0) Take(machine_.Acknowledge(id));
    // A second time it changes nothing.
    Expect(machine_.Acknowledge(id).empty(), "an acknowledgement counts twice");
  }

  void Take(const Effects& effects) {
    for (const Effect& effect : effects) {
      if (const auto* start = std::get_if<StartStepd>(&effect)) {
        Expect(live_.insert(start->key).second, "started twice: ", ToString(start->key));
        Expect(!ran_.contains(start->key), "started again after it ran: ", ToString(start->key));
      } else if (const auto* report = std::get_if<SendReport>(&effect)) {
        Expect(reports_.insert(report->id).second, "report ", report->id, " twice");
        const StepOutcome& outcome = report->outcome;
        if (outcome.kind != StepOutcome::Kind::kLaunchFailed) ran_.insert(report->key);
      } else if (const auto* removed = std::get_if<RemoveSpool>(&effect)) {
        // Acknowledged: the controller has it, and launches no such attempt again.
        ran_.erase(removed->key);
      } else if (const auto* gone = std::get_if<SendJobGone>(&effect)) {
        Expect(reports_.insert(gone->id).second, "report ", gone->id, " twice");
      }
    }
    // What is not acknowledged is what a new connection hears, oldest first.
    std::vector<uint64_t> heard;
    for (const Effect& effect : machine_.Connected()) {
      const auto* report = std::get_if<SendReport>(&effect);
      heard.push_back(report != nullptr ? report->id : std::get<SendJobGone>(effect).id);
    }
    for (uint64_t id : heard) Expect(reports_.contains(id), "report ", id, " comes from nowhere");
    Expect(std::is_sorted(heard.begin(), heard.end()), "reports out of order");
  }

  void CalmDown() {
    for (const StepKey& key : std::set<StepKey>(live_)) {
      Take(machine_.Outcome(key, {.kind = StepOutcome::Kind::kExited, .time = kNow}));
      live_.erase(key);
      Take(machine_.StepdGone(key, kNow));
    }
    for (uint64_t id : std::set<uint64_t>(reports_)) Acknowledge(id);
    Expect(machine_.Known().empty(), "a step stays behind");
    Expect(machine_.Connected().empty(), "a report stays behind");
  }

  Bytes bytes_;
  StepMachine machine_;
  std::set<StepKey> live_;
  std::set<StepKey> ran_;
  std::set<uint64_t> reports_;
};

}  // namespace
}  // namespace reeve::noded

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::noded::World(reeve::fuzz::Bytes(data, size)).Run();
  return 0;
}
