// The controller's RPCs with requests of any content, and its nodes' messages, through the real
// service, core, effects and snapshot; only network and disk are not there. After each one the
// invariants hold and every call has its answer, or waits where it may.
#include <map>

#include "ctld/convert.h"
#include "ctld/core/invariants.h"
#include "ctld/service.h"
#include "google/protobuf/descriptor.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/fake_call.h"
#include "tests/fuzz/message_filler.h"

namespace reeve::ctld {
namespace {

using fuzz::Bytes;
using fuzz::Expect;
using fuzz::FakeCall;

constexpr int kMaxRequests = 40;
constexpr char kConfig[] =
    "ClusterName=test\nSlurmctldHost=localhost\nSelectTypeParameters=CR_Core_Memory\n"
    "MaxArraySize=100001\nMaxJobCount=100\n"
    "NodeName=n[1-4] CPUs=4 RealMemory=1000 Features=a\n"
    "PartitionName=debug Nodes=n[1-4] Default=YES\nPartitionName=gpu Nodes=n[3-4]\n";

// A disk that is done at once.
class MemoryStore : public StateStore {
 public:
  absl::StatusOr<StoredState> Load() override { return StoredState(); }
  void Commit(Batch batch, std::function<void(absl::Status)> done) override {
    for (auto& [hash, bytes] : batch.blobs) blobs_[hash] = std::move(bytes);
    done(absl::OkStatus());
  }
  absl::StatusOr<std::string> ReadBlob(const std::string& hash) override {
    const auto found = blobs_.find(hash);
    if (found == blobs_.end()) return absl::NotFoundError("no blob");
    return found->second;
  }
  absl::StatusOr<std::vector<OutboxRecord>> ReadOutbox(uint64_t, size_t) override {
    return std::vector<OutboxRecord>();
  }

 private:
  std::map<std::string, std::string> blobs_;
};

const Config& TestConfig() {
  static const Config* const config = new Config(*ParseConfig(kConfig, "slurm.conf"));
  return *config;
}

class World {
 public:
  World()
      : config_(TestConfig()),
        blobs_(&store_),
        core_(MakeSettings(TestConfig())),
        runner_({"test", true, 0}, [this](std::function<void()> fn) { loop_.Post(std::move(fn)); },
                &core_, &store_, &publisher_,
                {[this](const Reply& reply) { calls_.Answer(reply, core_, "test"); },
                 [this](NodeCommand command) { CheckCommand(command); }, [] {},
                 [](const absl::Status&) { fuzz::Fail("the store failed"); }}),
        service_({&loop_, &publisher_, &calls_, &blobs_, &config_, absl::UnixEpoch(),
                  [this](Event event, EffectRunner::Blobs blobs) {
                    Apply(core_.Handle(event, absl::Now()), std::move(blobs));
                  },
                  [this] { return core_.counters().next_job_id; }, [](const Config&) {}}) {
    service_.Register(&server_);
    Apply(core_.Restore({}, absl::Now()));
    runner_.PublishAll();
    for (const Node* node : core_.Nodes()) {
      NodeRegistered event;
      event.node = node->name;
      event.hardware.cpus = 4;
      event.hardware.real_memory_mb = 1000;
      Apply(core_.Handle(event, absl::Now()));
    }
  }

  void Run(Bytes bytes) {
    for (int i = 0; i < kMaxRequests && !bytes.empty(); ++i) {
      const uint32_t choice = bytes.Below(8);
      if (choice == 0) {
        FromNode(bytes);
      } else if (choice == 1 && !waiting_.empty()) {
        waiting_.back()->Leave();
        waiting_.pop_back();
      } else {
        Request(bytes);
      }
      Settle();
    }
  }

 private:
  void Apply(Effects effects, EffectRunner::Blobs blobs = {}) {
    const bool schedule = effects.schedule;
    runner_.Run(std::move(effects), std::move(blobs));
    const std::vector<std::string> wrong = CheckInvariants(core_);
    Expect(wrong.empty(), Join(wrong, "\n"));
    if (schedule) pass_wanted_ = true;
  }

