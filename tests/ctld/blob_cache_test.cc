#include "ctld/blob_cache.h"

#include <gtest/gtest.h>

#include <map>

namespace reeve::ctld {
namespace {

class FakeStore : public StateStore {
 public:
  absl::StatusOr<StoredState> Load() override { return StoredState(); }
  void Commit(Batch, std::function<void(absl::Status)> done) override { done(absl::OkStatus()); }
  absl::StatusOr<std::string> ReadBlob(const std::string& hash) override {
    ++reads;
    auto found = blobs.find(hash);
    if (found == blobs.end()) return absl::NotFoundError(hash);
    return found->second;
  }
  absl::StatusOr<std::vector<OutboxRecord>> ReadOutbox(uint64_t, size_t) override {
    return std::vector<OutboxRecord>();
  }
  std::map<std::string, std::string> blobs;
  int reads = 0;
};

TEST(BlobCache, HashIsOfTheContent) {
  EXPECT_EQ(BlobCache::HashOf("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(BlobCache, ReadsTheStoreOnceAndForgetsTheOldest) {
  FakeStore store;
  for (char c = 'a'; c <= 'f'; ++c) store.blobs[std::string(1, c)] = std::string(20, c);
  BlobCache cache(&store, 100);
  for (char c = 'a'; c <= 'e'; ++c) EXPECT_TRUE(cache.Get(std::string(1, c)).ok());
  EXPECT_TRUE(cache.Get("a").ok());
  EXPECT_EQ(store.reads, 5);
  EXPECT_TRUE(cache.Get("f").ok());  // pushes out b, the one not used for longest
  EXPECT_TRUE(cache.Get("a").ok());
  EXPECT_EQ(store.reads, 6);
  EXPECT_TRUE(cache.Get("b").ok());
  EXPECT_EQ(store.reads, 7);
}

TEST(BlobCache, WhatIsPutNeedsNoReadAndLargeOnesPassThrough) {
  FakeStore store;
  BlobCache cache(&store, 100);
  cache.Put("h", "bytes");
  EXPECT_EQ(*cache.Get("h"), "bytes");
  cache.Put("large", std::string(26, 'x'));
  EXPECT_EQ(*cache.Get("h"), "bytes");
  EXPECT_EQ(store.reads, 0);
  EXPECT_TRUE(absl::IsNotFound(cache.Get("large").status()));
}

}  // namespace
}  // namespace reeve::ctld
