// The shell around core's Lease: the file that stepds read, heartbeats' numbers, the questions to
// witnesses and this node's own answers. On the loop's thread, but for Answer's caller.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/os/event_loop.h"
#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "noded/core/lease.h"
#include "noded/stepd/lease_file.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/noded.pb.h"

namespace reeve::noded {

class LeaseKeeper {
 public:
  struct Options {
    std::string spool_dir;
    std::string node;
    rpc::Munge munge;
    uid_t slurmd_user = 0;  // as whom the other nodes' daemons run
    // TLS, or not, to the daemon of a node.
    std::function<rpc::Target(const std::string& node, std::string address)> target;
  };
  LeaseKeeper(os::EventLoop* loop, Options options);
  ~LeaseKeeper();

  void Start();  // goes on with what an earlier daemon of this boot left

  void Registering();
  void Welcomed(const v1::Welcome& welcome);
  void Stamp(v1::Heartbeat* heartbeat);  // which goes out now
  void Acknowledged(const v1::HeartbeatAck& ack);

  bool Held() const;  // launches may be obeyed
  absl::Duration heartbeat() const { return lease_.terms().heartbeat(); }

  // NodeDaemon/Witness; called on gRPC threads.
  rpc::ServerStream::Events OnQuestion(std::shared_ptr<rpc::ServerStream> stream);

 private:
  struct Question {
    std::unique_ptr<rpc::Channel> channel;
    std::unique_ptr<rpc::Stream> stream;
  };

  void Keep();  // writes the file
  void Watch();
  void Ask();
  void AskOne(const LeaseRecord::Witness& witness);
  void OnAnswer(uint64_t round, const v1::WitnessResponse& answer);
  void EndRound();
  void Answer(const std::shared_ptr<rpc::ServerStream>& stream);

  os::EventLoop* loop_;
  const Options options_;
  Lease lease_;
  std::vector<LeaseRecord::Witness> witnesses_;
  std::string boot_id_;
  std::vector<Question> questions_;
  uint64_t round_ = 0;
  bool renewed_by_witnesses_ = false;
  os::TimerId watch_ = os::TimerId::kNone;
  os::TimerId round_end_ = os::TimerId::kNone;
};

}  // namespace reeve::noded
