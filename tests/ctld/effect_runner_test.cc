// Nothing becomes visible before it is on disk, and everything in the order decided.
#include "ctld/effect_runner.h"

#include <deque>

#include "common/os/event_loop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "reeve/v1/dbd.pb.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A disk that writes when it is told to.
class HeldStore : public StateStore {
 public:
  absl::StatusOr<StoredState> Load() override { return StoredState(); }
  void Commit(Batch batch, std::function<void(absl::Status)> done) override {
    batches.push_back(std::move(batch));
    waiting.push_back(std::move(done));
  }
  absl::StatusOr<std::string> ReadBlob(const std::string&) override { return std::string(); }
  absl::StatusOr<std::vector<OutboxRecord>> ReadOutbox(uint64_t, size_t) override {
    return std::vector<OutboxRecord>();
  }
  void WriteNext(absl::Status status = absl::OkStatus()) {
    auto done = std::move(waiting.front());
    waiting.pop_front();
    done(status);
  }
  std::vector<Batch> batches;
  std::deque<std::function<void(absl::Status)>> waiting;
};

class EffectRunnerTest : public ::testing::Test {
 protected:
  EffectRunnerTest() {
    Settings settings = MakeTestSettings(1, 4);
    settings.licenses = {{"foo", 2}};
    core_ = std::make_unique<Controller>(settings);
    core_->Restore({}, absl::Now());
    EffectRunner::Outlets outlets;
    outlets.reply = [this](const Reply& reply) {
      const auto* answer = reply.answer.ok() ? std::get_if<SubmitAnswer>(&*reply.answer) : nullptr;
      const uint32_t id = answer != nullptr ? answer->job.value : 0;
      // A client that has its answer must find its job.
      if (id != 0) {
        EXPECT_NE(publisher_.Take()->FindJob(id), nullptr);
      }
      replies_.push_back(id);
    };
    outlets.command = [](NodeCommand) {};
    outlets.accounting_stored = [this] { ++accounting_; };
    outlets.store_failed = [this](absl::Status status) { failure_ = status; };
    runner_ = std::make_unique<EffectRunner>(
        EffectRunner::Options{"test", true, 10},
        [this](std::function<void()> fn) { loop_.Post(std::move(fn)); }, core_.get(), &store_,
        &publisher_, outlets);
  }

  void Submit(const std::string& request_id, const Spec& spec = Spec()) {
    SubmitJob event;
    event.call = CallToken{++token_};
    event.caller = Root();
    event.key = {0, request_id};
    event.spec = spec.Make();
    runner_->Run(core_->Handle(event, absl::Now()));
  }
  void Write(absl::Status status = absl::OkStatus()) {
    store_.WriteNext(status);
    while (loop_.RunOnce()) {
    }
  }

  os::EventLoop loop_;
  HeldStore store_;
  Publisher publisher_;
  std::unique_ptr<Controller> core_;
  std::unique_ptr<EffectRunner> runner_;
  uint64_t token_ = 0;
  std::vector<uint32_t> replies_;
  int accounting_ = 0;
  absl::Status failure_;
};

TEST_F(EffectRunnerTest, NothingShowsBeforeItsCommit) {
  Submit("a");
  EXPECT_THAT(replies_, IsEmpty());
  EXPECT_EQ(publisher_.Take()->FindJob(1), nullptr);
  EXPECT_EQ(accounting_, 0);
  Write();
  EXPECT_THAT(replies_, ElementsAre(1));
  EXPECT_NE(publisher_.Take()->FindJob(1), nullptr);
  EXPECT_EQ(accounting_, 1);
}

TEST_F(EffectRunnerTest, JobRequestAndAccountingShareOneBatch) {
  Submit("a");
  ASSERT_EQ(store_.batches.size(), 1u);
  const Batch& batch = store_.batches[0];
  EXPECT_EQ(batch.jobs.size(), 1u);
  EXPECT_EQ(batch.requests.size(), 1u);
  EXPECT_EQ(batch.counters->next_job_id, 2u);
  ASSERT_EQ(batch.outbox.size(), 1u);
  EXPECT_EQ(batch.outbox[0].sequence, 11u);
}

TEST_F(EffectRunnerTest, WhatStoresNothingWaitsForWhatItRestsOn) {
  Submit("a");
  Submit("a");  // the same request: no new job, no commit of its own
  EXPECT_EQ(store_.batches.size(), 1u);
  EXPECT_THAT(replies_, IsEmpty());
  Write();
  EXPECT_THAT(replies_, ElementsAre(1, 1));
}

TEST_F(EffectRunnerTest, AnswersComeInTheOrderDecided) {
  for (const char* id : {"a", "b", "c"}) Submit(id);
  Write();
  EXPECT_THAT(replies_, ElementsAre(1));
  Write();
  Write();
  EXPECT_THAT(replies_, ElementsAre(1, 2, 3));
}

TEST_F(EffectRunnerTest, WhoHasLicensesShowsWhenTheStartIsOnDisk) {
  const auto used = [&] { return publisher_.Take()->licenses().at(0).used(); };
  runner_->PublishAll();
  NodeRegistered node;
  node.node = "n1";
  node.boot_id = "boot";
  node.hardware.cpus = 4;
  node.hardware.real_memory_mb = 1000;
  runner_->Run(core_->Handle(node, absl::Now()));
  Submit("a", Spec().Licenses("foo:2"));
  runner_->Run(core_->Schedule(absl::Now()));
  ASSERT_TRUE(core_->FindJob(JobId{1})->Running());
  while (store_.waiting.size() > 1) Write();
  EXPECT_EQ(used(), 0u);
  Write();
  EXPECT_EQ(used(), 2u);
}

TEST_F(EffectRunnerTest, AFailedWriteAcknowledgesNothing) {
  Submit("a");
  Write(absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(replies_, IsEmpty());
  EXPECT_EQ(publisher_.Take()->FindJob(1), nullptr);
  EXPECT_TRUE(absl::IsResourceExhausted(failure_));
}

}  // namespace
}  // namespace reeve::ctld
