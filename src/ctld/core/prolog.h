// What the controller has to do with Prolog and Epilog, which run on the nodes: it tells what job
// they are for, waits for those that run at allocation, and drains a node where one has failed.
#pragma once

#include <memory>
#include <string>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// For the scripts of a job's nodes; null where the configuration has none.
std::shared_ptr<const JobFacts> FactsOf(const Job& job, const Settings& settings);

// PrologFlags=Alloc: every node of the starting job is told to run the prolog, and (unless NoHold)
// the job is CONFIGURING until all have.
void PrepareNodes(Context& context, Job& job);
// The node has come back and may not have heard, or may not have said how it went.
void PrepareAgain(Context& context, const Job& job, const std::string& node);
void HandleJobPrepared(Context& context, const JobPrepared& event);

// "Prolog error", "Epilog error".
void DrainForScript(Context& context, const std::string& node, std::string_view reason);
inline constexpr std::string_view kPrologError = "Prolog error";
inline constexpr std::string_view kEpilogError = "Epilog error";

}  // namespace reeve::ctld
