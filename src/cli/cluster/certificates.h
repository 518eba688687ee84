// The certificates of an embedded cluster with TLS: a CA of its own, and one for each daemon.
#pragma once

#include "absl/status/status.h"
#include "cli/cluster/layout.h"
#include "common/base/config.h"

namespace reeve::cluster {

// Makes what is missing, in the folder's tls/, so that nodes that have been added to slurm.conf get
// theirs. Does nothing when `config` has no TLS, or names files of its owner's.
absl::Status EnsureCertificates(const Layout& layout, const Config& config);

}  // namespace reeve::cluster
