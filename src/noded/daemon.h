// reevenoded, wired: the one place where its parts meet.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/os/event_loop.h"
#include "common/rpc/server.h"
#include "noded/controller_link.h"
#include "noded/forker.h"
#include "noded/health_check.h"
#include "noded/io_relay.h"
#include "noded/lease_keeper.h"
#include "noded/node_state.h"
#include "noded/step_runner.h"

namespace reeve::noded {

struct DaemonOptions {
  Config config;
  NodeConfig node;  // this node's line
  std::string spool_dir;
  std::string stepd_program;
  os::LogOptions log;  // for the stepds: the daemon's own file
};

class Daemon {
 public:
  explicit Daemon(DaemonOptions options);
  ~Daemon();

  // Everything that can fail. The forker first: it starts before gRPC's threads.
  absl::Status Start();
  void Run();  // until SIGTERM or SIGINT; steps go on

 private:
  StepdSettings MakeStepdSettings() const;
  absl::Status LockSpool();
  absl::Status StartServer();
  void ProtectFromOom() const;
  v1::Registration MakeRegistration() const;
  void OnController(const v1::ControllerMessage& message);
  void OnWelcome(const v1::Welcome& welcome);
  void Heartbeat();
  JobScriptOptions ScriptOptions() const;
  void StartLink();

  const DaemonOptions options_;
  os::EventLoop loop_;
  os::UniqueFd spool_lock_;
  std::optional<NodeState> state_;
  std::unique_ptr<Forker> forker_;
  std::unique_ptr<StepRunner> steps_;
  std::unique_ptr<ScriptRunners> health_runners_;
  std::unique_ptr<HealthCheck> health_;  // null: no HealthCheckProgram
  std::unique_ptr<IoRelay> relay_;
  std::unique_ptr<LeaseKeeper> lease_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<ControllerLink> link_;
  NodeCgroups cgroups_;
  absl::Time started_;
  os::TimerId heartbeat_timer_ = os::TimerId::kNone;
  bool welcome_ = false;  // by the stream that is open now
};

// The node line for this machine: `name` if given, else the one whose NodeName or NodeHostname is
// this host's name. NotFound says what was looked for.
absl::StatusOr<NodeConfig> FindOwnNode(const Config& config, const std::string& name);

}  // namespace reeve::noded
