// Carries out what the core decided: stores it, and when that is on disk publishes the new picture,
// answers callers and sends to nodes, in the order decided. Belongs to the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ctld/core/controller.h"
#include "ctld/snapshot.h"
#include "ctld/spec_bytes.h"
#include "ctld/state_store.h"

namespace reeve::ctld {

class EffectRunner {
 public:
  struct Outlets {
    std::function<void(const Reply&)> reply;
    std::function<void(NodeCommand)> command;
    std::function<void()> accounting_stored;         // the outbox has grown
    std::function<void(absl::Status)> store_failed;  // nothing can be acknowledged any more
  };
  struct Options {
    std::string cluster;
    bool accounting = false;
    uint64_t last_sequence = 0;  // of the outbox
  };
  // Brings a function from the store's thread to the loop, in order.
  using Post = std::function<void(std::function<void()>)>;
  EffectRunner(Options options, Post post, const Controller* core, StateStore* store,
               Publisher* publisher, Outlets outlets);

  using Blobs = std::vector<std::pair<std::string, std::string>>;  // hash, bytes
  // Right after the call of the core that gave `effects`: jobs and nodes are read from it now.
  // `blobs` are stored with them, unless nothing else is.
  void Run(Effects effects, Blobs blobs = {});

  // The dbd has everything up to `sequence`.
  void AccountingAcknowledged(uint64_t sequence);

  // At start: all of the core's jobs, to be published with what follows.
  void PutJobs();
  // Publishes all of the core's nodes, partitions and so on: at start and after a reconfiguration.
  void PublishAll();

 private:
  // What becomes visible when its commit, and those before it, are on disk.
  struct Release {
    bool committed = false;
    std::vector<std::shared_ptr<const PublishedJob>> jobs;
    std::vector<JobId> jobs_removed;
    std::vector<std::shared_ptr<const pb::Node>> nodes;
    bool partitions_changed = false;
    bool reservations_changed = false;
    std::optional<std::vector<pb::License>> licenses;  // when who has some has changed
    std::shared_ptr<const PriorityBook> priorities;    // when they are others
    bool accounting = false;
    std::vector<NodeCommand> commands;
    std::vector<Reply> replies;
  };

  Batch MakeBatch(const Effects& effects, Release* release);
  void AddAccounting(const Effects& effects, Batch* batch, Release* release);
  void OnCommitted(const std::shared_ptr<Release>& release, const absl::Status& status);
  void LetGo();
  void PublishPartitions();
  void PublishReservations();
  std::vector<pb::License> Licenses() const;

  const Options options_;
  const Post post_;
  const Controller* const core_;
  StateStore* const store_;
  Publisher* const publisher_;
  const Outlets outlets_;
  uint64_t sequence_;
  SpecBytesCache specs_;
  std::deque<std::shared_ptr<Release>> waiting_;
};

}  // namespace reeve::ctld