  void Settle() {
    for (int i = 0; i < 1000; ++i) {
      if (std::exchange(pass_wanted_, false)) {
        Apply(core_.Schedule(absl::Now()));
      } else if (!loop_.RunOnce()) {
        break;
      }
    }
    for (const auto& [method, call] : open_) {
      const bool may_wait = method == "Controller/WaitJob" || method == "Controller/CreateStep";
      Expect(call->finished() || may_wait, method, " got no answer");
      if (call->finished()) CheckAnswer(method, *call);
      if (!call->finished()) waiting_.push_back(call);
    }
    open_.clear();
  }

  // Clients can read it.
  void CheckAnswer(const std::string& method, const FakeCall& call) {
    if (!call.status().ok()) return;
    Expect(!call.answers().empty(), method, ": success without an answer");
    const auto* type = MethodOf(method);
    for (const std::string& answer : call.answers()) {
      std::unique_ptr<google::protobuf::Message> message(NewMessage(type->output_type()));
      Expect(message->ParseFromString(answer), method, ": an unreadable answer");
    }
  }

  static const google::protobuf::MethodDescriptor* MethodOf(std::string_view method) {
    const auto* service = pb::PingRequest::descriptor()->file()->service(0);
    return service->FindMethodByName(std::string(method.substr(method.find('/') + 1)));
  }
  static google::protobuf::Message* NewMessage(const google::protobuf::Descriptor* type) {
    return google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New();
  }

  void Request(Bytes& bytes) {
    const auto& [method, handler] =
        server_.unary[bytes.Below(static_cast<uint32_t>(server_.unary.size()))];
    if (method == "Controller/Reconfigure") return;  // reads a file
    const uint32_t who = bytes.Below(4);
    const rpc::Identity identity{who == 0 ? 0u : 999u + who, who == 0 ? 0u : 999u + who};
    std::string request;
    if (bytes.Below(8) == 0) {
      request = std::string(bytes.Text());
    } else {
      std::unique_ptr<google::protobuf::Message> message(
          NewMessage(MethodOf(method)->input_type()));
      fuzz::Fill(bytes, message.get());
      request = message->SerializeAsString();
    }
    auto call = std::make_shared<FakeCall>(
        identity, who == 0 ? rpc::Role::kAdministrator : rpc::Role::kUser, std::move(request));
    open_.emplace_back(method, call);
    handler(call);
  }

  void FromNode(Bytes& bytes) {
    pb::NodeMessage message;
    fuzz::Fill(bytes, &message);
    const std::string node = StrCat("n", 1 + bytes.Below(4));
    if (message.has_registration()) {
      message.mutable_registration()->set_node(node);
      return Apply(core_.Handle(FromProto(message.registration()), absl::Now()));
    }
    std::optional<Event> event = ToEvent(node, message);
    if (event) Apply(core_.Handle(*event, absl::Now()));
  }

  void CheckCommand(const NodeCommand& command) {
    if (const auto* launch = std::get_if<StepLaunch>(&command.command)) {
      const pb::StepLaunch out = ToProto(*launch, "test");
      Expect(out.shares_size() == out.task_ids_size(), "a launch whose parts do not match");
      Expect(out.node_index() < static_cast<uint32_t>(out.shares_size()), "a launch for no node");
    }
  }

  os::EventLoop loop_;
  MemoryStore store_;
  Publisher publisher_;
  Calls calls_;
  LiveConfig config_;
  BlobCache blobs_;
  Controller core_;
  EffectRunner runner_;
  Service service_;
  fuzz::FakeServer server_;
  bool pass_wanted_ = false;
  std::vector<std::pair<std::string, std::shared_ptr<FakeCall>>> open_;
  std::vector<std::shared_ptr<FakeCall>> waiting_;
};

}  // namespace
}  // namespace reeve::ctld

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::ctld::World().Run(reeve::fuzz::Bytes(data, size));
  return 0;
}
