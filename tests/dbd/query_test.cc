#include <functional>

#include "dbd/job_query.h"
#include "records.h"

namespace reeve::dbd {
namespace {

using enum v1::JobState;

class QueryTest : public StoreTest {
 protected:
  void Add(v1::Job job) { Pushed(Push(next_++, {std::move(job)})); }
  void Add(uint32_t id, v1::JobState state, const std::function<void(v1::Job&)>& change) {
    v1::Job job = MakeJob(id, 1, state);
    change(job);
    Add(job);
  }
  std::vector<uint32_t> Ids(const std::function<void(v1::QueryAccountingRequest&)>& ask) {
    v1::QueryAccountingRequest request;
    ask(request);
    std::vector<uint32_t> ids;
    for (const v1::Job& job : Find(request)) ids.push_back(job.job_id());
    return ids;
  }
  using Ask = v1::QueryAccountingRequest&;
  using IdList = std::vector<uint32_t>;

  uint64_t next_ = 1;
};

TEST_F(QueryTest, FiltersByWhatColumnsSay) {
  Add(MakeJob(1, 1, JOB_STATE_COMPLETED));
  Add(2, JOB_STATE_COMPLETED, [](v1::Job& job) { job.set_uid(2000); });
  Add(3, JOB_STATE_COMPLETED, [](v1::Job& job) { job.set_gid(200); });
  Add(4, JOB_STATE_COMPLETED, [](v1::Job& job) { job.set_account("chemistry"); });
  Add(5, JOB_STATE_COMPLETED, [](v1::Job& job) { job.set_partition("long"); });
  Add(6, JOB_STATE_COMPLETED, [](v1::Job& job) { job.mutable_spec()->set_name("x' OR 1 --"); });
  Add(7, JOB_STATE_COMPLETED, [](v1::Job& job) { job.set_qos("high"); });
  EXPECT_EQ(Ids([](Ask) {}), (IdList{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(Ids([](Ask ask) { ask.add_uids(2000); }), IdList{2});
  EXPECT_EQ(Ids([](Ask ask) { ask.add_gids(200); }), IdList{3});
  EXPECT_EQ(Ids([](Ask ask) { ask.add_accounts("chemistry"); }), IdList{4});
  EXPECT_EQ(Ids([](Ask ask) { ask.add_partitions("long"); }), IdList{5});
  EXPECT_EQ(Ids([](Ask ask) { ask.add_names("x' OR 1 --"); }), IdList{6});
  EXPECT_EQ(Ids([](Ask ask) { ask.add_qos("high"); }), IdList{7});
  EXPECT_EQ(Ids([](Ask ask) { ask.add_clusters("test"); }).size(), 7u);
  EXPECT_EQ(Ids([](Ask ask) { ask.add_clusters("other"); }), IdList{});
}

TEST_F(QueryTest, FindsWhatRanOnANode) {
  Add(1, JOB_STATE_RUNNING, [](v1::Job&) {});  // on n1
  Add(2, JOB_STATE_RUNNING, [](v1::Job& job) {
    job.mutable_shares(0)->set_node("n2");
    job.add_shares()->set_node("n3");
  });
  EXPECT_EQ(Ids([](Ask ask) { ask.set_node_list("n[3-4]"); }), IdList{2});
}

TEST_F(QueryTest, ChoosesJobsArraysAndTasks) {
  Add(MakeJob(1, 1));
  auto in_array = [](v1::Job& job) { job.set_array_job_id(4); };
  Add(4, JOB_STATE_PENDING, [&](v1::Job& job) {
    in_array(job);
    job.set_array_tasks("3-5");
  });
  Add(6, JOB_STATE_RUNNING, [&](v1::Job& job) {
    in_array(job);
    job.set_array_task_id(2);
  });
  Add(5, JOB_STATE_RUNNING, [&](v1::Job& job) {
    in_array(job);
    job.set_array_task_id(1);
  });
  auto task = [](uint32_t number) {
    return [number](Ask ask) {
      ask.add_jobs()->set_job_id(4);
      ask.mutable_jobs(0)->set_array_task_id(number);
    };
  };
  // By task, and what has not split off comes last.
  EXPECT_EQ(Ids([](Ask ask) { ask.add_jobs()->set_job_id(4); }), (IdList{5, 6, 4}));
  EXPECT_EQ(Ids([](Ask ask) { ask.add_jobs()->set_job_id(5); }), IdList{5});
  EXPECT_EQ(Ids(task(2)), IdList{6});
  EXPECT_EQ(Ids(task(3)), IdList{4});
  EXPECT_EQ(Ids(task(9)), IdList{});
  EXPECT_EQ(Ids([](Ask) {}), (IdList{1, 5, 6, 4}));
}

TEST_F(QueryTest, WithoutStatesTheWindowIsAboutEligibleJobs) {
  Add(1, JOB_STATE_COMPLETED, [](v1::Job&) {});  // 1010 to 1020
  Add(2, JOB_STATE_PENDING, [](v1::Job& job) { job.set_eligible_time(0); });
  Add(3, JOB_STATE_PENDING, [](v1::Job& job) { job.set_eligible_time(1500); });
  Add(4, JOB_STATE_RUNNING, [](v1::Job&) {});
  auto window = [](int64_t start, int64_t end) {
    return [=](Ask ask) {
      ask.set_start_time(start);
      ask.set_end_time(end);
    };
  };
  EXPECT_EQ(Ids(window(1000, 1400)), (IdList{1, 4}));
  EXPECT_EQ(Ids(window(1020, 1400)), (IdList{1, 4}));
  EXPECT_EQ(Ids(window(1021, 1500)), (IdList{3, 4}));
  EXPECT_EQ(Ids(window(900, 999)), IdList{});
  // Whoever names a job also sees that it can't run yet.
  EXPECT_EQ(Ids([](Ask ask) { ask.add_jobs()->set_job_id(2); }), IdList{2});
}

TEST_F(QueryTest, WithStatesTheWindowIsAboutBeingInThem) {
  Add(1, JOB_STATE_COMPLETED, [](v1::Job&) {});  // pending from 1000, running 1010 to 1020
  Add(2, JOB_STATE_FAILED, [](v1::Job& job) { job.set_end_time(1200); });
  Add(3, JOB_STATE_PENDING, [](v1::Job&) {});
  auto in = [](const char* state, int64_t start, int64_t end) {
    return [=](Ask ask) {
      ask.add_states(state);
      ask.set_start_time(start);
      ask.set_end_time(end);
    };
  };
  EXPECT_EQ(Ids(in("PENDING", 1000, 1005)), (IdList{1, 2, 3}));
  EXPECT_EQ(Ids(in("PD", 1011, 1012)), IdList{3});
  EXPECT_EQ(Ids(in("RUNNING", 1015, 1016)), (IdList{1, 2}));
  EXPECT_EQ(Ids(in("R", 1100, 1101)), IdList{2});
  EXPECT_EQ(Ids(in("CD", 1000, 1030)), IdList{1});
  EXPECT_EQ(Ids(in("COMPLETED", 1021, 1030)), IdList{});
  EXPECT_EQ(Ids(in("F", 1000, 0)), IdList{2});
  EXPECT_EQ(Ids([&](Ask ask) {
              in("CD", 1000, 1300)(ask);
              ask.add_states("F");
            }),
            (IdList{1, 2}));
}

TEST_F(QueryTest, ShowsTheLatestRunUnlessAskedForAll) {
  Add(1, JOB_STATE_NODE_FAIL, [](v1::Job&) {});
  Add(1, JOB_STATE_COMPLETED, [](v1::Job& job) {
    job.set_revision(2);
    job.set_restarts(1);
    job.set_end_time(5000);
  });
  auto state_of = [this](bool duplicates) {
    v1::QueryAccountingRequest request;
    request.set_duplicates(duplicates);
    std::vector<v1::JobState> states;
    for (const v1::Job& job : Find(request)) states.push_back(job.state());
    return states;
  };
  EXPECT_EQ(state_of(false), std::vector<v1::JobState>{JOB_STATE_COMPLETED});
  EXPECT_EQ(state_of(true), (std::vector<v1::JobState>{JOB_STATE_NODE_FAIL, JOB_STATE_COMPLETED}));
  // The latest that the states admit.
  EXPECT_EQ(Ids([](Ask ask) { ask.add_states("NF"); }), IdList{1});
}

TEST_F(QueryTest, ManyValuesAreFineAndTooManyAreRefused) {
  Add(MakeJob(7, 1));
  v1::QueryAccountingRequest request;
  for (uint32_t i = 1; i <= 9000; ++i) request.add_jobs()->set_job_id(i);
  EXPECT_EQ(Find(request).size(), 1u);
  for (uint32_t i = 1; i <= 9000; ++i) request.add_jobs()->set_job_id(i);
  EXPECT_EQ(JobQuery::Create(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(JobQueryTest, RefusesWhatItCannotRead) {
  v1::QueryAccountingRequest request;
  request.add_states("NOSTATE");
  EXPECT_EQ(JobQuery::Create(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.clear_states();
  request.set_node_list("n[1-");
  EXPECT_EQ(JobQuery::Create(request).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace reeve::dbd
