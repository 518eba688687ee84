// A server on a socket of its own, with a munged of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "tests/support/private_munged.h"

namespace reeve::rpc {

// Collects from other threads; Wait ends with a deadline.
template <class T = std::string>
class Inbox {
 public:
  void Put(T item) {
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  std::vector<T> Wait(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return items_.size() >= count; });
    return items_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> items_;
};

class RpcFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { munged_ = new testing::PrivateMunged; }
  static void TearDownTestSuite() { delete std::exchange(munged_, nullptr); }

  void SetUp() override { chmod(dir_.path().c_str(), 0711); }  // clients may be other users
  // Before what its handlers use.
  void TearDown() override { server_.reset(); }

  // Handlers are added between the two.
  void Make(Trust trust, Limits limits = {}, std::optional<KeyPair> tls = {}) {
    server_ = std::make_unique<Server>(
        Server::Options{{target_}, munged_->munge(), std::move(trust), limits, std::move(tls)});
  }
  void Start() {
    const absl::Status status = server_->Start();
    ASSERT_TRUE(status.ok()) << status;
  }
  Channel Dial() { return Channel(target_, munged_->munge()); }

  inline static testing::PrivateMunged* munged_ = nullptr;
  testing::TempDir dir_;
  std::string target_ = "unix:" + (dir_ / "socket");
  std::unique_ptr<Server> server_;
};

}  // namespace reeve::rpc
