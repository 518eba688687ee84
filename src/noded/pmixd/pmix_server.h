// The PMIx library's server side: one namespace, the ranks of one node. What its thread asks for
// comes as events, on that thread; answers may be given from any. One in a process.
//
// By the PMIx Standard 4.1, chapters 11 (job data) and 16 (server module).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "noded/core/task_layout.h"

namespace reeve::noded {

// A status of PMIx and the bytes that come with it.
using PmixAnswer = std::function<void(int status, std::string data)>;

struct PmixJob {
  std::string name;    // of the namespace
  std::string folder;  // the server's own; the ranks' session folders lie below
  std::vector<NodePart> parts;
  uint32_t node_index = 0;
};

struct PmixEvents {
  // MPI_Abort.
  std::function<void(uint32_t rank, int status, std::string text)> on_abort;
  // A rank has gone without PMIx_Finalize.
  std::function<void(uint32_t rank)> on_rank_lost;
  // All local ranks of a fence are in. `ranks`: all of them, any order.
  std::function<void(std::vector<uint32_t> ranks, std::string data, std::optional<int> seconds,
                     PmixAnswer done)>
      on_fence;
  // What a rank of another node has published is wanted.
  std::function<void(uint32_t rank, std::optional<int> seconds, PmixAnswer done)> on_modex;
};

// Internal when the library refuses. The variables of each of the node's ranks, in their order.
absl::StatusOr<std::vector<std::vector<std::string>>> StartPmixServer(const PmixJob& job,
                                                                      PmixEvents events);
// Removes what the library keeps in the folder. No event comes after it.
void StopPmixServer();

// What a rank of this node has published, once it has. `done` runs on the library's thread.
void AskPmixRank(uint32_t rank, PmixAnswer done);

// The library's numbers.
extern const int kPmixUnreachable;
extern const int kPmixTooMuch;
extern const int kPmixTimedOut;
extern const int kPmixNotFound;

}  // namespace reeve::noded
