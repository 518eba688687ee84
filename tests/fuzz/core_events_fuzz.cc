// The controller's core: any sequence of events at any times. After each one the invariants hold,
// every call is answered once, the clock's wake-ups come to rest, and what was to be stored is
// enough to go on from after a restart.
#include <map>
#include <set>

#include "ctld/convert.h"
#include "ctld/core/controller.h"
#include "ctld/core/invariants.h"
#include "ctld/stored_snapshot.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/core_event_maker.h"

namespace reeve::ctld {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

constexpr int kMaxEvents = 150;
constexpr int kMaxPasses = 100;  // of one event; a pass may say that it wants another

class World {
 public:
  explicit World(Bytes bytes) : bytes_(bytes), maker_(&bytes_), settings_(maker_.MakeSettings()) {
    core_ = std::make_unique<Controller>(settings_);
    Take(core_->Restore({}, now_));
    for (const Node& node : settings_.nodes) Do(maker_.Registration(node.name, *core_));
  }

  void Run() {
    for (int i = 0; i < kMaxEvents && !bytes_.empty(); ++i) {
      switch (bytes_.Below(16)) {
        case 0:
          Advance();
          break;
        case 1:
          if (bytes_.Below(8) == 0) Restart();
          break;
        default:
          Do(maker_.Make(*core_, now_));
      }
    }
    Restart();
  }

 private:
  void Do(Event event) {
    if (const auto* next = std::get_if<Reconfigured>(&event)) settings_ = next->settings;
    const bool must_answer = Token(event);
    Take(core_->Handle(event, now_));
    if (must_answer) Expect(!waiting_.contains(last_call_), "a call got no answer");
  }

  // Gives a call its token. Those that may wait need no answer yet.
  bool Token(Event& event) {
    bool may_wait = false;
    const bool calls = std::visit(
        [&](auto& one) {
          using E = std::decay_t<decltype(one)>;
          may_wait = std::is_same_v<E, WaitJob> || std::is_same_v<E, CreateStep>;
          if constexpr (std::is_same_v<E, CallAbandoned>) {
            one.call = CallToken{last_call_ > 0 ? bytes_.Below(256) % last_call_ : 0};
            waiting_.erase(one.call.value);
            return false;
          } else if constexpr (requires { one.call; }) {
            one.call = CallToken{++last_call_};
            waiting_.insert(last_call_);
            return true;
          } else {
            return false;
          }
        },
        event);
    return calls && !may_wait;
  }

  void Advance() {
    static constexpr int64_t kSeconds[] = {0, 1, 29, 61, 301, 3601, 86400, 400 * 86400};
    now_ += absl::Seconds(bytes_.Pick(kSeconds));
    // What is due is done; then there is nothing due any more.
    for (int i = 0; i < 4; ++i) {
      Take(core_->Handle(Tick{}, now_));
      if (!wakeup_ || *wakeup_ > now_) return;
    }
    fuzz::Fail("the core wants to be woken again and again");
  }

  void Take(Effects effects) {
    Look(effects);
    bool again = effects.schedule && bytes_.Below(4) != 0;
    for (int i = 0; again; ++i) {
      Expect(i < kMaxPasses, "passes without end");
      Effects more = core_->Schedule(now_);
      again = more.schedule;
      Look(more);
    }
  }

  void Look(const Effects& effects) {
    wakeup_ = effects.next_wakeup;
    for (const Reply& reply : effects.replies) {
      Expect(waiting_.erase(reply.call.value) == 1, "call ", reply.call.value, " answered twice");
      Expect(reply.answer.ok() || !reply.answer.status().message().empty(), "refused in silence");
    }
    const std::set<JobId> changed(effects.jobs_changed.begin(), effects.jobs_changed.end());
    for (JobId id : effects.jobs_to_store) {
      Expect(changed.contains(id), "job ", id.value, " is stored and not shown");
      jobs_[id] = ToProto(*core_->FindJob(id), "test").SerializeAsString();
    }
    for (JobId id : effects.jobs_removed) jobs_.erase(id);
    for (const std::string& name : effects.nodes_to_store) {
      if (const Node* node = core_->FindNode(name))
        nodes_[name] = ToStored(*node).SerializeAsString();
    }
    for (const RequestResult& kept : effects.requests_kept) {
      requests_[{kept.key.uid, kept.key.request_id}] = ToProto(kept).SerializeAsString();
    }
    for (const RequestKey& key : effects.requests_forgotten) {
      requests_.erase({key.uid, key.request_id});
    }
    if (effects.counters) counters_ = *effects.counters;
    for (const NodeCommand& command : effects.commands) maker_.Sent(command);
    const std::vector<std::string> wrong = CheckInvariants(*core_);
    Expect(wrong.empty(), Join(wrong, "\n"));
  }

  // From what the store has, and with what it has: nothing of weight is missing there.
  void Restart() {
    CheckStored();
    StoredState stored;
    for (const auto& [id, bytes] : jobs_) stored.jobs.push_back(bytes);
    for (const auto& [name, bytes] : nodes_) stored.nodes.push_back(bytes);
    for (const auto& [key, bytes] : requests_) stored.requests.push_back(bytes);
    if (counters_) stored.counters = {counters_->next_job_id, counters_->next_priority};
    absl::StatusOr<Snapshot> snapshot = ToSnapshot(stored, settings_.first_job_id);
    Expect(snapshot.ok(), "our own records are refused: ", snapshot.status().ToString());
    waiting_.clear();
    core_ = std::make_unique<Controller>(settings_);
    Take(core_->Restore(*std::move(snapshot), now_));
  }

  // Reasons, plans and priorities of the moment are made again; the rest must be on disk.
  void CheckStored() {
    Expect(jobs_.size() == core_->job_count(), jobs_.size(), " jobs stored, ", core_->job_count(),
           " known");
    core_->ForEachJob([&](const Job& job) {
      pb::Job known = ToProto(job, "test"), stored;
      Expect(stored.ParseFromString(jobs_[job.id]), "an unreadable record");
      for (pb::Job* message : {&known, &stored}) {
        message->clear_reason();
        message->clear_reason_detail();
        message->clear_planned_start();
        message->clear_sched_nodes();
        message->clear_last_sched_time();
      }
      Expect(known.SerializeAsString() == stored.SerializeAsString(), "known is\n",
             known.DebugString(), "and stored\n", stored.DebugString());
    });
  }

  Bytes bytes_;
  fuzz::EventMaker maker_;
  Settings settings_;
  absl::Time now_ = absl::FromUnixSeconds(1'795'500'000);
  std::unique_ptr<Controller> core_;
  std::optional<absl::Time> wakeup_;
  uint64_t last_call_ = 0;
  std::set<uint64_t> waiting_;
  std::map<JobId, std::string> jobs_;
  std::map<std::string, std::string> nodes_;
  std::map<std::pair<uint32_t, std::string>, std::string> requests_;
  std::optional<Counters> counters_;
};

}  // namespace
}  // namespace reeve::ctld

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::ctld::World(reeve::fuzz::Bytes(data, size)).Run();
  return 0;
}
