// The verbs of `reeve cluster`. Each gets its own arguments (argv[0] is the verb) and returns the
// exit code.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/cluster/keeper_client.h"
#include "cli/cluster/layout.h"

namespace reeve::cluster {

int Up(int argc, char** argv);
int Down(int argc, char** argv);
int Env(int argc, char** argv);
int Shell(int argc, char** argv);
int Exec(int argc, char** argv);
int Status(int argc, char** argv);
int KeeperVerb(int argc, char** argv);  // started by LaunchKeeper, not by people

// "reeve cluster VERB: error: TEXT" on stderr, a line of `text` each; returns 1.
int Fail(std::string_view verb, std::string_view text);

// Takes "--dir D" or "--dir=D" away from the front of the arguments; stops at the first argument
// that is something else. `used` counts what was taken, argv[0] included.
struct LeadingOptions {
  std::string folder;
  int used = 1;
};
absl::StatusOr<LeadingOptions> ParseLeadingOptions(int argc, char** argv);

// Held while a verb changes what runs, so that two do not at the same time. Waits for the other.
absl::StatusOr<os::UniqueFd> LockFolder(const Layout& layout);

}  // namespace reeve::cluster
