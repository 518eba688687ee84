#include "dbd/service.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "records.h"

namespace reeve::dbd {
namespace {

// A call whose client reads when the test lets it.
class FakeCall : public rpc::Call {
 public:
  explicit FakeCall(const google::protobuf::MessageLite& request)
      : request_(request.SerializeAsString()) {}
  explicit FakeCall(std::string request) : request_(std::move(request)) {}

  const rpc::Identity& identity() const override { return identity_; }
  rpc::Role role() const override { return role_; }
  void SetCaller(uid_t uid, rpc::Role role) {
    identity_.uid = uid;
    role_ = role;
  }
  const std::string& request() const override { return request_; }
  std::string peer() const override { return "test"; }
  void WriteBytes(std::string message) override {
    std::lock_guard lock(mutex_);
    answers_.push_back(std::move(message));
    if (!reading) queued_ += answers_.back().size();
  }
  void Finish(absl::Status status) override {
    std::lock_guard lock(mutex_);
    status_ = std::move(status);
    finished_ = true;
    changed_.notify_all();
  }
  bool cancelled() const override { return gone; }
  size_t queued_bytes() const override { return queued_; }
  void OnRoom(size_t, std::function<void()> fn) override { on_room_ = std::move(fn); }

  absl::Status Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [this] { return finished_; });
    return finished_ ? status_ : absl::DeadlineExceededError("not finished");
  }
  void StartReading() {
    reading = true;
    queued_ = 0;
    if (on_room_) std::exchange(on_room_, nullptr)();
  }
  std::vector<std::string> answers() const {
    std::lock_guard lock(mutex_);
    return answers_;
  }

  std::atomic<bool> reading = true;
  std::atomic<bool> gone = false;

 private:
  rpc::Identity identity_;
  rpc::Role role_ = rpc::Role::kUser;
  std::string request_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<size_t> queued_ = 0;
  std::function<void()> on_room_;
  std::vector<std::string> answers_;
  absl::Status status_;
  bool finished_ = false;
};

class ServiceTest : public StoreTest {
 protected:
  std::unique_ptr<QueryPool> StartPool(QueryPool::Options options = {}) {
    absl::StatusOr<std::unique_ptr<QueryPool>> pool = QueryPool::Start(path(), options);
    EXPECT_TRUE(pool.ok()) << pool.status();
    return *std::move(pool);
  }
  void Fill(uint32_t count) {
    v1::PushRecordsRequest request = Push(1, {});
    for (uint32_t id = 1; id <= count; ++id) {
      v1::AccountingRecord* record = request.add_records();
      record->set_sequence(id);
      *record->mutable_job() = MakeJob(id, 1);
    }
    Pushed(request);
  }
  static size_t CountJobs(const FakeCall& call) {
    size_t count = 0;
    for (const std::string& answer : call.answers()) {
      v1::QueryAccountingResponse response;
      EXPECT_TRUE(response.ParseFromString(answer));
      EXPECT_EQ(response.jobs_size(), response.db_index_size());
      count += static_cast<size_t>(response.jobs_size());
    }
    return count;
  }
};

TEST_F(ServiceTest, AcknowledgesWhatIsOnDisk) {
  auto call = std::make_shared<FakeCall>(Push(1, {MakeJob(1, 1), MakeJob(2, 1)}));
  HandlePushRecords(call, *store_);
  ASSERT_TRUE(call->Wait().ok());
  v1::PushRecordsResponse response;
  ASSERT_TRUE(response.ParseFromString(call->answers().at(0)));
  EXPECT_EQ(response.acknowledged(), 2u);
  EXPECT_EQ(AllRuns({1, 2}).size(), 2u);
}

