// Between the wire's messages and noded/core's plain structs.
#pragma once

#include "noded/core/launch_plan.h"
#include "noded/core/script_environment.h"
#include "noded/core/step_machine.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::noded {

StepKey KeyOf(const v1::StepLaunch& launch);
LaunchRequest FromProto(const v1::StepLaunch& launch);

JobFacts FromProto(const v1::JobFacts& facts);
v1::StepReport ToProto(uint64_t report_id, const StepKey& key, const StepOutcome& outcome);
StepOutcome FromProto(const v1::StepReport& report);

}  // namespace reeve::noded
