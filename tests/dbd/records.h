// Pushes and a store of one test.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dbd/reader.h"
#include "dbd/store.h"
#include "tests/support/temp_dir.h"

namespace reeve::dbd {

inline v1::Job MakeJob(uint32_t id, uint64_t revision, v1::JobState state = v1::JOB_STATE_PENDING) {
  v1::Job job;
  job.set_job_id(id);
  job.set_revision(revision);
  job.set_state(state);
  job.mutable_spec()->set_name("job");
  job.set_uid(1000);
  job.set_gid(100);
  job.set_account("physics");
  job.set_partition("debug");
  job.set_submit_time(1000);
  job.set_eligible_time(1000);
  if (state != v1::JOB_STATE_PENDING) {
    job.set_start_time(1010);
    job.add_shares()->set_node("n1");
  }
  if (state > v1::JOB_STATE_SUSPENDED) job.set_end_time(1020);
  return job;
}

inline v1::PushRecordsRequest Push(uint64_t first_sequence, std::initializer_list<v1::Job> jobs,
                                   const std::string& incarnation = "first") {
  v1::PushRecordsRequest request;
  request.set_cluster("test");
  request.set_incarnation(incarnation);
  for (const v1::Job& job : jobs) {
    v1::AccountingRecord* record = request.add_records();
    record->set_sequence(first_sequence++);
    *record->mutable_job() = job;
  }
  return request;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { Open(); }

  void Open() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(path());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::string path() const { return dir_ / "accounting.db"; }

  absl::StatusOr<uint64_t> PushAndWait(v1::PushRecordsRequest request) {
    auto answer = std::make_shared<std::promise<absl::StatusOr<uint64_t>>>();
    store_->Push(std::move(request), [answer](absl::StatusOr<uint64_t> result) {
      answer->set_value(std::move(result));
    });
    return answer->get_future().get();
  }
  uint64_t Pushed(v1::PushRecordsRequest request) {
    const absl::StatusOr<uint64_t> result = PushAndWait(std::move(request));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(0);
  }

  std::vector<v1::Job> Find(const v1::QueryAccountingRequest& request) {
    absl::StatusOr<Reader> reader = Reader::Open(path());
    EXPECT_TRUE(reader.ok()) << reader.status();
    absl::StatusOr<JobQuery> query = JobQuery::Create(request);
    EXPECT_TRUE(query.ok()) << query.status();
    absl::StatusOr<std::vector<int64_t>> ids = reader->FindJobs(*query);
    EXPECT_TRUE(ids.ok()) << ids.status();
    v1::QueryAccountingResponse response;
    const absl::Status status = reader->LoadJobs(*query, *ids, &response);
    EXPECT_TRUE(status.ok()) << status;
    return {response.jobs().begin(), response.jobs().end()};
  }
  // All rows: jobs that could not run yet and earlier runs too.
  std::vector<v1::Job> AllRuns(std::initializer_list<uint32_t> ids) {
    v1::QueryAccountingRequest request;
    request.set_duplicates(true);
    for (uint32_t id : ids) request.add_jobs()->set_job_id(id);
    return Find(request);
  }

  reeve::testing::TempDir dir_;
  std::unique_ptr<Store> store_;
};

}  // namespace reeve::dbd
