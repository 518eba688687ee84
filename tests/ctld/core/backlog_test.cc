#include "ctld/core/backlog.h"

#include <gtest/gtest.h>

#include "ctld/core/shape.h"

namespace reeve::ctld {
namespace {

// What is known of shapes is let go when there are thousands that nobody has.
TEST(Backlog, ForgetsShapesThatNobodyHas) {
  Backlog backlog;
  ShapeTable shapes;
  for (uint32_t i = 1; i <= 5000; ++i) {
    Shape shape;
    shape.num_tasks = i;
    Job job;
    job.id = JobId{i};
    job.shape = shapes.Intern(std::move(shape));
    ReadyKey key;
    key.job = job.id;
    ASSERT_TRUE(backlog.Insert(job, {key}, [](PartitionIndex) { return 0u; }));
    backlog.candidates.insert({key, backlog.QueueOf(key)});
    if (i % 100 != 0) backlog.Erase(job.id);
  }
  EXPECT_EQ(backlog.queues().size(), 5000u);
  backlog.ForgetEmptyQueues();
  EXPECT_EQ(backlog.queues().size(), 50u);
  EXPECT_EQ(backlog.candidates.size(), 50u);
  backlog.ForgetEmptyQueues();  // not before there are many again
  EXPECT_EQ(backlog.queues().size(), 50u);
}

}  // namespace
}  // namespace reeve::ctld
