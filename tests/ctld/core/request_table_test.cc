#include "ctld/core/request_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/str_format.h"

namespace reeve::ctld {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1795387200);

RequestResult Answer(uint32_t uid, std::string id, uint32_t job, int64_t second) {
  return {{uid, std::move(id)}, kStart + absl::Seconds(second), JobId{job}, std::nullopt, {}, ""};
}

TEST(RequestTable, GivesBackWhatWasSaid) {
  RequestTable table;
  const std::string hex = "00ff00ff00ff00ff0123456789abcdef";
  RequestResult with_all = Answer(7, "a step's", 12, 5);
  with_all.step = StepId{3};
  with_all.notes = {"sbatch: note"};
  with_all.io_secret = "secret";
  table.Add(Answer(7, hex, 11, 1));
  table.Add(with_all);
  table.Add(Answer(8, hex, 13, 6));  // another user's of the same id

  ASSERT_TRUE(table.Find({7, hex}).has_value());
  EXPECT_EQ(table.Find({7, hex})->job, JobId{11});
  EXPECT_EQ(table.Find({7, hex})->time, kStart + absl::Seconds(1));
  EXPECT_FALSE(table.Find({7, hex})->step.has_value());
  EXPECT_EQ(table.Find({8, hex})->job, JobId{13});
  const auto step = table.Find({7, "a step's"});
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->step, StepId{3});
  EXPECT_EQ(step->notes, with_all.notes);
  EXPECT_EQ(step->io_secret, "secret");
  EXPECT_FALSE(table.Find({9, hex}).has_value());
  EXPECT_FALSE(table.Find({7, ""}).has_value());
}

// Ids that look alike are not the same: capitals, one digit less, the packed form of another.
TEST(RequestTable, IdsAreComparedLetterByLetter) {
  RequestTable table;
  const std::vector<std::string> ids = {
      "00ff00ff00ff00ff0123456789abcdef", "00FF00FF00FF00FF0123456789ABCDEF",
      "0ff00ff00ff00ff0123456789abcdef",  "00ff00ff00ff00ff0123456789abcde ",
      "00000000000000000000000000000000", "0"};
  uint32_t job = 1;
  for (const std::string& id : ids) {
    ASSERT_FALSE(table.Contains({7, id})) << id;
    table.Add(Answer(7, id, job++, 1));
  }
  job = 1;
  for (const std::string& id : ids) EXPECT_EQ(table.Find({7, id})->job, JobId{job++}) << id;
  const std::vector<RequestKey> taken = table.TakeUntil(kStart + absl::Seconds(1));
  ASSERT_EQ(taken.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(taken[i].request_id, ids[i]);
}

// Beside a plain model of it.
TEST(RequestTable, ForgetsTheOldestAndAUsersSurplus) {
  std::mt19937 random(1);
  for (int life = 0; life < 50; ++life) {
    RequestTable table;
    std::map<uint32_t, std::vector<RequestResult>> model;  // by user, the oldest first
    int64_t now = 0;
    for (int i = 0; i < 300; ++i) {
      now += random() % 3;
      const uint32_t uid = random() % 4;
      if (random() % 4 != 0) {
        std::string id =
            random() % 3 == 0 ? absl::StrFormat("other %d", i) : absl::StrFormat("%032x", i * 7919);
        table.Add(Answer(uid, id, i + 1, now));
        model[uid].push_back(Answer(uid, id, i + 1, now));
      } else if (random() % 2 == 0) {
        const size_t most = random() % 20;
        std::vector<RequestResult>& mine = model[uid];
        const std::vector<RequestKey> taken = table.TakeSurplus(uid, most);
        const size_t surplus = mine.size() > most ? mine.size() - most : 0;
        ASSERT_EQ(taken.size(), surplus);
        for (size_t k = 0; k < surplus; ++k) ASSERT_EQ(taken[k], mine[k].key);
        mine.erase(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(surplus));
      } else {
        const absl::Time until = kStart + absl::Seconds(now - static_cast<int64_t>(random() % 40));
        size_t expected = 0;
        for (auto& [user, mine] : model) {
          expected += std::erase_if(mine, [&](const auto& r) { return r.time <= until; });
        }
        ASSERT_EQ(table.TakeUntil(until).size(), expected);
      }
      size_t known = 0;
      std::optional<absl::Time> oldest;
      for (const auto& [user, mine] : model) {
        for (const RequestResult& result : mine) {
          ++known;
          oldest = std::min(oldest.value_or(result.time), result.time);
          const auto found = table.Find(result.key);
          ASSERT_TRUE(found.has_value());
          ASSERT_EQ(found->job, result.job);
        }
      }
      ASSERT_EQ(table.size(), known);
      ASSERT_EQ(table.oldest(), oldest);
    }
  }
}

}  // namespace
}  // namespace reeve::ctld