TEST_F(ServiceTest, RefusesRequestsThatMakeNoSense) {
  auto garbage = std::make_shared<FakeCall>(std::string("\xff\xff\xff"));
  HandlePushRecords(garbage, *store_);
  EXPECT_EQ(garbage->Wait().code(), absl::StatusCode::kInvalidArgument);
  auto pool = StartPool();
  auto unknown_state = std::make_shared<FakeCall>([] {
    v1::QueryAccountingRequest request;
    request.add_states("NOSTATE");
    return request;
  }());
  HandleQueryAccounting(unknown_state, *pool);
  EXPECT_EQ(unknown_state->Wait().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ServiceTest, AnswersLongQueriesInParts) {
  Fill(1000);
  auto pool = StartPool({.jobs_per_message = 100});
  auto call = std::make_shared<FakeCall>(v1::QueryAccountingRequest());
  HandleQueryAccounting(call, *pool);
  ASSERT_TRUE(call->Wait().ok());
  EXPECT_EQ(call->answers().size(), 10u);
  EXPECT_EQ(CountJobs(*call), 1000u);
}

TEST_F(ServiceTest, ASlowReaderDoesNotMakeItGrow) {
  Fill(1000);
  auto pool = StartPool({.jobs_per_message = 10, .max_queued_bytes = 2000});
  auto call = std::make_shared<FakeCall>(v1::QueryAccountingRequest());
  call->reading = false;
  HandleQueryAccounting(call, *pool);
  EXPECT_GT(call->queued_bytes(), 2000u);
  EXPECT_LT(call->queued_bytes(), 10000u);
  EXPECT_LT(CountJobs(*call), 1000u);
  call->StartReading();
  ASSERT_TRUE(call->Wait().ok());
  EXPECT_EQ(CountJobs(*call), 1000u);
}

TEST_F(ServiceTest, SlowReadersDoNotHoldUpOthers) {
  Fill(100);
  auto pool = StartPool({.readers = 1, .jobs_per_message = 1, .max_queued_bytes = 1});
  auto slow = std::make_shared<FakeCall>(v1::QueryAccountingRequest());
  slow->reading = false;
  HandleQueryAccounting(slow, *pool);
  auto other = std::make_shared<FakeCall>(v1::QueryAccountingRequest());
  HandleQueryAccounting(other, *pool);
  EXPECT_TRUE(other->Wait().ok());
  EXPECT_EQ(CountJobs(*other), 100u);
  slow->gone = true;
  slow->StartReading();  // as the server does when the call is over: nothing else frees the answer
}

TEST_F(ServiceTest, ForgetsAClientThatLeft) {
  Fill(10);
  auto pool = StartPool({.jobs_per_message = 1, .max_queued_bytes = 1});
  auto gone = std::make_shared<FakeCall>(v1::QueryAccountingRequest());
  gone->gone = true;
  HandleQueryAccounting(gone, *pool);
  EXPECT_EQ(gone->Wait().code(), absl::StatusCode::kCancelled);
  auto left = std::make_shared<FakeCall>(v1::QueryAccountingRequest());
  left->reading = false;
  HandleQueryAccounting(left, *pool);
  left->gone = true;
  left->StartReading();  // as the server does when the call is over
  EXPECT_EQ(left->Wait().code(), absl::StatusCode::kCancelled);
}

// ---- PrivateData=jobs ---------------------------------------------------------------------------

class PrivateJobsTest : public ServiceTest {
 protected:
  PrivateJobsTest() {
    v1::PushRecordsRequest request = Push(1, {});
    for (uint32_t id = 1; id <= 4; ++id) {
      v1::AccountingRecord* record = request.add_records();
      record->set_sequence(id);
      *record->mutable_job() = MakeJob(id, 1);
      record->mutable_job()->set_uid(id == 1 ? kMine : kOthers);
    }
    Pushed(request);
    pool_ = StartPool();
  }
  size_t Seen(uid_t uid, rpc::Role role, std::vector<uint32_t> asked,
              PrivateData private_data = {.jobs = true}) {
    v1::QueryAccountingRequest request;
    for (uint32_t asked_uid : asked) request.add_uids(asked_uid);
    auto call = std::make_shared<FakeCall>(request);
    call->SetCaller(uid, role);
    HandleQueryAccounting(call, *pool_, private_data);
    EXPECT_TRUE(call->Wait().ok());
    return CountJobs(*call);
  }

  static constexpr uint32_t kMine = 1001, kOthers = 1002;
  std::unique_ptr<QueryPool> pool_;
};

TEST_F(PrivateJobsTest, APlainUserSeesHisOwn) {
  EXPECT_EQ(Seen(kMine, rpc::Role::kUser, {}), 1u);
  EXPECT_EQ(Seen(kMine, rpc::Role::kUser, {kMine, kOthers}), 1u);
  EXPECT_EQ(Seen(kMine, rpc::Role::kUser, {kOthers}), 0u);
  EXPECT_EQ(Seen(1003, rpc::Role::kUser, {}), 0u);
}

TEST_F(PrivateJobsTest, OperatorsAndOpenClustersSeeAll) {
  EXPECT_EQ(Seen(kMine, rpc::Role::kOperator, {}), 4u);
  EXPECT_EQ(Seen(0, rpc::Role::kAdministrator, {kOthers}), 3u);
  EXPECT_EQ(Seen(kMine, rpc::Role::kUser, {}, {}), 4u);
  EXPECT_EQ(Seen(kMine, rpc::Role::kUser, {kOthers}, {}), 3u);
}

}  // namespace
}  // namespace reeve::dbd
