// HealthCheckProgram: run as root when the controller says so and once before the daemon registers,
// never twice at a time, ended after a minute. Its output goes to the log; what it finds it acts on
// itself (scontrol update NodeName=... State=DRAIN Reason=...).
#pragma once

#include <functional>
#include <string>

#include "noded/core/script_environment.h"
#include "noded/script_runners.h"

namespace reeve::noded {

class HealthCheck {
 public:
  HealthCheck(ScriptRunners* runners, std::string spool_dir, std::string program, ScriptSite site)
      : runners_(runners),
        spool_dir_(std::move(spool_dir)),
        program_(std::move(program)),
        site_(std::move(site)) {}

  // Nothing happens (and `done`, if any, is not called) while an earlier one runs.
  void Run(std::function<void()> done = nullptr);

 private:
  ScriptRunners* runners_;
  const std::string spool_dir_;
  const std::string program_;
  const ScriptSite site_;
};

}  // namespace reeve::noded
