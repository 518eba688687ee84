// The answers to requests that may come again with the same id: for an hour every submission has
// one, so they are kept small (docs/performance.md, "Memory of a pending job").
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "ctld/core/effects.h"
#include "ctld/core/shared_text.h"
#include "ctld/core/stamp.h"

namespace reeve::ctld {

class RequestTable {
 public:
  RequestTable();
  RequestTable(const RequestTable&) = delete;  // its index points into it
  RequestTable& operator=(const RequestTable&) = delete;

  bool Contains(const RequestKey& key) const { return Place(key).has_value(); }
  std::optional<RequestResult> Find(const RequestKey& key) const;
  size_t size() const { return index_.size(); }
  std::optional<absl::Time> oldest() const;  // when the oldest one was answered

  // In the order of their times. The key is not known yet.
  void Add(const RequestResult& result);
  // Takes out those answered at `until` or before.
  std::vector<RequestKey> TakeUntil(absl::Time until);
  // Takes out the user's oldest ones until there are no more than `most`.
  std::vector<RequestKey> TakeSurplus(uint32_t uid, size_t most);

 private:
  // The client's are 32 digits of hex, and then `other` is empty.
  struct Id {
    uint64_t high = 0;
    uint64_t low = 0;
    SharedText other;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct Rare {
    std::optional<StepId> step;
    std::vector<std::string> notes;
    std::string io_secret;
  };
  struct Record {
    Id id;
    Stamp time;
    uint32_t uid = 0;
    JobId job;
    std::unique_ptr<const Rare> rare;  // null: there is none of it
    bool taken = false;                // it was surplus
  };
  // Records count from 0 on; those before first_ are gone.
  using Number = uint64_t;
  struct Key {
    uint32_t uid;
    Id id;
  };
  struct Hash {
    using is_transparent = void;
    const RequestTable* table;
    size_t operator()(Number number) const;
    size_t operator()(const Key& key) const;
  };
  struct Equal {
    using is_transparent = void;
    const RequestTable* table;
    bool operator()(Number a, Number b) const { return a == b; }
    bool operator()(Number number, const Key& key) const;
    bool operator()(const Key& key, Number number) const { return (*this)(number, key); }
  };

  static Id Pack(const std::string& request_id);
  static std::string Unpack(const Id& id);
  const Record& At(Number number) const { return records_[number - first_]; }
  std::optional<Number> Place(const RequestKey& key) const;
  RequestKey Take(Number number);  // out of the index
  void DropTaken();                // from the front

  std::deque<Record> records_;
  Number first_ = 0;
  absl::flat_hash_set<Number, Hash, Equal> index_;
  absl::flat_hash_map<uint32_t, std::deque<Number>> of_user_;  // in order
};

}  // namespace reeve::ctld
