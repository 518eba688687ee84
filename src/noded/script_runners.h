// Starts script runners (stepd/script_runner.h), finds those again that outlived an earlier daemon,
// and says how each ended. On the loop's thread, which nothing here keeps waiting.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "common/os/event_loop.h"
#include "noded/forker.h"
#include "reeve/v1/stepd.pb.h"

namespace reeve::noded {

class ScriptRunners {
 public:
  using DoneFn = std::function<void(const v1::ScriptEnd& end)>;
  ScriptRunners(os::EventLoop* loop, Forker* forker, std::string spool_dir)
      : loop_(loop), forker_(forker), spool_dir_(std::move(spool_dir)) {}
  ~ScriptRunners();

  // `done` is called later, once, with the outcome: that of an earlier run when there is one, of
  // the one that goes on, or of a new one. A name that runs already keeps its first `done`.
  void Run(const std::string& name, const v1::ScriptRun& run, DoneFn done);
  bool Runs(const std::string& name) const { return active_.contains(name); }

 private:
  struct Active {
    DoneFn done;
    os::UniqueFd socket;  // to a runner of this daemon's: its end is the runner's
    int requests = 0;
    int sweeps = 0;  // for what the last runner left
    os::TimerId timer = os::TimerId::kNone;
  };

  void Inspect(const std::string& name);
  void InspectLater(const std::string& name);
  void Request(const std::string& name, Active* active);
  void End(const std::string& name, const v1::ScriptEnd& end);

  os::EventLoop* loop_;
  Forker* forker_;
  const std::string spool_dir_;
  std::map<std::string, Active> active_;
};

}  // namespace reeve::noded
