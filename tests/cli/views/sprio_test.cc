// sprio's listings as text, in the columns of Slurm 26.05.
#include <gtest/gtest.h>

#include "cli/sprio_rows.h"
#include "tests/cli/views/golden.h"

namespace reeve::cli {
namespace {

pb::Job Pending(uint32_t id, double job_size, const std::string& user = "root") {
  pb::Job job;
  job.set_job_id(id);
  job.set_user_name(user);
  job.set_account("root");
  job.set_qos("normal");
  job.set_priority(1000 + static_cast<uint32_t>(1000 * job_size));
  pb::JobPriority* priority = job.add_priorities();
  priority->set_partition("debug");
  priority->set_priority(job.priority());
  priority->set_fair_share(1);
  priority->set_job_size(job_size);
  return job;
}

// outputs-26.05: four nodes of 64 CPUs.
std::vector<pb::Job> Queue() {
  return {Pending(30, 0.3984375), Pending(31, 0.25390625), Pending(32, 0.126953125),
          Pending(36, 0.5078125)};
}

PriorityConfig Weights() {
  return {.weight_age = 1000, .weight_fair_share = 1000, .weight_job_size = 1000};
}

std::string Text(const std::string& format, const std::vector<SprioRow>& rows) {
  return Layout<SprioRow>(*ParsePercentFormat(format), SprioFields(), FieldNaming::kLetter)
      .Fill(rows)
      .Text();
}

std::string List(const std::vector<pb::Job>& jobs, const PriorityConfig& weights,
                 const SprioShape& shape, const std::string& sort = "i",
                 const std::vector<std::string>& partitions = {}) {
  absl::StatusOr<std::vector<SprioRow>> rows = SprioRows(jobs, partitions, weights, sort);
  if (!rows.ok()) return std::string(Message(rows.status()));
  return Text(SprioFormat(weights, shape), *rows);
}

TEST(Sprio, ColumnsOfWeightsThatAreNotZero) {
  ExpectGolden("sprio.txt", List(Queue(), Weights(), {}));
  EXPECT_EQ(List({Queue()[0]}, {}, {}),
            "          JOBID PARTITION   PRIORITY       SITE\n"
            "             30 debug           1398          0\n");
  const PriorityConfig weights = Weights();
  EXPECT_EQ(Text(SprioFormat(weights, {}), {SprioRow{nullptr, nullptr, &weights}}),
            ReadGolden("sprio-w.txt"));
}

TEST(Sprio, Long) {
  ExpectGolden("sprio-l.txt", List(Queue(), Weights(), {.long_listing = true}));
}

TEST(Sprio, EveryColumn) {
  pb::Job job = Pending(7, 0.5, "somebody-long");
  job.set_partition("debug,other");
  job.mutable_priorities(0)->set_age(0.0007180);
  job.mutable_priorities(0)->set_partition_factor(1);
  job.mutable_priorities(0)->set_tres_cpu(0.25);
  job.mutable_priorities(0)->set_tres_mem(0.5);
  job.mutable_priorities(0)->set_nice(-10);
  *job.add_priorities() = job.priorities(0);
  job.mutable_priorities(1)->set_partition("other");
  job.mutable_priorities(1)->set_priority(2000);
  PriorityConfig weights = Weights();
  weights.weight_partition = 10;
  weights.weight_assoc = weights.weight_qos = 5;
  weights.weight_cpu = 100;
  weights.weight_mem = -30;
  weights.weight_tres = "CPU=100,Mem=-30";
  ExpectGolden("sprio-all.txt", List({job}, weights, {.by_user = true}) +
                                    List({job}, weights, {.long_listing = true}) +
                                    List({job}, weights, {.norm = true}) +
                                    List({job}, weights, {.long_listing = true, .norm = true}) +
                                    Text(SprioFormat(weights, {.long_listing = true}),
                                         {SprioRow{nullptr, nullptr, &weights}}));
}

TEST(Sprio, SortsAndSelects) {
  std::vector<pb::Job> jobs = Queue();
  jobs.push_back(Pending(40, 0.3, "alice"));
  jobs.push_back(Pending(41, 0.3));
  jobs.back().set_priority(0);  // held
  const auto ids = [&](const std::string& sort, const std::vector<std::string>& partitions = {}) {
    const PriorityConfig weights = Weights();
    return Text("%i ", *SprioRows(jobs, partitions, weights, sort));
  };
  EXPECT_EQ(ids("i"), "JOBID \n30 \n31 \n32 \n36 \n40 \n");
  EXPECT_EQ(ids("-Y"), "JOBID \n36 \n30 \n40 \n31 \n32 \n");
  EXPECT_EQ(ids("u,-i"), "JOBID \n40 \n36 \n32 \n31 \n30 \n");
  EXPECT_EQ(ids("i", {"other"}), "JOBID \n");
  EXPECT_EQ(List(jobs, Weights(), {}, "z"), "Invalid sort specification: z");
}

}  // namespace
}  // namespace reeve::cli
