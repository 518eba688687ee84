#include "noded/lease_keeper.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "common/os/log.h"
#include "common/rpc/host_port.h"
#include "noded/stepd/spool.h"

namespace reeve::noded {
namespace {

std::vector<std::string> Names(const std::vector<LeaseRecord::Witness>& witnesses) {
  std::vector<std::string> names;
  for (const LeaseRecord::Witness& witness : witnesses) names.push_back(witness.node);
  return names;
}

}  // namespace

LeaseKeeper::LeaseKeeper(os::EventLoop* loop, Options options)
    : loop_(loop), options_(std::move(options)), lease_(os::BootClockNow()), boot_id_(BootId()) {}

LeaseKeeper::~LeaseKeeper() {
  loop_->Cancel(watch_);
  EndRound();
}

void LeaseKeeper::Start() {
  absl::StatusOr<LeaseRecord> kept = ReadLease(options_.spool_dir);
  if (kept.ok()) {
    witnesses_ = kept->witnesses;
    lease_.Resume(kept->terms, kept->from, Names(witnesses_));
  }
  Watch();
}

// ---- the controller -----------------------------------------------------------------------------

void LeaseKeeper::Registering() {
  lease_.Registering(os::BootClockNow());
}

void LeaseKeeper::Welcomed(const v1::Welcome& welcome) {
  witnesses_.clear();
  for (const v1::Witness& witness : welcome.witnesses()) {
    witnesses_.push_back({witness.node(), witness.address(), witness.port()});
  }
  EndRound();
  lease_.Welcomed({absl::Seconds(welcome.lease_seconds())}, Names(witnesses_), os::BootClockNow());
  renewed_by_witnesses_ = false;
  Keep();
  Watch();
}

void LeaseKeeper::Stamp(v1::Heartbeat* heartbeat) {
  heartbeat->set_acknowledged(lease_.acknowledged());
  heartbeat->set_sequence(lease_.Heartbeat(os::BootClockNow()));
}

void LeaseKeeper::Acknowledged(const v1::HeartbeatAck& ack) {
  EndRound();
  lease_.Acknowledged(ack.sequence(), os::BootClockNow());
  Keep();
}

bool LeaseKeeper::Held() const {
  return lease_.Held(os::BootClockNow());
}

void LeaseKeeper::Keep() {
  absl::Status status = WriteLease(
      options_.spool_dir,
      {boot_id_, lease_.terms(), std::max(lease_.from(), absl::ZeroDuration()), witnesses_});
  // Not renewed is safe: at worst requeueable steps end and run elsewhere.
  if (!status.ok()) os::LogError(StrCat("the lease can't be written: ", Message(status)));
}

// ---- witnesses ----------------------------------------------------------------------------------

void LeaseKeeper::Watch() {
  loop_->Cancel(watch_);
  watch_ = loop_->After(heartbeat() / 2, [this] { Watch(); });
  if (lease_.WantsWitnesses(os::BootClockNow())) Ask();
}

void LeaseKeeper::Ask() {
  EndRound();
  const BootTime now = os::BootClockNow();
  lease_.BeginAsking(now);
  round_end_ = loop_->After(lease_.terms().patience(), [this] {
    round_end_ = os::TimerId::kNone;
    EndRound();
  });
  for (const LeaseRecord::Witness& witness : witnesses_) {
    if (witness.node != options_.node) {
      AskOne(witness);
      continue;
    }
    v1::WitnessResponse own;
    own.set_node(options_.node);
    own.set_away(lease_.Away(now));
    own.set_patience_ms(absl::ToInt64Milliseconds(lease_.terms().patience()));
    OnAnswer(round_, own);
  }
}

void LeaseKeeper::AskOne(const LeaseRecord::Witness& witness) {
  Question question;
  question.channel = std::make_unique<rpc::Channel>(
      options_.target(witness.node, rpc::HostPort(witness.address, witness.port)), options_.munge);
  v1::WitnessRequest request;
  request.set_node(options_.node);
  auto on_message = [this, round = round_, name = witness.node](std::string bytes) {
    v1::WitnessResponse answer;
    // Who answers at that address must be who was asked.
    if (!answer.ParseFromString(bytes) || answer.node() != name) return;
    loop_->Post([this, round, answer] { OnAnswer(round, answer); });
  };
  absl::StatusOr<std::unique_ptr<rpc::Stream>> stream =
      question.channel->OpenStream("NodeDaemon/Witness", request, options_.slurmd_user,
                                   {std::move(on_message), [](absl::Status) {}});
  if (!stream.ok())
    return os::LogVerbose(StrCat("witness ", witness.node, ": ", Message(stream.status())));
  question.stream = *std::move(stream);
  questions_.push_back(std::move(question));
}

void LeaseKeeper::OnAnswer(uint64_t round, const v1::WitnessResponse& answer) {
  if (round != round_) return;
  if (!lease_.Said(answer.node(), answer.away(), absl::Milliseconds(answer.patience_ms()),
                   os::BootClockNow())) {
    return;
  }
  if (!renewed_by_witnesses_) {
    os::LogInfo("the controller is away, most witnesses say so too: requeueable steps go on");
  }
  renewed_by_witnesses_ = true;
  EndRound();
  Keep();
}

void LeaseKeeper::EndRound() {
  loop_->Cancel(round_end_);
  round_end_ = os::TimerId::kNone;
  ++round_;
  lease_.EndAsking();
  questions_.clear();
}

rpc::ServerStream::Events LeaseKeeper::OnQuestion(std::shared_ptr<rpc::ServerStream> stream) {
  loop_->Post([this, stream = std::move(stream)] { Answer(stream); });
  return {[](std::string) {}, [] {}};
}

void LeaseKeeper::Answer(const std::shared_ptr<rpc::ServerStream>& stream) {
  v1::WitnessResponse answer;
  answer.set_node(options_.node);
  answer.set_away(lease_.Away(os::BootClockNow()));
  answer.set_patience_ms(absl::ToInt64Milliseconds(lease_.terms().patience()));
  stream->Send(answer);
  stream->Finish(absl::OkStatus());
}

}  // namespace reeve::noded
