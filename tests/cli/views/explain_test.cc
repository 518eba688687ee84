// What `reeve explain` prints, as text and as JSON.
#include <gtest/gtest.h>
#include <stdlib.h>

#include "cli/explain_text.h"
#include "tests/cli/views/builders.h"
#include "tests/cli/views/golden.h"

namespace reeve::cli {
namespace {

using pb::Explanation;

void Add(Explanation::Prospect* prospect, Explanation::Need need, const std::string& asked,
         uint32_t passing, uint32_t remaining, uint64_t tasks = 0,
         const std::string& lacking = "") {
  Explanation::Requirement* requirement = prospect->add_requirements();
  requirement->set_need(need);
  requirement->set_asked(asked);
  requirement->set_passing(passing);
  requirement->set_remaining(remaining);
  requirement->set_tasks(tasks);
  requirement->set_lacking(lacking);
}

Explanation Pending(uint32_t id, const std::string& reason) {
  Explanation job;
  job.set_job_id(id);
  job.set_label(StrCat(id));
  job.set_reason(reason);
  job.set_min_nodes(4);
  job.set_max_nodes(4);
  job.set_tasks(8);
  return job;
}

Explanation::Prospect* AddPartition(Explanation* job, const std::string& name) {
  Explanation::Prospect* prospect = job->add_prospects();
  prospect->set_partition(name);
  Add(prospect, Explanation::NEED_PARTITION, name, 12, 12);
  return prospect;
}

Explanation Behind() {
  Explanation job = Pending(41, "Priority");
  Explanation::Prospect* debug = AddPartition(&job, "debug");
  Add(debug, Explanation::NEED_NOT_EXCLUDED, "n12", 11, 11);
  Add(debug, Explanation::NEED_FEATURES, "gpu", 8, 7);
  Add(debug, Explanation::NEED_CPUS, "2 CPUs", 12, 7, 28);
  Add(debug, Explanation::NEED_MEMORY, "4G", 10, 6, 24);
  Add(debug, Explanation::NEED_UP, "", 11, 5, 20, "n7");
  Add(debug, Explanation::NEED_FREE_NOW, "", 4, 3, 7);
  Add(debug, Explanation::NEED_FREE_THROUGHOUT, "04:00:00", 3, 2, 4);
  debug->mutable_ahead()->set_jobs(3);
  debug->mutable_ahead()->set_cpus(96);
  debug->mutable_ahead()->set_first(38);
  debug->mutable_ahead()->set_first_label("38");
  pb::JobPriority* own = debug->mutable_ahead()->mutable_own();
  own->set_priority(1253);
  own->set_fair_share(1000);
  own->set_job_size(253.9);
  pb::JobPriority* first = debug->mutable_ahead()->mutable_of_first();
  *first = *own;
  first->set_priority(1498);
  first->set_job_size(398.4);
  first->set_age(120);
  first->set_nice(20);
  job.set_planned_start(kNow + 7200);
  job.set_planned_nodes("n[1-4]");
  job.set_planned_partition("debug");
  Explanation::Busy* busy = job.add_busy();
  busy->set_job_id(30);
  busy->set_label("30_7");
  busy->set_nodes("n[3-4]");
  busy->set_num_nodes(2);
  busy->set_until(kNow + 3600);
  busy = job.add_busy();
  busy->set_nodes("n1");
  busy->set_num_nodes(1);
  busy->set_until(-1);
  busy = job.add_busy();
  busy->set_job_id(38);
  busy->set_label("38");
  busy->set_nodes("n[1-2]");
  busy->set_num_nodes(2);
  busy->set_from(kNow + 3600);
  busy->set_until(kNow + 7200);
  busy = job.add_busy();
  busy->set_job_id(39);
  busy->set_label("39");
  busy->set_nodes("n2");
  busy->set_num_nodes(1);
  busy->set_until(-1);
  busy->set_suspended(true);
  job.set_more_busy(2);
  for (const auto& [option, instead] :
       {std::pair{"--time=01:00:00", "04:00:00"}, std::pair{"--nodes=3", "4"}}) {
    Explanation::Suggestion* suggestion = job.add_suggestions();
    suggestion->set_option(option);
    suggestion->set_instead_of(instead);
    suggestion->set_key(instead[0] == '0' ? "TimeLimit" : "NumNodes");
    suggestion->set_value(instead[0] == '0' ? "01:00:00" : "3");
  }
  return job;
}

Explanation Unlicensed() {
  Explanation job = Pending(50, "Licenses");
  Explanation::LicenseCount* foo = AddPartition(&job, "debug")->add_licenses();
  foo->set_name("foo");
  foo->set_asked(2);
  foo->set_total(4);
  foo->set_free_now(1);
  Explanation::Busy* busy = job.add_busy();
  busy->set_job_id(30);
  busy->set_label("30");
  busy->set_license("foo:3");
  busy->set_until(kNow + 3600);
  busy = job.add_busy();
  busy->set_job_id(38);
  busy->set_label("38");
  busy->set_license("foo:1");
  busy->set_from(kNow + 1800);
  busy->set_until(kNow + 7200);
  return job;
}

Explanation Choosy() {
  Explanation job = Pending(51, "Resources");
  Explanation::Prospect* debug = AddPartition(&job, "debug");
  Add(debug, Explanation::NEED_FEATURES, "[rack1*2&rack2*2]", 8, 8);
  Add(debug, Explanation::NEED_CPUS, "2 CPUs", 12, 8, 32);
  Add(debug, Explanation::NEED_UP, "", 12, 8, 32);
  Add(debug, Explanation::NEED_SOLE_USER, "ann", 9, 6, 24);
  Add(debug, Explanation::NEED_FREE_NOW, "", 5, 5, 10);
  Add(debug, Explanation::NEED_FREE_THROUGHOUT, "04:00:00", 5, 5, 10);
  Add(debug, Explanation::NEED_FEATURE_GROUP, "rack1*2", 6, 4);
  Add(debug, Explanation::NEED_FEATURE_GROUP, "rack2*2", 6, 1);
  Add(debug, Explanation::NEED_CONTIGUOUS, "4", 12, 0);
  return job;
}

// It waits for one leaf switch, then for none any more.
Explanation Switched(uint32_t id, bool since, bool waited) {
  Explanation job = Pending(id, "Resources");
  job.set_switches(waited ? 2 : 1);
  job.set_switches_wait(600);
  job.set_switches_waited(waited);
  if (since) job.set_switches_since(kNow - 60);
  Explanation::Prospect* debug = AddPartition(&job, "debug");
  Add(debug, Explanation::NEED_FREE_NOW, "", 5, 5, 10);
  if (!waited) Add(debug, Explanation::NEED_SWITCHES, since ? "1" : "", 12, 0);
  if (!since) return job;
  Explanation::Suggestion* suggestion = job.add_suggestions();
  suggestion->set_option("without --switches");
  suggestion->set_instead_of("1@00:10:00");
  suggestion->set_key("Switches");
  suggestion->set_value("0");
  return job;
}

Explanation Never() {
  Explanation job = Pending(42, "BadConstraints");
  job.set_max_nodes(0);
  Explanation::Prospect* debug = AddPartition(&job, "debug");
  debug->set_obstacle("BadConstraints");
  debug->set_obstacle_text("only 2 of the nodes of debug have the features gpu, 4 needed");
  debug->set_never(true);
  Add(debug, Explanation::NEED_FEATURES, "gpu", 2, 2);
  Add(debug, Explanation::NEED_CPUS, "1 CPU", 12, 2, 16);
  Add(debug, Explanation::NEED_UP, "", 12, 2, 16);
  Add(debug, Explanation::NEED_FREE_NOW, "", 12, 2, 16);
  Add(debug, Explanation::NEED_FREE_THROUGHOUT, "UNLIMITED", 12, 2, 16);
  return job;
}

Explanation Held() {
  Explanation job = Pending(43, "JobHeldUser");
  job.set_label("43_[3-6%2]");
  Explanation::Wait* wait = job.add_waits();
  wait->set_reason("JobHeldUser");
  wait->set_text("held: scontrol release lets it go");
  wait = job.add_waits();
  wait->set_reason("BeginTime");
  wait->set_text("is not to begin before that time");
  wait->set_until(kNow + 86400);
  AddPartition(&job, "debug");
  AddPartition(&job, "other")->mutable_ahead()->set_jobs(1);
  return job;
}

Explanation Elsewhere(uint32_t id, pb::JobState state) {
  Explanation job;
  job.set_job_id(id);
  job.set_label(StrCat(id));
  job.set_state(state);
  job.set_start_time(kSubmitted);
  job.set_end_time(kNow + 600);
  job.set_nodes("n[1-2]");
  return job;
}

std::vector<Explanation> All() {
  Explanation endless = Elsewhere(45, pb::JOB_STATE_RUNNING);
  endless.set_end_time(-1);
  Explanation cancelled = Elsewhere(47, pb::JOB_STATE_CANCELLED);
  cancelled.set_nodes("");
  Explanation suspended = Elsewhere(50, pb::JOB_STATE_SUSPENDED);
  suspended.set_end_time(0);
  Explanation planning = Pending(48, "None");
  planning.set_planning(true);
  Explanation starting = Pending(49, "Resources");
  starting.set_starts_now(true);
  return {Behind(),
          Never(),
          Held(),
          Elsewhere(44, pb::JOB_STATE_RUNNING),
          endless,
          Elsewhere(46, pb::JOB_STATE_COMPLETED),
          cancelled,
          planning,
          starting,
          Unlicensed(),
          Choosy(),
          Switched(52, true, false),
          Switched(53, false, false),
          Switched(54, false, true),
          suspended};
}

class ExplainView : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    unsetenv("SLURM_TIME_FORMAT");
  }
};

