#include "ctld/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<const PublishedJob> MakeJob(uint32_t id, const std::string& name = "") {
  pb::Job job;
  job.set_job_id(id);
  job.mutable_spec()->set_name(name);
  return PublishedJob::Make(std::move(job));
}

std::vector<uint32_t> Ids(const PublishedState& state) {
  std::vector<uint32_t> ids;
  PublishedState::Cursor cursor;
  while (const PublishedJob* job = state.NextJob(&cursor)) ids.push_back(job->id());
  return ids;
}

TEST(Publisher, NothingShowsBeforePublish) {
  Publisher publisher;
  publisher.PutJob(MakeJob(1));
  EXPECT_EQ(publisher.Take()->FindJob(1), nullptr);
  publisher.Publish();
  EXPECT_NE(publisher.Take()->FindJob(1), nullptr);
}

TEST(Publisher, APictureTakenNeverChanges) {
  Publisher publisher;
  publisher.PutJob(MakeJob(1, "old"));
  publisher.PutJob(MakeJob(300));
  publisher.Publish();
  auto before = publisher.Take();
  publisher.PutJob(MakeJob(1, "new"));
  publisher.RemoveJob(300);
  publisher.PutJob(MakeJob(2));
  publisher.Publish();
  EXPECT_EQ(before->FindJob(1)->Read().spec().name(), "old");
  EXPECT_THAT(Ids(*before), ElementsAre(1, 300));
  EXPECT_EQ(publisher.Take()->FindJob(1)->Read().spec().name(), "new");
  EXPECT_THAT(Ids(*publisher.Take()), ElementsAre(1, 2));
}

// What is put before anybody looks and what is put after share chunks: neither shows in the other.
TEST(Publisher, PicturesBetweenChangesOfOneChunk) {
  Publisher publisher;
  std::vector<std::shared_ptr<const PublishedState>> pictures;
  for (uint32_t id = 1; id <= 60; ++id) {
    publisher.PutJob(MakeJob(id, "first"));
    publisher.PutJob(MakeJob(7, std::to_string(id)));
    publisher.Publish();
    if (id % 10 == 0) pictures.push_back(publisher.Take());
  }
  EXPECT_EQ(publisher.Take(), publisher.Take());
  for (size_t i = 0; i < pictures.size(); ++i) {
    EXPECT_EQ(Ids(*pictures[i]).size(), 10 * (i + 1));
    EXPECT_EQ(pictures[i]->FindJob(7)->Read().spec().name(), std::to_string(10 * (i + 1)));
  }
}

TEST(Publisher, IdsMayComeInAnyOrderAndFarApart) {
  Publisher publisher;
  for (uint32_t id : {100000u, 5u, 70000u}) publisher.PutJob(MakeJob(id));
  publisher.Publish();
  EXPECT_THAT(Ids(*publisher.Take()), ElementsAre(5, 70000, 100000));
  EXPECT_EQ(publisher.Take()->FindJob(4000000000u), nullptr);
}

// Against a plain map, with removals that empty whole chunks.
TEST(Publisher, AgreesWithAMap) {
  Publisher publisher;
  std::map<uint32_t, bool> expected;
  std::mt19937 random(7);
  for (int step = 0; step < 20000; ++step) {
    uint32_t id = random() % 2000 + static_cast<uint32_t>(step) / 10;
    if (random() % 3 == 0) {
      publisher.RemoveJob(id);
      expected.erase(id);
    } else {
      publisher.PutJob(MakeJob(id));
      expected[id] = true;
    }
    if (random() % 16 != 0) continue;
    publisher.Publish();
    if (step % 50 != 0) continue;
    std::vector<uint32_t> ids;
    for (const auto& [key, value] : expected) ids.push_back(key);
    ASSERT_EQ(Ids(*publisher.Take()), ids) << "step " << step;
  }
}

TEST(Publisher, NodesKeepTheirOrder) {
  Publisher publisher;
  for (const char* name : {"n2", "n1"}) {
    auto node = std::make_shared<pb::Node>();
    node->set_name(name);
    publisher.PutNode(node);
  }
  auto changed = std::make_shared<pb::Node>();
  changed->set_name("n2");
  changed->set_cpus(4);
  publisher.PutNode(changed);
  publisher.Publish();
  auto state = publisher.Take();
  ASSERT_EQ(state->nodes().size(), 2u);
  EXPECT_EQ(state->nodes()[0]->cpus(), 4u);
  EXPECT_EQ(state->nodes()[1]->name(), "n1");
}

}  // namespace
}  // namespace reeve::ctld