TEST_F(ExplainView, Text) {
  std::string text;
  for (const Explanation& job : All()) text += ExplainText(job, kNow);
  ExpectGolden("explain.txt", text);
}

TEST_F(ExplainView, Json) {
  ExpectGolden("explain.json", ExplainJson(All(), 3));
  EXPECT_EQ(ExplainJson({}, 0), "{\n  \"jobs\": [],\n  \"omitted\": 0\n}\n");
}

TEST_F(ExplainView, MagneticReservations) {
  Explanation job = Pending(55, "Resources");
  AddPartition(&job, "debug");
  for (const char* magnet : {"course", "m"}) job.add_magnets(magnet);
  job.set_planned_start(kNow + 600);
  job.set_planned_nodes("n[1-4]");
  job.set_planned_reservation("m");
  const std::string text = ExplainText(job, kNow);
  EXPECT_NE(text.find("is tried in reservations course,m too\n"), std::string::npos) << text;
  EXPECT_NE(text.find("on n[1-4] in reservation m\n"), std::string::npos) << text;
  const std::string json = ExplainJson({job}, 0);
  EXPECT_NE(json.find("\"planned_reservation\": \"m\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"magnetic_reservations\": ["), std::string::npos) << json;
}

}  // namespace
}  // namespace reeve::cli
